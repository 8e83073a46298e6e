"""Certificates: pure functions from (noise, error, norm) to radii, collected in one table."""

from wulff.certificates import (  # noqa: F401  (each file registers its theorems)
    box,
    closed_forms,
    differential,
    features,
    level_set,
    privacy_loss,
)
from wulff.certificates.certificate import ANY_NORM, Bounded, Certificate, Overlap, Rate
from wulff.certificates.features.staircase import Staircase, staircase
from wulff.certificates.planning import Plan, largest_error, plan
from wulff.certificates.privacy_loss.monte_carlo import MonteCarloRadius, mixed_linf_loss, monte_carlo_radius
from wulff.certificates.probability import Guarantee, certified_probability
from wulff.certificates.radii import Radii, certified_radius, radius_in_any_dimension
from wulff.certificates.registry import conversions, methods, register, table
from wulff.certificates.top_k import top_k_radius
from wulff.certificates.two_sided import two_sided_radius

__all__ = [
    "ANY_NORM",
    "Bounded",
    "Certificate",
    "Guarantee",
    "MonteCarloRadius",
    "Overlap",
    "Plan",
    "Radii",
    "Rate",
    "Staircase",
    "certified_probability",
    "certified_radius",
    "conversions",
    "largest_error",
    "methods",
    "mixed_linf_loss",
    "monte_carlo_radius",
    "plan",
    "radius_in_any_dimension",
    "register",
    "staircase",
    "table",
    "top_k_radius",
    "two_sided_radius",
]
