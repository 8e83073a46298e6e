"""Noise with independent coordinates against linf, by composing privacy-loss distributions; derived here.

Among all v with ‖v‖∞ ≤ r the worst is (r, ..., r), at every error: the densities are even and unimodal in
each coordinate, so the slices of their superlevel sets are symmetric intervals, and moving one |v_i| up can
only shrink the overlap of a superlevel set with a shifted one. A weighted sum of such overlaps is

    D_t(v) = sup_U { P[Z + v ∈ U] - t P[Z ∈ U] } = E[(1 - t e^(-L))₊],   L = log q(X - v)/q(X), X = Z + v,

and G(p, v) ≤ t p + D_t(v) for every t ≥ 0: whatever t is used, the bound is valid. For v = (r, ..., r) the
privacy loss L is a sum of d independent copies of one coordinate's, which `coordinate_loss` moves to a
lattice such that no D_t falls; composition keeps that order [Zhu, Dong & Wang 2022, theorem 10].
"""

import dataclasses
import functools
import math

import numpy as np

from wulff._numerics.composition import compose
from wulff._typing import FloatArray
from wulff.certificates.coordinate_loss import privacy_loss
from wulff.certificates.registry import register
from wulff.noises import ExpLp, Laplace, Pareto
from wulff.noises.base import HalfLine, IIDNoise
from wulff.norms import Norm

SMALLEST_ERROR = 1e-40
"""Smaller errors get the radius of this one."""
LARGEST_LOSS = 150.0
"""Shifts with a larger total loss serve smaller errors only."""
LARGE_DIM = 4096
"""In more dimensions the list of shifts and the lattice are coarser: all is nearly normal there."""
ROUNDS = 3
KEPT = 1024
"""Values of t kept per shift."""


@register(Laplace, Norm.LINF, method="privacy-loss", tight=False, ulps=8, smallest_p=3)
def laplace_linf(noise: Laplace, error: FloatArray, dim: int) -> FloatArray:
    """The r with inf_t {t · error + D_t(r, ..., r)} = ½; derived here, tight but for discretisation."""
    return _radius(Laplace(scale=1.0), error, dim)


@register(ExpLp, Norm.LINF, method="privacy-loss", tight=False, ulps=8, smallest_p=3)
def exp_lp_linf(noise: ExpLp, error: FloatArray, dim: int) -> FloatArray:
    """The r with inf_t {t · error + D_t(r, ..., r)} = ½; derived here, tight but for discretisation."""
    return _radius(ExpLp(scale=1.0, p=noise.p), error, dim)


@register(Pareto, Norm.LINF, method="privacy-loss", tight=False, ulps=8, smallest_p=3)
def pareto_linf(noise: Pareto, error: FloatArray, dim: int) -> FloatArray:
    """The r with inf_t {t · error + D_t(r, ..., r)} = ½; derived here, tight but for discretisation."""
    return _radius(Pareto(scale=1.0, a=noise.a), error, dim)


def _radius(noise: IIDNoise, error: FloatArray, dim: int) -> FloatArray:
    """From the largest shift on a list that keeps the error below ½ to the largest one of all.

    For log-concave densities by interpolation to the next shift on the list. For the others by further
    shifts from the list: growth functions compose, G(p, v + w) ≤ G(G(p, v), w); as the first shift all
    but decides, little is lost. 0 where the error is so close to ½ that no shift on the list keeps it below.
    """
    p, total = np.maximum(error, SMALLEST_ERROR), np.zeros(error.shape)
    bound = np.full(error.shape, np.inf)
    for _ in range(ROUNDS):
        node = _largest_node(noise, p, dim)
        for k in np.unique(node[node >= 0]):
            here = node == k
            curve, following = _curve(noise, dim, int(k)), _curve(noise, dim, int(k) + 1)
            # No more than the next shift on the list, so that radii fall as the error grows.
            bound[here] = np.minimum(bound[here], total[here] + following.shift)
            if noise.half_line is HalfLine.LOG_CONCAVE:
                total[here] = _interpolate(curve, following, p[here])
                p[here] = 0.5
            else:
                total[here] += curve.shift
                p[here] = curve.grown(p[here])
            total[here] = np.minimum(total[here], bound[here])
    return total


def _interpolate(left: "_Curve", right: "_Curve", p: FloatArray) -> FloatArray:
    """The largest shift between two that keeps the error below ½, for a log-concave density q.

    1 - D_t(r) is the integral of min(q(z - v), t q(z)) over z. With τ = log t, the logarithm of the
    integrand is concave in (z, r, τ), so by Prékopa's theorem that of the integral is concave in (r, τ):
    a geometric mean of its values at (r₁, τ₁) and (r₂, τ₂) bounds it from below in between.
    """
    (tau, overlap), (tau_step, overlap_step) = left.line(p), right.line(p)
    tau_step, overlap_step = tau_step - tau, overlap_step - overlap
    low, high = np.zeros(p.shape), np.ones(p.shape)
    for _ in range(40):
        part = 0.5 * (low + high)
        needed = np.log(0.5 + np.exp(np.log(p) + tau + part * tau_step))
        holds = overlap + part * overlap_step - 1e-12 >= needed
        low, high = np.where(holds, part, low), np.where(holds, high, part)
    return left.shift + low * (right.shift - left.shift)


def _largest_node(noise: IIDNoise, p: FloatArray, dim: int) -> np.ndarray:
    """The index of the largest shift after which each error is still below ½; -1 if there is none."""
    low, high = np.full(p.shape, -1), np.where(p < 0.5, _shifts(noise, dim).size - 1, 0)
    while ((high - low) > 1).any():
        middle = np.where(high - low > 1, (low + high) // 2, low)
        reach = np.full(p.shape, math.inf)
        for k in np.unique(middle[high - low > 1]):
            reach[middle == k] = _curve(noise, dim, int(k)).reach
        holds = p <= reach
        low, high = np.where(holds, np.maximum(low, middle), low), np.where(holds, high, middle)
    return low


def _shifts(noise: IIDNoise, dim: int) -> FloatArray:
    """The list of shifts: a geometric sequence around the upper quartile of a coordinate over √d."""
    ratio = 1.02 if dim <= LARGE_DIM else 1.06
    exponents = np.arange(math.floor(-14 / math.log(ratio)), math.ceil(15 / math.log(ratio)))
    unit = float(noise.coordinate_isf(np.array(0.25))) / math.sqrt(dim)
    return unit * np.exp(math.log(ratio) * exponents.astype(np.float64))


@dataclasses.dataclass(frozen=True)
class _Curve:
    """The growth function of one shift from above, as the least of the lines p ↦ t p + D_t.

    Attributes:
        shift: The r of the shift (r, ..., r).
        reach: An error that the shift certainly does not bring above ½.
        log_t, log_overlap: The lines' log t and log(1 - D_t).
        log_break: The log of the p where each line meets the next one.
    """

    shift: float
    reach: float
    log_t: FloatArray
    log_overlap: FloatArray
    log_break: FloatArray

    def grown(self, p: FloatArray) -> FloatArray:
        """An upper bound on the error after the shift."""
        log_t, log_overlap = self.line(p)
        return np.minimum((p * np.exp(log_t) - np.expm1(log_overlap)) * (1 + 1e-12), 0.5)

    def line(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """log t and log(1 - D_t) of the line that is the lowest one at each p."""
        best = len(self.log_t) - 1 - np.searchsorted(self.log_break[::-1], np.log(p))
        return self.log_t[best], self.log_overlap[best]


@functools.lru_cache(maxsize=8192)
def _curve(noise: IIDNoise, dim: int, node: int) -> _Curve:
    shift = float(_shifts(noise, dim)[node])
    nothing = _Curve(shift, 0.0, np.zeros(1), np.full(1, -1e3), np.zeros(0))
    law = privacy_loss(noise, shift, 128 if dim <= LARGE_DIM else 64)
    if law is None or dim * law.infinite > 0.5:
        return nothing
    mean, deviation = law.moments()
    if (dim * mean - 8 * math.sqrt(dim) * deviation) * law.step > LARGEST_LOSS:
        return nothing
    total = compose(law, dim)
    if total.lost > 0.5:
        return nothing
    # From the top: the masses at and above each point, and the same weighted by e^(-loss).
    tail = np.cumsum(total.mass[::-1])[::-1]
    first = max(int(np.argmax(tail <= min(0.8, 0.999 * tail[0]))) - 1, 0)
    last = len(tail) - int(np.argmax(tail[::-1] >= 1e-5))
    last = min(last, len(tail) - 1, first + math.floor(600 / total.step))  # so that no weight underflows
    weight = np.exp(-np.arange(len(tail) - first) * total.step)
    weighted = np.cumsum((total.mass[first:] * weight)[::-1])[::-1]
    kept = np.unique(np.linspace(0, last - first, KEPT).round().astype(int))
    log_t = (total.first + first + kept) * total.step
    # Σ_{L ≥ ε} (1 - e^(ε - L)), with the rounding of the two sums of up to 2^21 terms.
    gap = tail[first:][kept] - weighted[kept] / weight[kept]
    gap = np.clip(gap + total.lost + 1.2e-16 * len(tail), 0.0, 1 - 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_reach = np.log(0.5 - gap) - log_t - 1e-12
        log_break = np.log(np.maximum(-np.diff(gap), 0.0)) - log_t[:-1] - np.log(np.expm1(np.diff(log_t)))
    reach = float(np.exp(np.nanmax(log_reach))) if np.isfinite(log_reach).any() else 0.0
    return _Curve(shift, reach, log_t, np.log1p(-gap) - 1e-15, np.minimum.accumulate(log_break))
