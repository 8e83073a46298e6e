"""Ratios and normalisations of gamma functions that keep their digits for large arguments."""

import math

import numpy as np
from scipy import special

_LARGE = 12.0


def stirling_remainder(x: float) -> float:
    """log Γ(x) - [(x - ½) log x - x + ½ log 2π], for x > 0; it is below 1/(12x)."""
    if x >= _LARGE:
        y = 1 / (x * x)
        tail = 1 / 1260 - y * (1 / 1680 - y * (1 / 1188 - y * (691 / 360360 - y / 156)))
        return (1 / 12 - y * (1 / 360 - y * tail)) / x
    return float(special.gammaln(x)) - ((x - 0.5) * math.log(x) - x + 0.5 * math.log(2 * math.pi))


def log_gamma_ratio(x: float, step: float) -> float:
    """log[Γ(x + step)/Γ(x)] for x > 0 and x + step > 0, without the cancellation of two large logarithms."""
    if min(x, x + step) < _LARGE:
        return float(special.gammaln(x + step) - special.gammaln(x))
    slope = (x + step - 0.5) * math.log1p(step / x) + step * math.log(x) - step
    return slope + stirling_remainder(x + step) - stirling_remainder(x)


def gamma_peak(shape: float) -> float:
    """shape·log(shape) - shape - log Γ(shape): the log density of log Gamma(shape) at its mode."""
    return 0.5 * math.log(shape / (2 * math.pi)) - stirling_remainder(shape)


def expm1_minus(u: np.ndarray) -> np.ndarray:
    """exp(u) - 1 - u, relatively accurate."""
    small = np.abs(u) < 0.02
    v = np.where(small, u, 0.0)
    series = v * v * (1 / 2 + v * (1 / 6 + v * (1 / 24 + v * (1 / 120 + v * (1 / 720 + v / 5040)))))
    with np.errstate(over="ignore"):
        return np.where(small, series, np.expm1(u) - u)


def trigamma(x: float) -> float:
    """The second derivative of log Γ."""
    return float(special.polygamma(1, x))
