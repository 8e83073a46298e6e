"""Certificates: pure functions from (noise, error, norm) to radii, collected in one table."""

from wulff.certificates import gaussian, laplace, uniform  # noqa: F401  (each file registers its theorems)
from wulff.certificates.planning import Plan, largest_error, plan
from wulff.certificates.registry import (
    ANY_NORM,
    Certificate,
    Radii,
    certified_radius,
    conversions,
    methods,
    register,
    table,
)

__all__ = [
    "ANY_NORM",
    "Certificate",
    "Plan",
    "Radii",
    "certified_radius",
    "conversions",
    "largest_error",
    "methods",
    "plan",
    "register",
    "table",
]
