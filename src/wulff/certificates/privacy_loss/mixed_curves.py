"""Mixed-norm noise against linf: the growth function of (r, ..., r), evaluated deterministically.

Among all v with ‖v‖∞ ≤ r the worst is (r, ..., r), at every error: the density is even and unimodal in each
coordinate [Zhang et al. 2020, theorem 3]. With the largest coordinate m, the least -b and the sum S of
z ~ q, the privacy loss of that shift is (here at scale 1)

    L = log q(z)/q(z + v) = j log[max(m + r, b - r)/max(m, b)] + r S + d r²/2,      D_t = E[(1 - t e^(-L))₊].

Given (m, b) the other d - 2 coordinates are independent normals truncated to [-b, m]: the law of their sum
follows from its characteristic function, and the expectation over (m, b) is a sum over a grid in
(log max(m, b), log-probability of the other one). Both converge exponentially where d - 2 ≥ 4, so that all is
smooth. In fewer dimensions the differential certificate remains.
"""

import dataclasses
import functools
import math
from typing import final

import numpy as np
from scipy import special

from wulff._numerics.composition import integer_power
from wulff._numerics.sums import weighted_sum
from wulff._typing import FloatArray
from wulff.certificates.privacy_loss.curves import Curve, ShiftCurves, curve_through, equal_ratios, useless
from wulff.noises.mixed_linf import largest_coordinate_law

SMALLEST_DIM = 6
_QUANTILES = np.array([1e-15, 1e-9, 1e-5, 1e-2, 0.2])
_GAPS = np.array([0.0, 0.15, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 36.0])
_RULES = ((7, 6), (6, 5))
_LADDER = ((4, 4), (5, 5), (7, 6), (9, 8))
"""Rules of which the next one is taken until two are so close that more digits change no radius."""
_CLOSE = 2e-4
_WINDOW = 8.0
_LEVELS = 48
_NEGLIGIBLE = 1e-15  # for the probability of a node
_SMALLEST = math.log(1e-3)  # smaller ‖z‖∞ count as if their loss were infinite


@final
@dataclasses.dataclass(frozen=True)
class MixedLossCurves(ShiftCurves):
    """The curves of mixed-norm noise, in at least six dimensions."""

    dim: int
    j: float

    @property
    def unit(self) -> float:
        """The size of the largest coordinate over d: between the scales of all coordinates and of one."""
        return math.exp(largest_coordinate_law(self.dim, self.j).mode) / self.dim**0.75

    @property
    def sizes(self) -> FloatArray:
        return equal_ratios(1.01)

    def curve(self, shift: float) -> Curve:
        """Lines at 48 values of t between those where D_t is about 0.6 and 1e-6.

        D_t is computed by two rules; their largest difference, eightfold, is added to the finer one, with
        what the windows, the cut-off laws and rounding can miss.
        """
        fine, rough = (_LossLaw(self.dim, self.j, shift, *rule) for rule in _RULES)
        if fine.missing > 0.3:
            return useless(shift)
        centre, spread = fine.moments()
        wide = centre + spread * np.linspace(-4, 8, 25)
        seen = rough.divergence(wide)
        low = wide[max(int(np.argmax(seen < 0.6)) - 1, 0)]
        high = wide[min(int(np.argmax(seen < 1e-6)), 24)] if (seen < 1e-6).any() else wide[-1]
        log_t = np.linspace(float(low), float(high), _LEVELS)
        found = fine.divergence(log_t)
        margin = 8 * float(np.abs(found - rough.divergence(log_t)).max()) + fine.missing + 1e-11
        return curve_through(shift, log_t, np.minimum.accumulate(found + margin))

    def reach(self, shift: float) -> tuple[float, float]:
        """The largest error found that a shift does not bring above ½, max over t of (½ - D_t)/t; 0 if none.

        Rules are compared at many t, since at a single one their difference may happen to vanish.

        Returns:
            The error, and by which part of itself, or of its distance from ½ where that is less, it may be
            too small.
        """
        coarse = _LossLaw(self.dim, self.j, shift, *_LADDER[0])
        if coarse.missing > 0.3:
            return 0.0, 0.0
        best, around = coarse.best_log_t()
        log_t = np.append(around, best)
        known, error, part = coarse.divergence(log_t), 0.0, 0.0
        for rule in _LADDER[1:]:
            law = _LossLaw(self.dim, self.j, shift, *rule)
            found = law.divergence(log_t)
            margin = 8 * float(np.abs(found - known).max()) + law.missing + 1e-11
            gap = 0.5 - float(found[-1])
            error = (gap - margin) * math.exp(-best) * (1 - 1e-12)
            if error <= 0:
                return 0.0, 0.0
            part = margin / min(gap, 0.5 - error)
            if part <= _CLOSE:
                break
            known = found
        return error, part


class _LossLaw:
    """The law of L, as a mixture over nodes (m, b)."""

    def __init__(self, dim: int, j: float, r: float, largest_nodes: int, gap_nodes: int) -> None:
        largest, other, weight = _extremes(dim, j, r, largest_nodes, gap_nodes)
        n = dim - 2
        mean, width = _truncated_mean(other, largest)
        # A normal truncated to an interval is sub-Gaussian with variance 1 and with a quarter of its length².
        reach = np.minimum(
            _WINDOW * np.sqrt(n * np.minimum(1.0, width**2 / 4)), n * np.maximum(mean + other, largest - mean)
        )
        spread = np.sqrt(n * np.minimum(1.0, width**2 / 12))
        terms = _terms(n, float((reach / spread).max()))
        frequencies = np.arange(1, terms + 1)[:, None] * (np.pi / reach)
        power = _centred_power(frequencies, other, largest, mean, n)
        rest = _rest_of_series(frequencies[-1], terms, other, largest, mean, n)
        outside = 4 * math.exp(-(_WINDOW**2) / 2)
        self.missing = abs(1 - float(weight.sum())) + outside + float(weighted_sum(rest, weight))
        # m = max, b = -other and the mirror image, in which the sum changes sign.
        log_ratio = np.concatenate(
            [np.log1p(r / largest), np.log(np.maximum(other + r, largest - r) / largest)]
        )
        total = largest - other + n * mean
        total = np.concatenate([total, -total])
        self._r = r
        self._offset = j * log_ratio + r * total + dim * r**2 / 2
        self._weight = np.concatenate([weight, weight]) / 2
        self._reach = np.concatenate([reach, reach])
        self._spread = np.concatenate([spread, spread])
        self._step = np.concatenate([frequencies[0], frequencies[0]])
        power = np.concatenate([power, power.conj()], axis=1)
        first = 1j * np.concatenate([frequencies, frequencies], axis=1)
        second = r + first
        self._coefficients = power * r / (first * second)
        power[::2] *= -1  # times e^(iω · reach)
        self._at_end = (power / first).real.sum(axis=0), (power / second).real.sum(axis=0)

    def moments(self) -> tuple[float, float]:
        """About the mean and the standard deviation of L, without its far tails."""
        order = np.argsort(self._offset)
        share = np.cumsum(self._weight[order])
        share /= share[-1]  # strong poles leave a part of the law out
        low, middle, high = (self._offset[order][np.searchsorted(share, q)] for q in (0.16, 0.5, 0.84))
        inner = self._r * float(weighted_sum(self._spread, self._weight))
        return float(middle), math.hypot((high - low) / 2, inner)

    def divergence(self, log_t: FloatArray) -> FloatArray:
        """E[(1 - t e^(-L))₊] for each t."""
        return np.array([weighted_sum(self._given_extremes(level), self._weight) for level in log_t])

    def best_log_t(self) -> tuple[float, FloatArray]:
        """About the log t at which (½ - D_t)/t is largest, and others on both sides."""

        def value(log_t: FloatArray) -> FloatArray:
            gap = 0.5 - self.divergence(log_t)
            return np.where(gap > 0, np.log(np.maximum(gap, 1e-300)) - log_t, -1e3 + gap)

        centre, spread = self.moments()
        log_t, step = centre + spread * np.linspace(-4, 8, 13), spread
        best = float(log_t[int(np.argmax(value(log_t)))])
        around = best + spread * np.array([-1.0, -0.4, 0.4, 1.0])
        while step > 4e-3 * spread:
            step /= 4
            log_t = best + step * np.arange(-3.0, 4.0)
            best = float(log_t[int(np.argmax(value(log_t)))])
        return best, around

    def _given_extremes(self, log_t: float) -> FloatArray:
        """E[(1 - e^(r(s - X)))₊] for the centred sum X, r s = log t - offset, by its Fourier series."""
        r, reach = self._r, self._reach
        s = (log_t - self._offset) / r
        start = np.clip(s, -reach, reach)
        damp = np.exp(r * (start - reach))
        turn = np.exp(-1j * self._step * start)
        series = np.zeros(turn.shape, dtype=np.complex128)
        for coefficient in self._coefficients[::-1]:  # by Horner's rule
            series += coefficient
            series *= turn
        plain = (reach - start) + np.expm1(r * (start - reach)) / r
        at_end = self._at_end[0] - damp * self._at_end[1]
        value = (plain + 2 * (series.real - at_end)) / (2 * reach)
        # Below the window the integrand is 1 - e^(r(s - start)) · (what it would be from `start` on).
        value = 1 - np.exp(np.minimum(r * (s - start), 0.0)) * (1 - value)
        return np.clip(np.where(s >= reach, 0.0, value), 0.0, 1.0)


def _terms(n: int, window: float) -> int:
    """How many terms the Fourier series of the law of a sum of n gets, on a window of so many deviations."""
    # Of many coordinates the terms fall like those of a normal law until far below rounding.
    if n >= 200:
        return min(32, math.ceil(9 * window / math.pi))
    return max(32 if n >= 60 else 48, math.ceil(2.5 * math.sqrt(n) * 10 ** (8 / (n + 1))))


def _extremes(
    dim: int, j: float, r: float, largest_nodes: int, gap_nodes: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Nodes of (‖z‖∞, the extreme coordinate on the other side with its sign turned, weight).

    With ‖z‖∞ = a at one end, the others lie between ±a; with y exponential, the probability that the least
    of their distances from the other end, in terms of the normal law, exceeds g is (1 - g)^(d-1) = e^(-y).
    """
    largest, outer = _largest(dim, j, largest_nodes)

    # The loss has a kink where m + r = b - r; panels end there.
    share = special.erf(largest / math.sqrt(2))
    inside = np.maximum(largest - 2 * r, -largest)
    kink = -(dim - 1) * np.log1p(-np.minimum(_between(inside, largest) / share, 1 - 1e-15))
    gaps = np.tile(_GAPS, (len(largest), 1))
    cuts = np.sort(np.concatenate([gaps, np.clip(kink, 0, _GAPS[-1])], axis=1), axis=1)
    nodes, weights = np.polynomial.legendre.leggauss(gap_nodes)
    half = np.diff(cuts, axis=1)[:, :, None] / 2
    y = (cuts[:, :-1, None] + half + half * nodes).reshape(len(largest), -1)
    inner = (half * weights).reshape(len(largest), -1) * np.exp(-y)
    gap = -np.expm1(-y / (dim - 1))
    other = -special.ndtri(special.ndtr(-largest) + gap * share)
    keep = outer * inner > _NEGLIGIBLE
    wide = np.broadcast_to(largest, other.shape)
    return wide[keep], other[keep], (outer * inner)[keep]


@functools.lru_cache(maxsize=64)
def _largest(dim: int, j: float, count: int) -> tuple[FloatArray, FloatArray]:
    """Nodes of ‖z‖∞, so many in each cell between two quantiles, and their weights; columns."""
    law = largest_coordinate_law(dim, j)
    tails = np.concatenate([_QUANTILES, [0.5]])
    edges = np.unique(np.maximum(np.concatenate([law.ppf(tails), law.isf(_QUANTILES[::-1])]), _SMALLEST))
    nodes, weights = np.polynomial.legendre.leggauss(count)
    half = np.diff(edges)[:, None] / 2
    x = ((edges[1:] + edges[:-1])[:, None] / 2 + half * nodes).reshape(-1, 1)
    return np.exp(x), np.exp(law.log_density(x)) * (half * weights).reshape(-1, 1)


def _rest_of_series(
    omega: FloatArray, terms: int, other: FloatArray, largest: FloatArray, mean: FloatArray, n: int
) -> FloatArray:
    """What the terms after the last one, that of frequency ω, can add to E[(1 - e^(r(s - X)))₊].

    Term k is at most 2/(πk) · |φ(ω_k)|^n, with the characteristic function φ of one coordinate: it is the
    integral of a wave and a monotone function between 0 and 1. A unimodal density of height p has
    |φ(ω)| ≤ 2p/ω; a log-concave one of variance σ² has, for x = min(½, ω²σ²), at ω and beyond,

        |φ|² ≤ 1 - min(x - x², 0.198);

    derived in docs/derivations.md. The first bound is used from ω = 4p on, and the second one before.
    """
    height = np.exp(-(np.maximum(-other, 0.0) ** 2) / 2) / _between(-other, largest) / math.sqrt(2 * math.pi)
    x = np.minimum(omega**2 * _least_variance(other, largest, mean, height), 0.5)
    near = (1 - np.minimum(x - x**2, 0.198)) ** (n / 2)
    with np.errstate(over="ignore"):
        alone = (2 * height / omega) ** n / n
    far = (2 * height / np.maximum(4 * height, omega)) ** n / n
    both = near * np.log(np.maximum(4 * height / omega, 1.0) + 1 / terms) + far
    return np.minimum(2 / math.pi * np.minimum(alone, both), 1.0)


def _least_variance(
    other: FloatArray, largest: FloatArray, mean: FloatArray, height: FloatArray
) -> FloatArray:
    """A lower bound on the variance of a normal truncated to [-other, largest].

    No density of that height has less than 1/(12 height²), which rounding leaves of short intervals.
    """
    ends = other * np.exp(-(other**2) / 2) + largest * np.exp(-(largest**2) / 2)
    variance = 1 - ends / math.sqrt(2 * math.pi) / _between(-other, largest) - mean**2 - 1e-9
    return np.maximum(np.where(largest + other > 0.1, variance, 0.0), 1 / (12 * height**2) * (1 - 1e-12))


def _between(low: FloatArray, high: FloatArray) -> FloatArray:
    """P[low < N(0,1) < high], high ≥ 0."""
    above: FloatArray = special.ndtr(-low) - special.ndtr(-high)
    below: FloatArray = special.ndtr(high) - special.ndtr(low)
    return np.where(low > 0, above, below)


def _truncated_mean(other: FloatArray, largest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean of a normal truncated to [-other, largest], and the length of the interval."""
    density = np.exp(-(other**2) / 2) - np.exp(-(largest**2) / 2)
    return density / math.sqrt(2 * math.pi) / _between(-other, largest), largest + other


def _centred_power(
    omega: FloatArray, other: FloatArray, largest: FloatArray, mean: FloatArray, n: int
) -> np.ndarray:
    """The characteristic function of the centred sum of n normals truncated to [-other, largest]."""
    positive = other >= 0
    near, far = _upper_tail(np.abs(other), omega), _upper_tail(largest, omega)
    # ∫ from -b to m: all of it less two tails, or the difference of two tails where -b > 0.
    inside = np.where(positive, np.exp(-(omega**2) / 2) - far - near.conj(), near - far)
    value = inside / _between(-other, largest) * np.exp(-1j * omega * mean)
    with np.errstate(under="ignore"):
        return integer_power(value, n)


def _upper_tail(z: FloatArray, omega: FloatArray) -> np.ndarray:
    """∫_z^∞ φ(x) e^(iωx) dx for z ≥ 0, by the Faddeeva function."""
    return 0.5 * np.exp(-(z**2) / 2 + 1j * omega * z) * special.wofz((omega + 1j * z) / math.sqrt(2))
