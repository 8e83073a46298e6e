"""Sums of many independent copies of a lattice law by FFT, with a bound on every error made."""

import dataclasses
import math

import numpy as np

from wulff._typing import FloatArray

UNIT_ROUNDOFF = 2.0**-53
LONGEST = 2**21
"""The longest transform; what does not fit in its window is paid for in `lost`."""


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
        points = self.first + np.arange(len(self.mass))
        total = self.mass.sum()
        mean = float(points @ self.mass / total)
        return mean, math.sqrt(max(float((points - mean) ** 2 @ self.mass / total), 0.0))


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


def compose(law: LatticeMeasure, copies: int, width: float = 10.0) -> Composition:
    """The law of the sum of `copies` independent draws, on a window of at least ±`width` deviations.

    The discrete Fourier transform takes sums modulo its length. What lies below the window reappears
    higher up, which is on the safe side; what lies above is bounded by Chernoff's inequality and added
    to `lost`. Rounding: a transform of length N = 2^t has a relative error in the Euclidean norm of at
    most 10 t u, where radix 2 is known to have less than 7 t u [Higham 2002, theorem 24.2]; the power
    multiplies it by `copies`, and the sum of |errors| is at most √N times their Euclidean norm.
    """
    support = copies * (len(law.mass) - 1) + 1
    mean, deviation = law.moments()
    wanted = max(2 * width * deviation * math.sqrt(copies), len(law.mass)) + 16
    length = _power_of_two(min(support, wanted))
    while True:
        if length >= support:
            first, overflow = copies * law.first, 0.0
        else:
            first = math.floor(copies * mean) - length // 2
            overflow = _chernoff(law, copies, first + length)
        if overflow < 1e-10 or length >= LONGEST:
            break
        length *= 2

    spectrum = np.fft.rfft(law.mass, length)
    power = _power(spectrum, copies)
    shifted = np.fft.irfft(power, length)
    mass = np.roll(shifted, (copies * law.first - first) % length)

    transform = 10 * UNIT_ROUNDOFF * max(math.log2(length), 1.0)
    energy = math.sqrt(length) * float(np.linalg.norm(law.mass))
    largest = max(1.0, float(law.mass.sum()) + transform * energy)
    growth = largest ** (copies - 1)
    rounding = copies * growth * transform * energy
    rounding += (3 * copies * UNIT_ROUNDOFF + transform) * math.sqrt(2) * float(np.linalg.norm(power))
    infinite = copies * law.infinite * growth
    return Composition(law.step, first, mass, 1.01 * (rounding + overflow + infinite))


def _power_of_two(length: float) -> int:
    return 2 ** max(1, math.ceil(math.log2(length)))


def _power(base: np.ndarray, exponent: int) -> np.ndarray:
    """By repeated squaring: at most 3 · exponent · u of relative error, where exp(log) has no such bound."""
    result = np.ones_like(base)
    while exponent:
        if exponent & 1:
            result *= base
        exponent >>= 1
        if exponent:
            base = base * base
    return result


def _chernoff(law: LatticeMeasure, copies: int, bound: int) -> float:
    """An upper bound on the mass of the sum at indices from `bound` on."""
    mean, deviation = law.moments()
    points = law.first + np.flatnonzero(law.mass) - mean
    mass = law.mass[law.mass > 0]
    distance = bound - copies * mean
    best = math.inf
    # Around the slope that would be best for a normal law, and some for a law with rare large values.
    normal = distance / (copies * max(deviation, 1e-9) ** 2) * np.array([0.25, 0.5, 0.7, 0.85, 1.0, 1.3])
    rare = np.array([2.0, 5.0, 10.0, 20.0]) / max(float(points[-1]), 1.0)
    for slope in np.concatenate([normal, rare]):
        exponent = slope * points
        largest = float(exponent.max())
        log_moment = largest + math.log(float(np.exp(exponent - largest) @ mass))
        best = min(best, copies * log_moment - slope * distance)
    return min(math.exp(min(best, 0.0)), 1.0) * 1.01
