"""Resampled categories beside numbers with any noise whose growth is known.

A set has an error e_j among the views of each likelihood ratio, with Σ P_j e_j = e before a change, and a
move of the numbers takes it to Σ Q_j G(e_j) at most. So for every t ≥ 0, with D(s) = sup {G(x) - s x},

    G_mix(e) ≤ t e + Σ Q_j D(t P_j/Q_j)                                                 [derived here].

For independent coordinates that is one more factor beside their privacy losses. Of growth and of radii there
are tables, which are rounded outward: what is lost are about 0.01 scales.
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from wulff._numerics import rounding
from wulff._typing import FloatArray
from wulff.certificates.features.categories import Atoms, changed, worst_values
from wulff.certificates.growth import grown_error, signed_enclosure
from wulff.certificates.registry import Certificate, candidates
from wulff.errors import NotCoveredError
from wulff.noises import Mixed, Noise, Resampling
from wulff.norms import Threat, WithChanges

ERRORS = 1 / (1 + np.exp(-np.linspace(-36, 36, 9001)[:-1]))
"""Places of a table of growth, from 2e-16 nearly to 1; their odds differ by a part of 0.008."""
LOG_SLOPES, ROUNDS = (-20.0, 36.0), 4
"""Where the best t is looked for, and how often more closely."""
PARTS = 512
"""Radii are powers of 2 to multiples of 1/PARTS."""
SLACK = 1e-11
"""More than the rounding error of sums of numbers below 1."""
TYPICAL = 0.01
"""The error whose radius tells which theorem of the numbers is used."""


def filled(numbers: Noise, hidden: Resampling, count: int, threat: WithChanges) -> list[Certificate]:
    """The certificate of numbers beside so many changed categories, by the best theorem of the numbers."""
    best = _best(numbers, threat.norm)
    assert numbers.dim is not None
    dim = numbers.dim

    def radius(_: Noise, error: FloatArray, __: int) -> FloatArray:
        few, which = np.unique(error, return_inverse=True)
        plain = best.radius(numbers, few, dim, threat.norm)
        found = [
            _radius(numbers, hidden, count, threat.norm, e, most)
            for e, most in zip(few.tolist(), plain.tolist(), strict=True)
        ]
        return np.array(found)[which]

    def grown(_: Noise, error: FloatArray, size: FloatArray, __: int) -> FloatArray:
        return np.array(
            [
                _grown(numbers, hidden, count, threat.norm, e, r)
                for e, r in zip(error.tolist(), size.tolist(), strict=True)
            ]
        )

    source = "inf over t of t · error + Σ Q_j D(t P_j/Q_j) for the ratios of the changes, D of the numbers"
    method, source = f"{best.method}-filled", f"{source}; derived here"
    return [Certificate(Mixed, threat, method, False, 1, radius, source, growth=grown)]


def _radius(
    numbers: Noise, hidden: Resampling, count: int, norm: Threat, error: float, plain: float
) -> float:
    """The largest radius on the list at which the error stays at most ½; at most that of numbers alone."""
    if math.isnan(plain) or plain <= 0:
        return plain
    high = math.floor(math.log2(plain) * PARTS) + 1
    low, high = high - 32 * PARTS, high + 1
    if _largest_error(numbers, hidden, count, norm, low) < error:
        return 0.0
    while high - low > 1:
        middle = (low + high) // 2
        holds = _largest_error(numbers, hidden, count, norm, middle) >= error
        low, high = (middle, high) if holds else (low, middle)
    return min(2.0 ** (low / PARTS) * (1 - 1e-12), plain)


@functools.lru_cache(maxsize=2**16)
def _largest_error(numbers: Noise, hidden: Resampling, count: int, norm: Threat, place: int) -> float:
    """An error that stays at most ½ at the radius of that place on the list; from below."""
    hull, atoms = _hull(numbers, norm, 2.0 ** (place / PARTS)), _atoms(hidden, count)

    def fits(t: FloatArray) -> FloatArray:
        return (0.5 - _rest(hull, atoms, t)) / t

    return float(rounding.down(np.array(max(_highest(fits), 0.0)), 4))


def _grown(
    numbers: Noise, hidden: Resampling, count: int, norm: Threat, error: float, radius: float
) -> float:
    """G_mix at a radius, from above."""
    hull, atoms = _hull(numbers, norm, radius), _atoms(hidden, count)
    return min(-_highest(lambda t: -(t * error + _rest(hull, atoms, t))) * (1 + 1e-14), 1.0)


def _highest(value: Callable[[FloatArray], FloatArray]) -> float:
    """The largest value found of a function of t that rises and falls; any value of it is valid."""
    low, high, best = *LOG_SLOPES, -math.inf
    for _ in range(ROUNDS):
        places = np.linspace(low, high, 16)
        found = value(np.exp(places))
        at, best = int(found.argmax()), max(best, float(found.max()))
        low, high = float(places[max(at - 1, 0)]), float(places[min(at + 1, 15)])
    return best


Hull = tuple[FloatArray, FloatArray, FloatArray]
"""Corners of a concave function above G, and minus its slopes between them."""


def _rest(hull: Hull, atoms: Atoms, t: FloatArray) -> FloatArray:
    """Σ Q_j D(t P_j/Q_j) from above."""
    x, y, falls = hull
    slope = t * np.exp(-atoms.log_ratio)[:, None] * (1 - 1e-13)  # D falls
    corner = np.searchsorted(falls, -slope)
    return atoms.q @ (y[corner] - slope * x[corner]) + SLACK + atoms.rounding


@functools.lru_cache(maxsize=256)
def _hull(numbers: Noise, norm: Threat, radius: float) -> Hull:
    """Of steps that are above G: between two places of the table it is at most what it is at the second."""
    steps = zip([0.0, *ERRORS.tolist()], [*_growth(numbers, norm, radius).tolist(), 1.0], strict=True)
    corners: list[tuple[float, float]] = []
    for x, y in steps:
        while len(corners) > 1:
            (x0, y0), (x1, y1) = corners[-2:]
            if (x1 - x0) * (y - y0) < (y1 - y0) * (x - x0):
                break
            corners.pop()
        corners.append((x, y))
    at = np.array(corners)
    return at[:, 0], at[:, 1], -np.diff(at[:, 1]) / np.diff(at[:, 0])


@functools.lru_cache(maxsize=64)
def _atoms(hidden: Resampling, count: int) -> Atoms:
    assert hidden.dim is not None
    return changed(hidden.keep, worst_values(hidden, hidden.dim)[:count])


def _growth(numbers: Noise, norm: Threat, radius: float) -> FloatArray:
    """G at the places of the table, from above."""
    entry = _best(numbers, norm)
    assert numbers.dim is not None
    if entry.growth != "rate":
        grown = grown_error(entry, numbers, ERRORS, np.full(ERRORS.shape, radius), numbers.dim, norm)
        return np.where(np.isnan(grown), 1.0, np.minimum(grown, 1.0))
    low, high = _rates(numbers, norm)
    # The first place whose rate integral is small enough, seen from the last: it falls.
    following = np.searchsorted(-high, -np.nextafter(low - radius, -np.inf), side="left")
    return np.append(ERRORS, 1.0)[following]


@functools.lru_cache(maxsize=16)
def _rates(numbers: Noise, norm: Threat) -> tuple[FloatArray, FloatArray]:
    """r at the places of the table, from below and from above, where it falls."""
    assert numbers.dim is not None
    low, high = signed_enclosure(_best(numbers, norm), numbers, ERRORS, numbers.dim, norm)
    low, high = np.nan_to_num(low, nan=-np.inf, posinf=np.inf), np.nan_to_num(high, nan=np.inf, posinf=np.inf)
    # From above it is at most what it is at any smaller error.
    return low, np.maximum.accumulate(high[::-1])[::-1]


@functools.lru_cache(maxsize=64)
def _best(numbers: Noise, norm: Threat) -> Certificate:
    """The theorem with a growth and the largest radius, at a typical error."""
    assert numbers.dim is not None
    entries = [entry for entry in candidates(numbers, norm, None) if entry.growth is not None]
    error = np.array([TYPICAL])
    radii = [float(np.nan_to_num(e.radius(numbers, error, numbers.dim, norm), nan=-1.0)[0]) for e in entries]
    if not entries or max(radii) <= 0:
        raise NotCoveredError(f"no certificate of {numbers} against {norm} tells how errors grow.")
    return entries[int(np.argmax(radii))]
