"""Certificates: pure functions from (noise, error, norm) to radii, collected in one table."""

from wulff.certificates import gaussian, laplace, level_set, uniform  # noqa: F401  (each file registers its theorems)
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
    "Radii",
    "certified_radius",
    "conversions",
    "methods",
    "register",
    "table",
]
