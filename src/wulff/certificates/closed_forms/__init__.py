"""Theorems whose radius is a formula, a quantile or one root."""

from wulff.certificates.closed_forms import (  # noqa: F401  (each file registers its theorems)
    ball,
    coordinates,
    exponential,
    gaussian,
    laplace,
    power,
    prior_bounds,
    uniform,
)
