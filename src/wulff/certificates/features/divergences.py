"""How far numbers can tell a move from none: D(s) = sup {G(x) - s x} at one radius, from above.

For independent coordinates it is the expectation of (1 - s e^(-L))₊ over their privacy loss L, at the
perturbation that is the worst one for all s at once: (r, ..., r) against linf, and (r, 0, ..., 0) against l1
where densities are log-concave. For norm-radial noise its level sets give D. For any other noise a table of
its growth G is enough, which costs about 0.01 scales.
"""

import functools
from collections.abc import Callable

import numpy as np

from wulff._typing import FloatArray, IntArray
from wulff.certificates.certificate import Case, Rate
from wulff.certificates.level_set.entries import divergence as level_sets
from wulff.certificates.privacy_loss.coordinates import LossCurves, divergences
from wulff.certificates.radii import choose
from wulff.certificates.registry import table
from wulff.noises import HalfLine, IIDNoise, Noise, NormRadialNoise
from wulff.norms import Box, Norm, Scaled, Threat

ERRORS = 1 / (1 + np.exp(-np.linspace(-36, 36, 9001)[:-1]))
"""Places of a table of growth, from 2e-16 nearly to 1; their odds differ by a part of 0.008."""
TAILS = 0.9999, 1e-9
"""Beyond losses with these tails D is not looked for: it is bounded by what it is there."""
SLACK = 1e-12
"""More than the rounding errors of values of D and of the s that they are for."""
TYPICAL = 0.01
"""The error whose radius tells which theorem of the numbers is used."""

Divergence = Callable[[FloatArray], FloatArray]
"""D from above, as a function of s ≥ 0."""


def method(numbers: Noise, norm: Threat) -> str:
    """What a certificate that rests on these D is called."""
    return "privacy-loss" if _losses(numbers, norm) else f"{best(numbers, norm).certificate.method}-filled"


def divergence(numbers: Noise, norm: Threat, radius: float) -> Divergence:
    """D for the worst move of numbers by less than the radius."""
    if losses := _losses(numbers, norm):
        return _of_losses(losses, radius / numbers.scale)
    if best(numbers, norm).certificate.method == "level-set":
        return _of_level_sets(numbers, norm, radius)
    return _of_growth(numbers, norm, radius)


@functools.lru_cache(maxsize=64)
def _losses(numbers: Noise, norm: Threat) -> LossCurves | None:
    """The losses of the coordinates that the worst move changes, where it is known."""
    if isinstance(norm, Scaled):
        numbers, norm = numbers.without_scales(), norm.norm
    if not isinstance(numbers, IIDNoise) or numbers.scales is not None:
        return None
    if "privacy-loss" not in {entry.method for entry in table(type(numbers), Norm.LINF)}:
        return None
    assert numbers.dim is not None
    if norm == Norm.LINF:
        return LossCurves(numbers.unit(), numbers.dim)
    log_concave = numbers.half_line is HalfLine.LOG_CONCAVE
    return LossCurves(numbers.unit(), 1) if norm == Norm.L1 and log_concave else None


@functools.lru_cache(maxsize=1024)
def _of_losses(losses: LossCurves, shift: float) -> Divergence:
    total = losses.loss(shift * (1 + 1e-12))
    return np.ones_like if total is None else _through(*divergences(total, *TAILS))


@functools.lru_cache(maxsize=1024)
def _of_level_sets(numbers: Noise, norm: Threat, radius: float) -> Divergence:
    if isinstance(norm, Scaled):
        numbers, norm = numbers.without_scales(), norm.norm
    norm = norm.norm if isinstance(norm, Box) else norm  # in all of space, and so in the box
    assert isinstance(numbers, NormRadialNoise)
    assert isinstance(norm, Norm)
    assert numbers.dim is not None
    found = level_sets(numbers, norm, radius / numbers.scale, numbers.dim)
    return np.ones_like if found is None else _through(*found)


def _through(log_s: FloatArray, found: FloatArray) -> Divergence:
    """By chords between values at some s: D is convex, and falls from 1 at s = 0."""
    s, value = np.append(0.0, np.exp(log_s)), np.append(1.0, np.minimum(found, 1.0))
    return lambda slope: np.interp(slope, s, value) + SLACK


@functools.lru_cache(maxsize=256)
def _of_growth(numbers: Noise, norm: Threat, radius: float) -> Divergence:
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
    at_x, at_y = np.array(corners).T
    falls = -np.diff(at_y) / np.diff(at_x)  # minus the slopes of the least concave function above them

    def value(slope: FloatArray) -> FloatArray:
        corner = np.searchsorted(falls, -slope)
        return at_y[corner] - slope * at_x[corner] + SLACK

    return value


def _growth(numbers: Noise, norm: Threat, radius: float) -> FloatArray:
    """G at the places of the table, from above."""
    known = best(numbers, norm)
    if not isinstance(known.certificate.growth, Rate):
        grown = known.grown(ERRORS, np.full(ERRORS.shape, radius))
        return np.where(np.isnan(grown), 1.0, np.minimum(grown, 1.0))
    # The same for every radius, and found once: where the integrals of the rates are.
    low, high = _rates(numbers, norm)
    # The first place whose rate integral is small enough, seen from the last: it falls.
    following = np.searchsorted(-high, -np.nextafter(low - radius, -np.inf), side="left")
    return np.append(ERRORS, 1.0)[following]


@functools.lru_cache(maxsize=16)
def _rates(numbers: Noise, norm: Threat) -> tuple[FloatArray, FloatArray]:
    """r at the places of the table, from below and from above, where it falls."""
    known = best(numbers, norm)
    assert isinstance(known.certificate.growth, Rate)
    low, high = known.certificate.growth.signed(known, ERRORS)
    low, high = np.nan_to_num(low, nan=-np.inf, posinf=np.inf), np.nan_to_num(high, nan=np.inf, posinf=np.inf)
    # From above it is at most what it is at any smaller error.
    return low, np.maximum.accumulate(high[::-1])[::-1]


@functools.lru_cache(maxsize=64)
def best(numbers: Noise, norm: Threat) -> Case:
    """The theorem with a growth and the largest radius, at a typical error."""
    error, tiny = np.array([TYPICAL]), np.array([1e-6 * numbers.scale])

    def radius(case: Case, _: IntArray, __: FloatArray) -> FloatArray:
        found = case.radius(error)
        return np.where(np.isnan(case.grown(error, tiny)) | ~(found > 0), np.nan, found)

    asked = np.array([True])
    found = choose(numbers, norm, None, asked, radius, lambda _: f"error {TYPICAL} after a perturbation")
    assert numbers.dim is not None
    return Case(found.entries[int(found.number[0]) - 1], numbers, numbers.dim, norm)
