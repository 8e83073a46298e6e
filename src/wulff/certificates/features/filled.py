"""Resampled categories beside numbers with any noise: one more factor of the likelihood ratio.

A set has an error e_j among the views of each likelihood ratio, with Σ P_j e_j = e before a change, and a
move of the numbers takes it to Σ Q_j G(e_j) at most. So for every t ≥ 0, with D(s) = sup {G(x) - s x},

    G_mix(e) ≤ t e + Σ Q_j D(t P_j/Q_j)                                                 [derived here].

For independent coordinates, where D belongs to their privacy loss at the worst move, Σ Q_j D(t P_j/Q_j) is
the divergence of that loss and of one more factor, the categories: no classifier does worse. `divergences`
bounds D from above for these and for others.
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from wulff._numerics import rounding
from wulff._numerics.bisection import last_whole
from wulff._numerics.sums import weighted_sum
from wulff._typing import FloatArray
from wulff.certificates.certificate import Bounded, Certificate
from wulff.certificates.features.categories import Atoms, changes
from wulff.certificates.features.divergences import Divergence, best, divergence, method
from wulff.noises import Mixed, Noise, Resampling
from wulff.norms import Threat, WithChanges

LOG_SLOPES, ROUNDS = (-20.0, 36.0), 4
"""Where the best t is looked for, and how often more closely."""
PARTS = 512
"""Radii are looked for among powers of 2 to multiples of 1/PARTS; from there on the numbers alone move."""
OCTAVES = 16
"""Where not even a radius so many powers of 2 below that of the numbers alone holds, it is 0."""


def filled(numbers: Noise, hidden: Resampling, count: int, threat: WithChanges) -> list[Certificate]:
    """The certificate of numbers beside so many changed categories, by the best theorem of the numbers."""
    known = best(numbers, threat.norm)
    assert numbers.dim is not None
    dim = numbers.dim

    def radius(_: Noise, error: FloatArray, __: int) -> FloatArray:
        few, which = np.unique(error, return_inverse=True)
        plain = known.radius(few)
        found = [
            _place(numbers, hidden, count, threat.norm, e, most)
            for e, most in zip(few.tolist(), plain.tolist(), strict=True)
        ]
        place = np.array(found)
        some = np.isfinite(place)
        reached = np.where(some, np.exp2(place / PARTS), np.where(np.isnan(plain), np.nan, 0.0))
        left = grown(_, few[some], reached[some], dim)
        # With the categories changed, the numbers go on from here: growth functions compose.
        further = np.nan_to_num(known.radius(np.minimum(left, 0.5 - 1e-9)))
        further = np.where(left < 0.5 - 1e-9, further, 0.0)
        following = np.exp2((place[some] + 1) / PARTS)
        reached[some] = np.minimum(np.minimum(reached[some] + further, following), plain[some]) * (1 - 1e-12)
        return reached[which]

    def grown(_: Noise, error: FloatArray, size: FloatArray, __: int) -> FloatArray:
        return np.array(
            [
                _grown(numbers, hidden, count, threat.norm, e, r)
                for e, r in zip(error.tolist(), size.tolist(), strict=True)
            ]
        )

    source = "inf over t of t · error + Σ Q_j D(t P_j/Q_j) for the ratios of the changes, D of the numbers"
    named = method(numbers, threat.norm)
    growth = Bounded(grown)
    return [Certificate(Mixed, threat, named, False, 1, radius, f"{source}; derived here", growth=growth)]


def _place(numbers: Noise, hidden: Resampling, count: int, norm: Threat, error: float, plain: float) -> float:
    """The last place on the list of radii at which the error stays at most ½; nan where there is none."""
    if not plain > 0:
        return math.nan

    def holds(place: int) -> bool:
        return _largest_error(numbers, hidden, count, norm, place) >= error

    high = PARTS * (math.floor(math.log2(plain)) + 1)
    low = next((high - PARTS * k for k in range(1, OCTAVES) if holds(high - PARTS * k)), None)
    return math.nan if low is None else int(last_whole(lambda at: holds(int(at)), low, low + PARTS))


@functools.lru_cache(maxsize=2**16)
def _largest_error(numbers: Noise, hidden: Resampling, count: int, norm: Threat, place: int) -> float:
    """An error that stays at most ½ at the radius of that place on the list; from below."""
    found, atoms = divergence(numbers, norm, 2.0 ** (place / PARTS)), changes(hidden, count)

    def fits(t: FloatArray) -> FloatArray:
        return (0.5 - _spread(found, atoms, t)) / t

    return float(rounding.down(np.array(max(_highest(fits), 0.0)), 4))


def _grown(
    numbers: Noise, hidden: Resampling, count: int, norm: Threat, error: float, radius: float
) -> float:
    """G_mix at a radius, from above."""
    found, atoms = divergence(numbers, norm, radius), changes(hidden, count)
    return min(-_highest(lambda t: -(t * error + _spread(found, atoms, t))) * (1 + 1e-14), 1.0)


def _highest(value: Callable[[FloatArray], FloatArray]) -> float:
    """The largest value found of a function of t that rises and falls; any value of it is valid."""
    low, high, best = *LOG_SLOPES, -math.inf
    for _ in range(ROUNDS):
        places = np.linspace(low, high, 16)
        found = value(np.exp(places))
        at, best = int(found.argmax()), max(best, float(found.max()))
        low, high = float(places[max(at - 1, 0)]), float(places[min(at + 1, 15)])
    return best


def _spread(found: Divergence, atoms: Atoms, t: FloatArray) -> FloatArray:
    """Σ Q_j D(t P_j/Q_j) from above."""
    ratio = np.exp(-np.minimum(atoms.log_ratio, 700.0))[:, None] * (1 - 1e-13)  # D falls
    return weighted_sum(found(t * ratio).T, atoms.q) + atoms.rounding
