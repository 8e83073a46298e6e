"""Numbers and categories that change at once: for each number of changed categories, a radius of the numbers.

Independent noises multiply likelihood ratios. Ablation decides first whether a changed category is seen: with
probability 1 - Δ none is, and there the error e/(1 - Δ) may grow to (½ - Δ)/(1 - Δ) by what the numbers do.
Resampling multiplies the ratio of Gaussian noise by that of the categories. The Gaussian cases are also in
Delattre et al. 2026; in general derived here.
"""

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.special import ndtr

from wulff import _display
from wulff._checks import real_number
from wulff._numerics import rounding
from wulff._numerics.bisection import last_true
from wulff._numerics.rounding import decimal_down, float_at_least, float_at_most
from wulff._typing import FloatArray
from wulff.certificates.features.ablation import seen
from wulff.certificates.features.categories import Atoms, changed, worst_values
from wulff.certificates.growth import grown_error, signed_enclosure
from wulff.certificates.registry import Certificate, candidates, certified_radius, dimension
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Ablation, Gaussian, Noise, Resampling
from wulff.noises import parse as parse_noise
from wulff.norms import Norm, Threat, parse_threat

STEPS = 60


@dataclasses.dataclass(frozen=True, repr=False)
class Staircase:
    """Radii of the numeric columns by how many categories change.

    Attributes:
        radius: At place c: no change of at most c categories, and of the numbers with a norm below it,
            changes the label; rounded down. There are none from `len(radius)` changed categories on.
        method: The theorem behind each.
        error: The upper bound on the error that they are for.
        numbers: The noise of the numeric columns, with their number.
        categories: The noise of the others, with their number.
        norm: How changes of the numbers are measured.
    """

    radius: FloatArray
    method: tuple[str, ...]
    error: float
    numbers: Noise
    categories: Noise
    norm: Threat

    def __len__(self) -> int:
        return len(self.radius)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each number of changed categories."""
        columns = {"changed": range(len(self)), "radius": self.radius, "method": self.method}
        return _display.pandas().DataFrame(columns)

    def __repr__(self) -> str:
        steps = ", ".join(f"{c}: {decimal_down(float(r), 6)}" for c, r in enumerate(self.radius[:8]))
        more = ", ..." if len(self) > 8 else ""
        return (
            f"Staircase against {self.norm} of {self.numbers} and {self.categories}, by changed categories: "
            f"{steps or 'nothing is certified'}{more} (rounded down)"
        )


def staircase(
    numbers: Noise | str,
    categories: Noise | str,
    error: float,
    norm: Threat | str = Norm.L2,
    *,
    dim: int | None = None,
    places: int | None = None,
) -> Staircase:
    """How far numbers may move while so many categories change, for independent noises on both.

    Exact for ablation with noise whose growth is known exactly, and for resampling with Gaussian noise.

    Args:
        numbers: The noise of the numeric columns.
        categories: `ablation(...)` or `resampling(...)` of the categorical ones.
        error: An upper bound on P[f(noisy copy) ≠ label], in (0, 1].
        norm: How changes of the numbers are measured.
        dim: How many numeric columns there are; may be left out if the noise has it.
        places: How many categorical ones.

    Raises:
        InputError: An argument is outside its range.
        NotCoveredError: No theorem covers these noises together.
    """
    noise, hidden, threat = parse_noise(numbers), parse_noise(categories), parse_threat(norm)
    noise = noise.in_dim(dimension(noise, dim))
    if not isinstance(hidden, Ablation | Resampling):
        raise InputError(f"categories must be an ablation or a resampling, got {hidden}.", "categories")
    if places is None and hidden.dim is None:
        raise InputError(
            f"the number of categorical columns is not known; give places= for {hidden}.", "places"
        )
    hidden = hidden.in_dim(dimension(hidden, places))
    bound = real_number("error", error, "lie in (0, 1]", lambda e: 0 < e <= 1)
    if isinstance(hidden, Ablation):
        steps = _by_ablation(noise, hidden, bound, threat)
    elif isinstance(noise, Gaussian):
        steps = _by_resampling(noise, hidden, bound, threat)
    else:
        raise NotCoveredError(
            f"resampling goes with gaussian noise here, got {noise}; ablation goes with any."
        )
    radii, methods = zip(*steps, strict=True) if steps else ((), ())
    return Staircase(np.array(radii, dtype=np.float64), methods, bound, noise, hidden, threat)


def _by_ablation(noise: Noise, hidden: Ablation, error: float, norm: Threat) -> list[tuple[float, str]]:
    """The largest r with G(e/(1 - Δ_c), r) ≤ (½ - Δ_c)/(1 - Δ_c), for each c with e + Δ_c < ½."""
    assert hidden.dim is not None
    starts: list[float] = []
    ends: list[float] = []
    for c in range(hidden.dim // hidden.channels + 1):
        delta = seen(hidden, c, hidden.dim)
        if Fraction(error) + delta >= Fraction(1, 2):
            break
        starts.append(float_at_least(Fraction(error) / (1 - delta)))
        ends.append(float_at_most((Fraction(1, 2) - delta) / (1 - delta)))
    start, end = np.array(starts), np.array(ends)
    radius, methods = np.full(len(start), np.nan), np.full(len(start), "", dtype=object)
    for entry in candidates(noise, norm, None):
        if entry.growth is None or not len(start):
            continue
        found = _until(entry, noise, start, end, norm)
        better = found > np.nan_to_num(radius, nan=-1.0)
        radius[better], methods[better] = found[better], entry.method
        if entry.tight and not np.isnan(radius).any():
            break
    if np.isnan(radius).any():
        raise NotCoveredError(f"no certificate of {noise} against {norm} tells how errors grow.")
    return list(zip(radius.tolist(), methods.tolist(), strict=True))


def _until(entry: Certificate, noise: Noise, start: FloatArray, end: FloatArray, norm: Threat) -> FloatArray:
    """How far the noise may move until errors grow from `start` to `end`; nan where it is not known."""
    assert noise.dim is not None
    dim = noise.dim
    if entry.growth == "rate":
        before, _ = signed_enclosure(entry, noise, start, dim, norm)
        _, after = signed_enclosure(entry, noise, end, dim, norm)
        return np.maximum(np.nextafter(before - after, -np.inf), 0.0)
    if entry.growth == "overlap":
        # What is smaller than the radius at ½ - δ adds at most δ, here end - start.
        error = np.minimum(rounding.up(rounding.up(0.5 - end, 1) + start, 1), 0.5)
        return np.where(error < 0.5, entry.radius(noise, np.minimum(error, 0.4999999), dim, norm), 0.0)
    most = entry.radius(noise, start, dim, norm)  # at which the error may be ½

    def holds(radius: FloatArray) -> Any:
        return grown_error(entry, noise, start, radius, dim, norm) <= end

    return np.where(np.isnan(most), np.nan, last_true(holds, np.zeros(len(start)), most, 24))


def _by_resampling(
    noise: Gaussian, hidden: Resampling, error: float, norm: Threat
) -> list[tuple[float, str]]:
    """σμ, with the largest μ at which the ratios of c changes and of a shift by μ leave less than ½."""
    assert hidden.dim is not None
    # A radius of Gaussian noise is a multiple of the quantile, which is 1 at this error.
    unit = float(rounding.down(certified_radius(noise, float(ndtr(-1.0)), norm).radius, 64))
    worst, steps = worst_values(hidden, hidden.dim), list[tuple[float, str]]()
    for c in range(hidden.dim + 1):
        atoms = changed(hidden.keep, worst[:c])
        if not atoms.grown(np.array([error]))[0] < 0.5:
            break

        def holds(mu: FloatArray, atoms: Atoms = atoms) -> bool:
            return _grown(atoms, error, float(mu)) <= 0.5

        mu = float(last_true(holds, 0.0, 40.0, STEPS))  # quantiles of float64 errors are below 38
        steps.append((float(rounding.down(np.array(mu * unit), 4)), "likelihood-ratios"))
    return steps


def _grown(atoms: Atoms, error: float, mu: float) -> float:
    """G(error) from above: e^τ · error + Σ (Q_j P[L > τ] - e^τ P_j P[L > τ]) for the best τ that is found.

    Whatever τ is, this is a bound: that it is the best one is not needed.
    """
    largest = float(np.abs(atoms.log_ratio).max())
    span = largest + 45 * mu + mu**2

    def beyond(tau: float, shift: float) -> FloatArray:
        return ndtr((atoms.log_ratio - tau) / mu + shift * mu / 2)

    tau = float(last_true(lambda t: (atoms.p * beyond(float(t), -1)).sum() >= error, -span, span, 60))
    part = np.exp(min(tau, 700.0)) * max(error - float((atoms.p * beyond(tau, -1)).sum()), 0.0)
    # Arguments of tails are off by `shift`, tails at x by (|x| + 1) times it; there they are about the error.
    shift = 8 * rounding.EPSILON * (1 + mu + (largest + abs(tau)) / mu)
    off = 2 * atoms.rounding + 2 * shift * (np.sqrt(-2 * np.log(error)) + 4)
    return float((atoms.q * beyond(tau, 1)).sum()) + part + off
