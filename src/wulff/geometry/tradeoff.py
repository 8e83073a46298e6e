"""Accuracy against robustness: the two terms of the dual bound [Zhang et al. 2020, sections 3 and 4].

A label with probability ρ at x has at x + v at least the probability

    max over λ ≥ 0 of   λ ρ   -   ∫ (λ q(z) - q(z - v))₊ dz              [equation 9]
                     accuracy       robustness, a cost

The first term wants noise that stays near x, where the classifier is right; the second wants noise that looks
the same around x and x + v. The shape of the noise trades one for the other.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from wulff.errors import InputError
from wulff.geometry.shifts import Shift, exact_shift
from wulff.noises import ExpL2, Noise
from wulff.noises import parse as parse_noise

_STEEPEST = 60.0


@dataclasses.dataclass(frozen=True)
class Decomposition:
    """The two terms for one classifier, noise, shift and multiplier.

    Attributes:
        multiplier: λ.
        accuracy: λ ρ.
        robustness: ∫ (λ q(z) - q(z - v))₊ dz, what the shift can cost; the smaller the better.
    """

    multiplier: float
    accuracy: float
    robustness: float

    @property
    def bound(self) -> float:
        """The probability that the label keeps at x + v, for every classifier with this ρ at x."""
        return self.accuracy - self.robustness


def decompose(
    noise: Noise | str, probability: float, v: npt.ArrayLike, multiplier: float | None = None
) -> Decomposition:
    """Both terms, at the best multiplier or at a given one.

    Args:
        noise: A noise whose growth along v is known exactly, see `growth_function`.
        probability: ρ, the probability of the label at x under the noise.
        v: The shift, in input units.
        multiplier: λ; by default the one with the largest bound.

    Raises:
        InputError: An argument is outside its range, or the growth along v is not known exactly.
    """
    shift = np.asarray(v, dtype=np.float64)
    if shift.ndim != 1 or not shift.any():
        raise InputError(f"a shift must be a vector other than 0, got {v!r}.")
    noise = parse_noise(noise).in_dim(len(shift)).of_one_size()
    if not 0 < probability <= 1:
        raise InputError(f"the label's probability must lie in (0, 1], got {probability!r}.")
    if multiplier is not None and not 0 < multiplier < math.inf:
        raise InputError(f"the multiplier must be positive and finite, got {multiplier!r}.")
    known = exact_shift(noise, shift)
    if known is None:
        raise InputError(
            f"the growth of {noise} along this vector is not known exactly; use growth_function."
        )
    if multiplier is None:

        def cost(log: float) -> float:
            return _cost(known, math.exp(log)) - math.exp(log) * probability

        found: Any = optimize.minimize_scalar(
            cost,
            bounds=(-_STEEPEST, _STEEPEST),
            method="bounded",
            options={"xatol": 1e-10},
        )
        multiplier = math.exp(float(found.x))
    return Decomposition(multiplier, multiplier * probability, _cost(known, multiplier))


def _cost(shift: Shift, multiplier: float) -> float:
    """∫ (λ q - q(· - v))₊ = λ - 1 + D_λ; reflection gives λ D_(1/λ) for λ < 1."""
    if multiplier < 1:
        return multiplier * shift.hockey_stick(1 / multiplier)
    return multiplier - 1 + shift.hockey_stick(multiplier)


@dataclasses.dataclass(frozen=True)
class ToyPoint:
    """One noise and the toy classifier.

    Attributes:
        j: The order of the pole.
        sigma0: The σ₀ of the density ∝ ‖z‖^-j exp(-‖z‖²/(2σ₀²)).
        accuracy: The probability of the label at x = 0.
        robustness: Minus the cost at the given multiplier: larger is better.
    """

    j: float
    sigma0: float
    accuracy: float
    robustness: float


def toy_points(
    orders: Sequence[float],
    sigmas: Sequence[float],
    *,
    dim: int = 5,
    threshold: float = 0.65,
    radius: float = 0.1,
    multiplier: float = 1.0,
) -> list[ToyPoint]:
    """Both terms of the classifier 1{‖x‖₂ ≤ threshold} at x = 0, for noises ∝ ‖z‖^-j exp(-‖z‖²/(2σ₀²)).

    The setting of Zhang et al. 2020, figure 3, with a shift of length `radius`. The multiplier is λ itself,
    not λρ: at 1 the cost is the total variation.

    Raises:
        InputError: A parameter is outside its range.
    """
    points: list[ToyPoint] = []
    shift = radius * np.eye(1, dim)[0]
    for j in orders:
        for sigma0 in sigmas:
            noise = ExpL2(scale=math.sqrt(2) * sigma0, j=j, k=2.0, dim=dim)
            accuracy = float(noise.radial_law(dim).cdf(np.array([math.log(threshold / noise.scale)]))[0])
            terms = decompose(noise, max(accuracy, 1e-300), shift, multiplier)
            points.append(ToyPoint(j, sigma0, accuracy, -terms.robustness))
    return points


def frontier(points: Sequence[ToyPoint]) -> list[ToyPoint]:
    """The Pareto frontier: points that no other beats in one term without losing in the other."""
    best, kept = -math.inf, list[ToyPoint]()
    for point in sorted(points, key=lambda point: (-point.accuracy, -point.robustness)):
        if point.robustness > best:
            best = point.robustness
            kept.append(point)
    return kept
