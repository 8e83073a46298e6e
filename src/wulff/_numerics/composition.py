"""Sums of many independent copies of a lattice law by FFT, with a bound on every error made."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wulff._numerics.sums import euclidean_norm, weighted_sum
from wulff._typing import FloatArray

UNIT_ROUNDOFF = 2.0**-53
LONGEST = 2**21
"""The longest transform; what does not fit in its window is paid for in `lost`."""
_NEGLIGIBLE = math.log(1e-17)
"""A mass that is less than the rounding of a sum of probabilities."""


@dataclasses.dataclass(frozen=True)
class LatticeMeasure:
    """A measure on step · {first, first + 1, ...} and on +∞; almost a probability.

    Attributes:
        step: The distance of two points.
        first: The index of the first point.
        mass: The masses of the points, non-negative.
        infinite: The mass at +∞.
    """

    step: float
    first: int
    mass: FloatArray
    infinite: float

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the finite part, in units of `step`."""
        points = self.first + np.arange(len(self.mass), dtype=np.float64)
        total = self.mass.sum()
        mean = float(weighted_sum(points, self.mass) / total)
        return mean, math.sqrt(float(weighted_sum((points - mean) ** 2, self.mass) / total))


@dataclasses.dataclass(frozen=True)
class Composition:
    """The law of a sum on a window of the lattice.

    For every non-decreasing f with 0 ≤ f ≤ 1, its integral over the true law, the mass at +∞ counted
    as f = 1, is at most Σ f(step · (first + i)) mass[i] + lost.
    """

    step: float
    first: int
    mass: FloatArray
    lost: float

    def measure(self) -> LatticeMeasure:
        """The law as a measure whose mass at +∞ is all that may be lost."""
        return LatticeMeasure(self.step, self.first, np.maximum(self.mass, 0.0), self.lost)


def compose(law: LatticeMeasure, copies: int, width: float = 10.0) -> Composition:
    """The law of the sum of `copies` independent draws; see `compose_all`."""
    return compose_all([(law, copies)], width)


def compose_in_blocks(law: LatticeMeasure, copies: int, width: float = 9.0) -> Composition:
    """The sum of many draws of a privacy loss, on a coarser lattice: no hockey-stick divergence falls.

    Blocks of 4^k draws are composed first and moved to a lattice 2^(k-1) times as coarse, see `coarsened`.
    One has then twice as many points for each standard deviation as a draw had, so that a quarter is added
    to the variance that the lattice costs, and the transforms are 2^(k-1) times shorter. 4^k is near √copies.
    """
    k = round(math.log(copies) / math.log(16)) if copies > 1 else 0
    block, factor = 4**k, 2 ** (k - 1) if k else 1
    if factor < 2:
        return compose(law, copies, width)
    parts = []
    for size, count in ((block, copies // block), (copies % block, 1)):
        if size and count:
            parts.append((coarsened(compose(law, size, width).measure(), factor), count))
    return compose_all(parts, width)


def coarsened(law: LatticeMeasure, factor: int) -> LatticeMeasure:
    """The law of a privacy loss on every `factor`-th point of its lattice: no hockey-stick divergence falls.

    The mass A of a loss L has the mass B = A e^(-L) under the other law. It is split between the points a ≤ L
    and b > L of the coarser lattice such that both are kept: A (1 - e^(a-L))/(1 - e^(a-b)) goes to b
    [Doroshenko et al. 2022, connect-the-dots]. Rounding errors are added to that share, which moves mass up.
    """
    lead = law.first % factor
    padded = np.zeros(-(-(lead + len(law.mass)) // factor) * factor)
    padded[lead : lead + len(law.mass)] = law.mass
    share = np.expm1(-np.arange(factor) * law.step) / np.expm1(-factor * law.step) * (1 + 16 * UNIT_ROUNDOFF)
    blocks = padded.reshape(-1, factor)
    mass = np.append(weighted_sum(blocks, 1 - share), 0.0)
    mass[1:] += weighted_sum(blocks, share)
    rounding = 1 + 2 * (factor + 4) * UNIT_ROUNDOFF
    return LatticeMeasure(law.step * factor, (law.first - lead) // factor, mass * rounding, law.infinite)


def compose_all(parts: Sequence[tuple[LatticeMeasure, int]], width: float = 10.0) -> Composition:
    """The law of a sum of independent draws, so many of each law, on a window of ±`width` deviations or more.

    The laws live on the same lattice. The discrete Fourier transform takes sums modulo its length. What lies
    below the window reappears higher up, which is on the safe side; what lies above is bounded by Chernoff's
    inequality and added to `lost`. Rounding: a transform of length N = 2^t has a relative error in the
    Euclidean norm of at most 10 t u, where radix 2 is known to have less than 7 t u [Higham 2002, theorem
    24.2]; the powers multiply it by the number of copies, and the sum of |errors| is at most √N times their
    Euclidean norm.
    """
    draws = sum(copies for _, copies in parts)
    support = sum(copies * (len(law.mass) - 1) for law, copies in parts) + 1
    lowest = sum(copies * law.first for law, copies in parts)
    moments = [law.moments() for law, _ in parts]
    mean = sum(copies * mean for (_, copies), (mean, _) in zip(parts, moments, strict=True))
    variance = sum(copies * spread**2 for (_, copies), (_, spread) in zip(parts, moments, strict=True))
    wanted = max(2 * width * math.sqrt(variance), *(len(law.mass) for law, _ in parts)) + 16
    length = _power_of_two(min(support, wanted))
    while True:
        if length >= support:
            first, overflow = lowest, 0.0
        else:
            first = math.floor(mean) - length // 2
            overflow = _chernoff(parts, moments, first + length)
        if overflow < 1e-10 or length >= LONGEST:
            break
        length *= 2

    power = np.ones(length // 2 + 1, dtype=np.complex128)
    for law, copies in parts:
        power *= integer_power(np.fft.rfft(law.mass, length), copies)
    shifted = np.fft.irfft(power, length)
    mass = np.roll(shifted, (lowest - first) % length)

    transform = 10 * UNIT_ROUNDOFF * max(math.log2(length), 1.0)
    energy = math.sqrt(length) * max(euclidean_norm(law.mass) for law, _ in parts)
    largest = max(1.0, *(float(law.mass.sum()) + transform * energy for law, _ in parts))
    growth = largest ** (draws - 1)
    rounding = draws * growth * transform * energy
    rounding += (3 * draws * UNIT_ROUNDOFF + transform) * math.sqrt(2) * euclidean_norm(np.abs(power))
    infinite = sum(copies * law.infinite for law, copies in parts) * growth
    return Composition(parts[0][0].step, first, mass, 1.01 * (rounding + overflow + infinite))


def _power_of_two(length: float) -> int:
    return 2 ** max(1, math.ceil(math.log2(length)))


def integer_power(base: np.ndarray, exponent: int) -> np.ndarray:
    """By repeated squaring: at most 3 · exponent · u of relative error, where exp(log) has no such bound."""
    result, square = np.ones_like(base), base.copy()
    while exponent:
        if exponent & 1:
            result *= square
        exponent >>= 1
        if exponent:
            square *= square
    return result


def _chernoff(
    parts: Sequence[tuple[LatticeMeasure, int]], moments: Sequence[tuple[float, float]], bound: int
) -> float:
    """An upper bound on the mass of the sum at indices from `bound` on."""
    laws: list[tuple[npt.NDArray[Any], FloatArray, int]] = []
    variance, distance, furthest = 0.0, float(bound), 1.0
    for (law, copies), (mean, deviation) in zip(parts, moments, strict=True):
        points = law.first + np.flatnonzero(law.mass) - mean
        laws.append((points, law.mass[law.mass > 0], copies))
        variance += copies * max(deviation, 1e-9) ** 2
        distance -= copies * mean
        furthest = max(furthest, float(points[-1]))
    best = math.inf
    # Around the slope that would be best for a normal law, and some for laws with rare large values. It is
    # log-convex in the slope: once it rises, there is nothing more to gain.
    normal = distance / variance * np.array([0.25, 0.5, 0.7, 0.85, 1.0, 1.3])
    rare = np.array([2.0, 5.0, 10.0, 20.0]) / furthest
    for slope in np.sort(np.concatenate([normal, rare])):
        total = -slope * distance
        for points, mass, copies in laws:
            exponent = slope * points
            largest = float(exponent.max())
            total += copies * (largest + math.log(float(weighted_sum(np.exp(exponent - largest), mass))))
        if total > best:
            break
        best = total
        if best < _NEGLIGIBLE:
            break
    return min(math.exp(min(best, 0.0)), 1.0) * 1.01
