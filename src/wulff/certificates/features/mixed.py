"""Numbers and categories that change at once: radii of the numbers while so many categories change.

Independent noises multiply likelihood ratios. Ablation decides first whether a changed category is seen: with
probability 1 - Δ none is, and there the error e/(1 - Δ) may grow to (½ - Δ)/(1 - Δ) by what the numbers do.
Resampling multiplies the ratio of Gaussian noise by that of the categories, and of uniform laws asks for more
overlap; of other noise see `filled`. The Gaussian cases are also in Delattre et al. 2026; in general derived
here.
"""

import functools
from fractions import Fraction

import numpy as np
from scipy.special import ndtr

from wulff._numerics import rounding
from wulff._numerics.roots import bracketed_root
from wulff._numerics.rounding import float_at_least, float_at_most
from wulff._numerics.sums import weighted_sum
from wulff._typing import FloatArray
from wulff.certificates.certificate import Bounded, Case, Certificate, Overlap
from wulff.certificates.features.ablation import seen
from wulff.certificates.features.categories import Atoms, changes, few_values
from wulff.certificates.features.filled import filled
from wulff.certificates.radii import certified_radius
from wulff.certificates.registry import candidates, finder
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Ablation, Gaussian, Mixed, Noise, Resampling
from wulff.norms import Box, Threat, WithChanges

SMALLEST_SHIFT = 1e-6
"""Of smaller ones the rounding error would be larger than what they change."""
SIXTEENTHS = np.arange(17) / 16
HALF = Fraction(1, 2)
TINY = 1e-300
"""An error that grows to nothing but what a move adds."""


@finder(Mixed)
def entries_of_mixed(noise: Mixed, threat: Threat) -> list[Certificate]:
    """The certificates of noise on numbers and categories, for a step of its staircase."""
    if not isinstance(threat, WithChanges):
        raise NotCoveredError(
            f"against mixed noise a threat says how many categories change beside the numbers, as in l2+0 or "
            f"l2+1, got {threat}."
        )
    if noise.dim is None:
        raise InputError(f"the number of columns is not known; give dim for {noise}.", "dim")
    numbers, hidden = noise.of_numbers(), noise.of_categories()
    count = min(threat.changed, len(noise.columns))
    if isinstance(numbers, Gaussian) and isinstance(hidden, Resampling) and not isinstance(threat.norm, Box):
        return [_drawn_again(numbers, hidden, count, threat)]
    entries = candidates(numbers, threat.norm, None, growing=True)
    overlapping = [entry for entry in entries if isinstance(entry.growth, Overlap)]
    if isinstance(hidden, Resampling) and count:
        alike, exact = changes(hidden, count).alike(), few_values(hidden)
        found = [_overlapping(entry, numbers, alike, exact, threat) for entry in overlapping]
        return found or filled(numbers, hidden, count, threat)
    delta = seen(hidden, count, len(noise.columns)) if isinstance(hidden, Ablation) else Fraction(0)
    alike = [(1.0, float_at_most(1 - delta))]
    return [
        _overlapping(entry, numbers, alike, True, threat)
        if entry in overlapping
        else _hidden(entry, numbers, delta, threat)
        for entry in entries
    ]


def _hidden(entry: Certificate, numbers: Noise, delta: Fraction, threat: WithChanges) -> Certificate:
    """The certificate of numbers whose changed categories are seen with probability Δ.

    The largest r with G(e/(1 - Δ), r) ≤ (½ - Δ)/(1 - Δ), where e + Δ < ½.
    """
    assert numbers.dim is not None
    case = Case(entry, numbers, numbers.dim, threat.norm)
    unseen = max(float_at_most(1 - delta), TINY)  # 0 where every change is seen
    end = float_at_most((HALF - delta) / (1 - delta)) if delta < HALF else 0.0
    largest, rest = float_at_least(delta), float_at_least(1 - delta)

    def radius(_: Noise, error: FloatArray, __: int) -> FloatArray:
        start = rounding.up(error / unseen, 1)
        found, some = np.zeros(error.shape), start < end
        if some.any():
            found[some] = _until(case, start[some], end)
        return found

    def grown(_: Noise, error: FloatArray, size: FloatArray, __: int) -> FloatArray:
        start = np.minimum(rounding.up(error / unseen, 1), 1.0)
        inside = case.grown(start, size)
        return np.minimum(rounding.up(largest + rest * inside, 3), 1.0)

    return Certificate(
        Mixed,
        threat,
        entry.method,
        entry.tight,
        1,
        radius,
        entry.source,
        growth=Bounded(grown),
        comparison=entry.comparison,
    )


def _until(case: Case, start: FloatArray, end: float) -> FloatArray:
    """How far the noise may move until errors grow from `start` to `end`, which is larger and at most ½."""
    if end == 0.5:
        return case.radius(start)
    assert case.certificate.growth is not None
    return case.certificate.growth.until(case, start, end)


def _overlapping(
    entry: Certificate, numbers: Noise, alike: list[tuple[float, float]], exact: bool, threat: WithChanges
) -> Certificate:
    """The radius at which the overlap of uniform laws is min over t of (½ + t e)/Σ min(Q, t P).

    A move with overlap o adds 1 - o to an error at most: D(s) = 1 - o · min(1, s), and G_mix(e) is the least
    of t e + 1 - o Σ min(Q, t P). That is least where t is one of the ratios Q/P, and so is the quotient. The
    laws of a category that is seen with probability Δ have 1 - Δ in common, at t = 1.
    """
    assert numbers.dim is not None
    case = Case(entry, numbers, numbers.dim, threat.norm)

    def radius(_: Noise, error: FloatArray, __: int) -> FloatArray:
        needed = np.full(error.shape, np.inf)
        for t, mass in alike:
            if mass > 0:
                needed = np.minimum(needed, rounding.up((0.5 + rounding.up(t * error, 1)) / mass, 3))
        start, found = rounding.up(np.maximum(needed - 0.5, 0.0), 1), np.zeros(error.shape)
        some = start < 0.5
        if some.any():
            found[some] = case.radius(np.maximum(start[some], error[some]))
        return found

    def grown(_: Noise, error: FloatArray, size: FloatArray, __: int) -> FloatArray:
        tiny = np.full(error.shape, TINY)
        overlap = rounding.down(1 - case.grown(tiny, size), 1)
        bounds = [rounding.up(t * error + (1 - rounding.down(overlap * mass, 1)), 3) for t, mass in alike]
        return np.min([np.ones(error.shape), *bounds], axis=0)

    source = (
        f"{entry.source}, at the overlap min of (½ + t · error)/Σ min(Q, t P) for the ratios of the changes"
    )
    tight = exact and entry.tight
    source, growth = f"{source}; derived here", Bounded(grown)
    return Certificate(Mixed, threat, entry.method, tight, 1, radius, source, growth=growth)


def _drawn_again(numbers: Gaussian, hidden: Resampling, count: int, threat: WithChanges) -> Certificate:
    """σμ, with the largest μ at which the ratios of the changes and of a shift by μ leave at most ½."""
    atoms, exact = changes(hidden, count), few_values(hidden)
    unit = _gaussian_unit(numbers, threat.norm)

    def radius(_: Noise, error: FloatArray, __: int) -> FloatArray:
        found, some = np.zeros(error.shape), atoms.grown(error) < 0.5
        if some.any():
            few, which = np.unique(error[some], return_inverse=True)
            found[some] = rounding.down(_largest_shift(atoms, few) * unit, 1)[which]
        return found

    def grown(_: Noise, error: FloatArray, size: FloatArray, __: int) -> FloatArray:
        return np.minimum(_grown(atoms, error, rounding.up(size / unit, 1)), 1.0)

    source = "σμ, the largest μ at which the ratios of changes and shift leave at most ½; derived here"
    return Certificate(
        Mixed,
        threat,
        "likelihood-ratios" if exact else "raised-values",
        exact,
        1,
        radius,
        source,
        growth=Bounded(grown),
    )


@functools.lru_cache(maxsize=256)
def _gaussian_unit(numbers: Gaussian, norm: Threat) -> float:
    """From below, the radius at an error whose quantile is 1: those of Gaussian noise are its multiples."""
    return float(rounding.down(certified_radius(numbers, float(ndtr(-1.0)), norm).radius, 64))


def _largest_shift(atoms: Atoms, error: FloatArray) -> FloatArray:
    """The largest μ found at which G(error) is at most ½; 0 if there is none."""

    def above(mu: FloatArray) -> FloatArray:
        return _grown(atoms, error, mu) - 0.5

    low, high = np.full(error.shape, SMALLEST_SHIFT), np.full(error.shape, 40.0)  # quantiles are below 38
    at_low = above(low)
    holds, _ = bracketed_root(above, low, high, values=(at_low, above(high)))
    return np.where(at_low < 0, holds, 0.0)


def _grown(atoms: Atoms, error: FloatArray, mu: FloatArray) -> FloatArray:
    """G(error) from above: e^τ · error + Σ (Q_j P[L > τ] - e^τ P_j P[L > τ]) for the best τ that is found.

    Whatever τ is, this is a bound: that it is the best one is not needed. Larger shifts have larger ones.
    """
    mu = np.maximum(mu, SMALLEST_SHIFT)[:, None]

    def beyond(tau: FloatArray, shift: float) -> FloatArray:
        return ndtr((atoms.log_ratio - tau[..., None]) / mu[..., None] + shift * mu[..., None] / 2)

    largest = float(np.abs(atoms.log_ratio).max())
    width = 2 * (largest + 45 * mu + mu**2)
    tau, rows = -width / 2, np.arange(len(mu))
    for _ in range(14):  # by sixteenths, the last place beyond which there is more than the error
        places = tau + width * SIXTEENTHS
        enough = weighted_sum(beyond(places, -1), atoms.p) >= error[:, None]
        last = np.clip(enough.sum(axis=1) - 1, 0, 15)
        tau, width = places[rows, last][:, None], width / 16
    p, q = (weighted_sum(beyond(tau, sign), mass)[:, 0] for sign, mass in ((-1, atoms.p), (1, atoms.q)))
    mu, tau = mu[:, 0], tau[:, 0]
    part = np.exp(np.minimum(tau, 700.0)) * np.maximum(error - p, 0.0)
    # Arguments of tails are off by `shift`, tails at x by (|x| + 1) times it; there they are about the error.
    shift = 8 * rounding.EPSILON * (1 + mu + (largest + np.abs(tau)) / mu)
    off = 2 * atoms.rounding + 2 * shift * (np.sqrt(-2 * np.log(error)) + 4)
    return q + part + off
