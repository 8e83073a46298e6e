"""Noise with independent coordinates against linf, by composing privacy-loss distributions; derived here.

Among all v with ‖v‖∞ ≤ r the worst is (r, ..., r), at every error: the densities are even and unimodal in
each coordinate, so the slices of their superlevel sets are symmetric intervals, and moving one |v_i| up can
only shrink the overlap of a superlevel set with a shifted one. A weighted sum of such overlaps is

    D_t(v) = sup_U { P[Z + v ∈ U] - t P[Z ∈ U] } = E[(1 - t e^(-L))₊],   L = log q(X - v)/q(X), X = Z + v,

and G(p, v) ≤ t p + D_t(v) for every t ≥ 0: whatever t is used, the bound is valid. For v = (r, ..., r) the
privacy loss L is a sum of d independent copies of one coordinate's, which `lattice` moves to points of
one lattice such that no D_t falls; composition keeps that order [Zhu, Dong & Wang 2022, theorem 10].
"""

import dataclasses
import functools
import math
from typing import final

import numpy as np
import numpy.typing as npt

from wulff._numerics.bisection import last_true
from wulff._numerics.composition import Composition, compose_in_blocks
from wulff._typing import FloatArray
from wulff.certificates.certificate import Bounded
from wulff.certificates.privacy_loss.curves import (
    LARGEST_SIZE,
    LEAST_SIZE,
    SMALLEST_ERROR,
    Curve,
    ShiftCurves,
    curve_through,
    equal_ratios,
    groups,
    useless,
)
from wulff.certificates.privacy_loss.lattice import privacy_loss, scales
from wulff.certificates.registry import register
from wulff.noises import ExpLp, Laplace, Pareto
from wulff.noises.base import HalfLine, IIDNoise
from wulff.norms import Norm

LARGEST_LOSS = 150.0
"""Shifts with a larger total loss serve smaller errors only."""
SMALL_DIM = 1024
"""In more dimensions the lattice and the list of shifts are coarser for other than log-concave densities."""
LARGE_DIM = 4096
"""In more dimensions the lattice is coarser for log-concave densities, too, and the list of shifts for others
once more: all is nearly normal there."""
ROUNDS = 3
FURTHER = 1.37
"""The ratio of further shifts, which make up for what the list leaves out of the first one."""
KEPT = 1024
"""Values of t kept per shift."""


def _grown(noise: IIDNoise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    return LossCurves(noise.unit(), dim).grown(error, radius)


def _look(noise: IIDNoise, error: FloatArray, radius: FloatArray, dim: int) -> npt.NDArray[np.bool_]:
    return LossCurves(noise.unit(), dim).may_exceed(error, radius)


_register = functools.partial(
    register, norm=Norm.LINF, method="privacy-loss", tight=False, ulps=8, growth=Bounded(_grown), look=_look
)


@_register(Laplace, smallest_p=3)
@_register(ExpLp)
@_register(Pareto)
def privacy_loss_linf(noise: IIDNoise, error: FloatArray, dim: int) -> FloatArray:
    """The r with inf_t {t · error + D_t(r, ..., r)} = ½; derived here, tight but for discretisation."""
    return _radius(LossCurves(noise.unit(), dim), error)


def _radius(curves: "LossCurves", error: FloatArray) -> FloatArray:
    """From the largest shift on a list that keeps the error below ½ to the largest one of all.

    For log-concave densities by interpolation to the next shift on the list. For the others by further
    shifts from the list: growth functions compose, G(p, v + w) ≤ G(G(p, v), w); as the first shift all
    but decides, little is lost. 0 where the error is so close to ½ that no shift on the list keeps it below.
    """
    p, total = np.maximum(error, SMALLEST_ERROR), np.zeros(error.shape)
    bound = np.full(error.shape, np.inf)
    for every in (1, *(ROUNDS - 1) * [curves.further]):
        node = curves.largest_nodes(p, every)
        for k, here in groups(node, node >= 0):
            curve, following = curves.node(k), curves.node(k + every)
            # No more than the next shift on the list, so that radii fall as the error grows.
            bound[here] = np.minimum(bound[here], total[here] + following.shift)
            if curves.noise.half_line is HalfLine.LOG_CONCAVE:
                total[here] = interpolate(curve, following, p[here])
                p[here] = 0.5
            else:
                total[here] += curve.shift
                p[here] = np.minimum(curve.grown(p[here]), 0.5)
            total[here] = np.minimum(total[here], bound[here])
    return total


def interpolate(left: Curve, right: Curve, p: FloatArray) -> FloatArray:
    """The largest shift between two that keeps the error below ½, for a log-concave density q.

    1 - D_t(r) is the integral of min(q(z - v), t q(z)) over z. With τ = log t, the logarithm of the
    integrand is concave in (z, r, τ), so by Prékopa's theorem that of the integral is concave in (r, τ):
    a geometric mean of its values at (r₁, τ₁) and (r₂, τ₂) bounds it from below in between.

    For one pair of lines the shift falls as p grows. Where another pair takes over it may rise a little:
    so what the pairs allow from there on is allowed before, too.
    """
    later, allowed = _takeovers(left, right)
    following = np.searchsorted(later, p)
    return np.maximum(_on_their_lines(left, right, p), np.append(allowed, left.shift)[following])


@functools.lru_cache(maxsize=256)
def _takeovers(left: Curve, right: Curve) -> tuple[FloatArray, FloatArray]:
    """Errors at which another pair of lines is the best one, and the largest shift there or later."""
    breaks = np.exp(np.union1d(left.log_break, right.log_break)) * (1 + 1e-12)
    breaks = breaks[(breaks > right.reach) & (breaks <= left.reach)]
    shifts = _on_their_lines(left, right, breaks)
    return breaks, np.maximum.accumulate(shifts[::-1])[::-1]


def _on_their_lines(left: Curve, right: Curve, p: FloatArray) -> FloatArray:
    (tau, overlap), (tau_step, overlap_step) = left.line(p), right.line(p)
    tau_step, overlap_step = tau_step - tau, overlap_step - overlap

    def holds(part: FloatArray) -> npt.NDArray[np.bool_]:
        needed = np.log(0.5 + np.exp(np.log(p) + tau + part * tau_step))
        return overlap + part * overlap_step - 1e-12 >= needed

    return left.shift + last_true(holds, np.zeros(p.shape), np.ones(p.shape), 40) * (right.shift - left.shift)


@final
@dataclasses.dataclass(frozen=True)
class LossCurves(ShiftCurves):
    """The curves of independent coordinates, by composition of their privacy loss."""

    noise: IIDNoise
    dim: int

    @property
    def unit(self) -> float:
        """The upper quartile of a coordinate over √d."""
        return scales(self.noise)[0] / math.sqrt(self.dim)

    @property
    def sizes(self) -> FloatArray:
        if self.noise.half_line is HalfLine.LOG_CONCAVE:
            return _interpolated_sizes()
        return equal_ratios(self._ratio)

    @property
    def further(self) -> int:
        """Of how many shifts on the list one serves as a further shift."""
        return round(math.log(FURTHER) / math.log(self._ratio))

    @property
    def _ratio(self) -> float:
        return 1.02 if self.dim <= SMALL_DIM else 1.035 if self.dim <= LARGE_DIM else 1.07

    @property
    def _resolution(self) -> int:
        """Lattice points for each standard deviation; a radius loses 1/12 of the square of one over it."""
        if self.noise.half_line is HalfLine.LOG_CONCAVE:
            return 128 if self.dim <= LARGE_DIM else 64
        return 128 if self.dim <= SMALL_DIM else 16

    def curve(self, shift: float) -> Curve:
        total = self.loss(shift)
        return useless(shift) if total is None else curve_of(total, shift)

    def loss(self, shift: float) -> Composition | None:
        """The law of the loss of all coordinates; None where the shift is of no use, being too large."""
        law = privacy_loss(self.noise, shift, self._resolution)
        if law is None or self.dim * law.infinite > 0.5:
            return None
        mean, deviation = law.moments()
        if (self.dim * mean - 8 * math.sqrt(self.dim) * deviation) * law.step > LARGEST_LOSS:
            return None
        total = compose_in_blocks(law, self.dim)
        return None if total.lost > 0.5 else total


@functools.cache
def _interpolated_sizes() -> FloatArray:
    """Interpolation between two of them costs about the same part of each radius, a ten-thousandth."""
    sizes = [LEAST_SIZE]
    while sizes[-1] < LARGEST_SIZE:
        sizes.append(sizes[-1] + min(0.045 / math.sqrt(min(math.exp(sizes[-1]), 100.0)), 0.7))
    return np.array(sizes)


def curve_of(total: Composition, shift: float) -> Curve:
    """The growth function of a shift whose loss has this law."""
    return curve_through(shift, *divergences(total, 0.8, 1e-5))


def divergences(total: Composition, most: float, least: float) -> tuple[FloatArray, FloatArray]:
    """Ascending log t, where the loss is above with these probabilities, and D_t there, from above."""
    # From the top: the masses at and above each point, and the same weighted by e^(-loss).
    tail = np.cumsum(total.mass[::-1])[::-1]
    first = max(int(np.argmax(tail <= min(most, 0.999 * tail[0]))) - 1, 0)
    last = len(tail) - int(np.argmax(tail[::-1] >= least))
    last = min(last, len(tail) - 1, first + math.floor(600 / total.step))  # so that no weight underflows
    weight = np.exp(-np.arange(len(tail) - first) * total.step)
    weighted = np.cumsum((total.mass[first:] * weight)[::-1])[::-1]
    kept = np.linspace(0, last - first, KEPT).round().astype(int)
    kept = kept[np.diff(kept, prepend=-1) > 0]
    # Σ_{L ≥ ε} (1 - e^(ε - L)), with the rounding of the two sums of up to 2^21 terms.
    gap = tail[first:][kept] - weighted[kept] / weight[kept]
    return (
        (total.first + first + kept) * total.step,
        np.maximum(gap, 0.0) + total.lost + 1.2e-16 * len(tail),
    )
