"""Certificates: pure functions from (noise, error, norm) to radii, collected in one table."""

from wulff.certificates import (  # noqa: F401  (each file registers its theorems)
    ball,
    differential,
    exponential,
    gaussian,
    iid,
    laplace,
    power,
    uniform,
)
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
