"""Uniform noise on the cube: exact, because the growth function is min(1, p + 1 - overlap).

The cube and the cube shifted by v overlap in the share Π(1 - |v_i|/2) of their volume (scale 1), so a
class keeps its majority if and only if the overlap exceeds s = ½ + error. With x_i = -log(1 - |v_i|/2)
and L = -log s, the radius against ‖·‖_p is 2 · min { Σf(x_i) : Σx_i = L, x_i ≥ 0 }^(1/p) for
f(x) = (1 - e^(-x))^p, which is convex on [0, log p] and concave beyond; L < log 2.
"""

import math

import numpy as np

from wulff._typing import FloatArray
from wulff.certificates.certificate import ANY_NORM, Overlap
from wulff.certificates.registry import register
from wulff.noises import Uniform
from wulff.norms import Norm

PIECES = 1024
"""Intervals on which `uniform_lp` bounds a minimum from below; the bound loses about 1e-5 of the radius."""


@register(Uniform, ANY_NORM, method="closed-form", tight=True, ulps=32, growth=Overlap())
def uniform(noise: Uniform, error: FloatArray, dim: int, norm: Norm) -> FloatArray:
    """2 d^(1/p) (1 - (½ + error)^(1/d)), and 2 (½ - error) for p = 1 [Yang et al. 2020, table A.1]; exact.

    The worst perturbation changes one coordinate for p = 1 [theorem I.2], and all coordinates equally
    where the tangent of f at L/d stays below f on [0, L], derived here: by convexity for p ≥ 2, as then
    log p ≥ log 2; for p < 2 it has to be checked at L only, as f is convex and then concave. (The paper
    covers p = 1 and ∞; the root is misprinted there.)
    """
    if norm.p == 1:
        return 2 * (0.5 - error)
    radius = 2 * dim ** (1 / norm.p) * _root_complement(error, dim)
    if norm.p >= 2 or dim == 1:
        return radius
    total = -np.log1p(error - 0.5)
    equal = total / dim
    tangent = _cost(equal, norm.p) + _slope(equal, norm.p) * (total - equal)
    certainly_below = tangent <= _cost(total, norm.p) * (1 - 1e-12)
    return np.where(certainly_below & (equal <= math.log(norm.p)), radius, np.nan)


@register(Uniform, ANY_NORM, method="one-large-coordinate", tight=False, ulps=2**14, growth=Overlap())
def uniform_lp(noise: Uniform, error: FloatArray, dim: int, norm: Norm) -> FloatArray:
    """2 · min_y (f(y) + (d-1) f((L-y)/(d-1)))^(1/p), from below, for 1 < p < 2 and d ≥ 2; derived here.

    At the minimum at most one x_i lies where f is strictly concave, and those where it is convex are
    equal: f'(0) = 0 forbids zeros beside positive coordinates. So either all are equal, or one is y >
    log p and the others are (L-y)/(d-1) ≤ log p. On a short interval of y the first term is above its
    chord and the second above its tangents at both ends; the least of these broken lines over all
    intervals is below the minimum.
    """
    p = norm.p
    if not 1 < p < 2 or dim == 1:
        return np.full(error.shape, np.nan)
    shares = np.concatenate([[0.0], np.geomspace(1e-30, 1.0, PIECES)])
    radius = np.empty(error.shape)
    for i, total in enumerate(-np.log1p(error.ravel() - 0.5)):
        equal = dim * _cost(total / dim, p)
        # The mass of the d-1 small coordinates, from none to the most that leaves y ≥ log p.
        most = min((dim - 1) * math.log(p), total - math.log(p), total * (1 - 1 / dim))
        least = _least_of_pieces(total, most * shares, dim - 1, p) if most > 0 else math.inf
        radius.flat[i] = 2 * min(equal, least) ** (1 / p)
    return radius


def _least_of_pieces(total: float, rest: FloatArray, others: int, p: float) -> float:
    """A lower bound on the minimum of f(total - m) + others · f(m / others) over the range of `rest`."""
    large = _cost(total - rest, p)
    small = others * _cost(rest / others, p)
    slope = _slope(rest / others, p)
    left, width = slice(None, -1), np.diff(rest)
    # The two tangents of a convex function meet at `meeting`, between the ends.
    bend = np.maximum(slope[1:] - slope[left], np.finfo(float).tiny)
    meeting = np.clip((small[left] - small[1:] + slope[1:] * width) / bend, 0.0, width)
    lower = np.minimum(small[left] + slope[left] * meeting, small[1:] - slope[1:] * (width - meeting))
    chord = large[left] + np.diff(large) * (meeting / width)
    return float(min((large + small).min(), (chord + lower).min()))


def _cost(x: FloatArray | float, p: float) -> FloatArray:
    """f(x) = (1 - e^(-x))^p."""
    return (-np.expm1(-np.asarray(x))) ** p


def _slope(x: FloatArray | float, p: float) -> FloatArray:
    """f'(x)."""
    return p * (-np.expm1(-np.asarray(x))) ** (p - 1) * np.exp(-np.asarray(x))


def _root_complement(error: FloatArray, dim: int) -> FloatArray:
    """1 - (½ + error)^(1/dim) without cancellation: error - ½ is exact where it is small."""
    return -np.expm1(np.log1p(error - 0.5) / dim)
