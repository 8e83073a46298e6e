"""What a certificate says about errors other than ½: bounds on how a probability changes under a shift.

A radius function r that is an integral of growth rates, r(e) = ∫_e^½ dp/Φ(p) with Φ(p) = Φ(1 - p), says
more than when the error reaches ½: along any path of length s the error p obeys dp/ds ≤ Φ(p), hence
r(p) ≥ r(e) - s, with r extended oddly by r(1 - p) = -r(p). A probability that starts at p therefore stays
below the p' with r(p') = r(p) - s. For uniform laws, a shift v adds at most 1 - overlap(v) to any p. The
methods that evaluate hockey-stick divergences bound the error at a radius themselves.
"""

import numpy as np

from wulff._numerics import rounding
from wulff._numerics.bisection import bisect, last_true
from wulff._typing import FloatArray
from wulff.certificates.registry import Certificate
from wulff.noises import Noise
from wulff.norms import Threat, WithChanges

BISECTIONS = 58


def signed_enclosure(
    entry: Certificate, noise: Noise, p: FloatArray, dim: int, norm: Threat
) -> tuple[FloatArray, FloatArray]:
    """r(p) of a "rate" certificate for p in (0, 1], rounded down and up; r(1 - p) = -r(p), r(1) = -∞."""
    smaller = np.minimum(p, 1 - p)  # 1 - p is exact for p ≥ ½
    inner = (smaller > 0) & (smaller < 0.5)
    low = np.where(smaller == 0.5, 0.0, np.inf)
    high = low.copy()
    if inner.any():
        low[inner], high[inner] = entry.enclosure(noise, smaller[inner], dim, norm)
    return np.where(p <= 0.5, low, -high), np.where(p <= 0.5, high, -low)


def grown_error(
    entry: Certificate, noise: Noise, error: FloatArray, radius: FloatArray, dim: int, norm: Threat
) -> FloatArray:
    """An upper bound on the error after a perturbation of at most `radius`; nan where nothing is known."""
    if callable(entry.growth):
        size = rounding.up(np.maximum(radius, 1e-300) / noise.scale, 1)
        grown = np.maximum(entry.growth(noise, error, size, dim), error)
    elif entry.growth == "rate":
        grown = _grown_by_rate(entry, noise, error, radius, dim, norm)
    else:
        grown = _grown_by_overlap(entry, noise, error, radius, dim, norm)
    # A perturbation of size 0 is none, unless categories change beside it.
    return grown if isinstance(norm, WithChanges) else np.where(radius > 0, grown, error)


def _grown_by_rate(
    entry: Certificate, noise: Noise, error: FloatArray, radius: FloatArray, dim: int, norm: Threat
) -> FloatArray:
    """The solution p of r(p) = r(error) - radius [Zhang et al. 2020, equation 8, for level sets]."""
    start, _ = signed_enclosure(entry, noise, error, dim, norm)
    with np.errstate(invalid="ignore"):  # -∞ - ∞
        target = np.nextafter(start - radius, -np.inf)
    # Bisection on the log-odds keeps r(high) ≤ target as it goes, and the error 1 always obeys it.
    low = np.log(error) - np.log1p(-np.minimum(error, 1 - 2.0**-53))
    high = np.full(error.shape, 800.0)

    def above(log_odds: FloatArray) -> np.ndarray:
        return ~(signed_enclosure(entry, noise, _probability(log_odds), dim, norm)[1] <= target)

    return np.where(np.isnan(start), np.nan, _probability(bisect(above, low, high, BISECTIONS)[1]))


def _probability(log_odds: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-np.maximum(log_odds, -700.0)))


def _grown_by_overlap(
    entry: Certificate, noise: Noise, error: FloatArray, radius: FloatArray, dim: int, norm: Threat
) -> FloatArray:
    """error + δ, with the smallest δ < ½ for which the radius at error ½ - δ is large enough; 1 if none."""
    largest = np.nextafter(0.5, 0)

    def obeys(other: FloatArray) -> np.ndarray:
        return entry.radius(noise, np.minimum(other, largest), dim, norm) >= radius

    least = np.full(error.shape, 1e-300)
    found = np.minimum(last_true(obeys, least, np.full(error.shape, 0.5), BISECTIONS), largest)
    return np.where(obeys(least), np.minimum(rounding.up(error + (0.5 - found), 1), 1.0), 1.0)
