"""What is asked of the table: the largest certified radius for each error, and where it comes from."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wulff import _display
from wulff._checks import numbers, whole_number
from wulff._numerics import rounding
from wulff._numerics.rounding import decimal_down
from wulff._typing import FloatArray, IntArray
from wulff.certificates.certificate import Case, Certificate
from wulff.certificates.registry import candidates, is_norm
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Mixed, Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Norm, Scaled, Threat, WithChanges, parse_threat

SMALLEST_ERROR: Final = 1e-300
"""Smaller errors get the radius of this one, which is valid for them; float64 has fewer digits below."""

DIMENSIONS: Final = (150_528, 2, 3072)
"""A radius that is the same in all of these depends on none."""


@dataclasses.dataclass(frozen=True, repr=False)
class Radii:
    """Certified radii and the theorems they come from, in the shape of the errors.

    Attributes:
        radius: No perturbation with norm below it changes the smoothed label. In input units; 0 means
            that nothing is certified (error ≥ ½).
        method: The registry's name of the theorem behind each radius.
        tight: Whether that theorem's radius is the largest that the error alone can support.
        error: The upper bounds on P[f(x+Z) ≠ label] that the radii are for.
        noise: The noise, with its dimension.
        norm: The adversary's norm.
    """

    radius: FloatArray
    method: npt.NDArray[np.str_]
    tight: npt.NDArray[np.bool_]
    error: FloatArray
    noise: Noise
    norm: Threat

    def largest_changes(self) -> FloatArray:
        """How far each coordinate alone may move, in its own unit; of shape (*errors, dim)."""
        return largest_changes(self.noise, self.norm, self.radius)

    def __len__(self) -> int:
        return len(self.radius)

    def __getitem__(self, chosen: Any) -> "Radii":
        """The radii of some of the errors, chosen as in an array."""
        names = ("radius", "method", "tight", "error")
        return dataclasses.replace(self, **{name: np.asarray(getattr(self, name)[chosen]) for name in names})

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each error."""
        parts = {name: np.ravel(getattr(self, name)) for name in ("error", "radius", "method", "tight")}
        return _display.pandas().DataFrame(parts)

    def __repr__(self) -> str:
        radius, method = np.atleast_1d(self.radius).ravel(), np.unique(self.method).tolist()
        shown = ", ".join(decimal_down(float(value), 6) for value in radius[:6])
        more = f", and {radius.size - 6:,} more" if radius.size > 6 else ""
        by = ", ".join(method[:6])
        return f"Radii against {self.norm} of {self.noise}: {shown}{more} (rounded down), by {by}"

    def _repr_html_(self) -> str:
        parts = (self.error, self.radius, self.method)
        rows = zip(*(np.ravel(part)[: _display.ROWS].tolist() for part in parts), strict=True)
        cells = [[f"{error:.4g}", decimal_down(radius, 6), method] for error, radius, method in rows]
        left = max(0, np.size(self.radius) - _display.ROWS)
        return _display.html_table(["error", f"{self.norm} radius", "method"], cells, left)


def largest_changes(noise: Noise, norm: Threat, radius: FloatArray) -> FloatArray:
    """How far each coordinate alone may move, in its own unit, at radii against a norm; rounded down.

    Args:
        noise: The noise, with its dimension.
        norm: A norm, or a norm in units of the scales.
        radius: The radii; one coordinate's change has the same size in every norm.

    Returns:
        An array of shape (*radii, dim); 0 for immutable coordinates. Of mixed noise nan for categories, which
        are not measured.
    """
    if isinstance(noise, Mixed) and isinstance(norm, WithChanges):
        assert noise.dim is not None
        each = np.full((*np.shape(radius), noise.dim), np.nan)
        each[..., noise.numeric(noise.dim)] = largest_changes(noise.of_numbers(), norm.norm, radius)
        return each
    if not isinstance(norm, Scaled) and not is_norm(norm):
        raise InputError(f"changes of single coordinates follow from radii against a norm, got {norm}.")
    assert noise.dim is not None
    scales = np.ones(noise.dim) if noise.scales is None else np.array(noise.scales)
    each = scales if isinstance(norm, Scaled) else (scales > 0).astype(np.float64)
    return rounding.down(np.asarray(radius)[..., None] * each, 1)


def certified_radius(
    noise: Noise | str,
    error: npt.ArrayLike,
    norm: Threat | str = Norm.L2,
    dim: int | None = None,
    method: str | None = None,
) -> Radii:
    """The radius within which no adversary can change the smoothed label.

    Args:
        noise: The noise of the smoothed classifier, or its spec string.
        error: Upper bounds on P[f(x+Z) ≠ label], of any shape, in (0, 1]. Give the error and not one
            minus it: probabilities near one have no digits left.
        norm: What the adversary may do: `l1`, `l2`, `linf`, `lp(1.5)` in all of space; in the box `l1-box`,
            `l0-box`, or a `Box` with the room of one input; of noise with scales, `l2-scaled` in their units;
            of mixed noise `l2+1`, the numbers in l2 while up to one category changes.
        dim: The number of input coordinates; may be left out if the noise has it.
        method: The name of one theorem; by default the one with the largest radius, for each error.

    Returns:
        float64 radii, never above the theorem's exact value; 0 for errors of ½ and more.

    Raises:
        InputError: An argument is outside its range.
        NotCoveredError: The theorem (or every theorem) says nothing about this case; the message names
            the methods that exist.
    """
    noise, norm = parse_noise(noise), parse_threat(norm)
    noise = noise.in_dim(dimension(noise, dim))
    assert noise.dim is not None
    errors = check_errors(error)

    def radius(case: Case, here: IntArray, known: FloatArray) -> FloatArray:
        asked = np.maximum(errors.flat[here], SMALLEST_ERROR)
        found, promising = np.full(here.size, np.nan), case.promises(asked, known)
        if promising.any():
            found[promising] = case.radius(asked[promising])
        return found

    found = choose(
        noise,
        norm,
        method,
        errors < 0.5,
        radius,
        lambda i: f"error {errors.flat[i]:g}",
        growing=False,
        until_tight=True,
    )
    return Radii(found.value[()], found.method, found.tight, errors[()], noise, norm)


Answer = Callable[[Case, IntArray, FloatArray], FloatArray]
"""From a certificate, places, and the largest values there so far to its own values there, or nan."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """The largest values, and the certificates they come from; 0 and "abstain" where nothing was asked.

    Attributes:
        value: The values.
        number: Which of the certificates each comes from, from 1; 0 where nothing was asked.
        entries: The certificates.
    """

    value: FloatArray
    number: IntArray
    entries: Sequence[Certificate]

    @property
    def method(self) -> npt.NDArray[np.str_]:
        """The registry's names of the theorems behind the values."""
        return np.array(["abstain", *(entry.method for entry in self.entries)])[self.number]

    @property
    def tight(self) -> npt.NDArray[np.bool_]:
        """Whether those theorems are tight."""
        return np.array([False, *(entry.tight for entry in self.entries)])[self.number]


def choose(
    noise: Noise,
    norm: Threat,
    method: str | None,
    asked: npt.NDArray[np.bool_],
    answer: Answer,
    what: Callable[[int], str],
    *,
    growing: bool = True,
    until_tight: bool = False,
) -> Choice:
    """The largest value that a certificate gives at each place, from the first one that gives it.

    Args:
        noise: The noise, with its dimension.
        norm: The adversary's norm.
        method: The name of one theorem; None tries all but the comparisons.
        asked: At which places there has to be one.
        answer: What a certificate gives.
        what: In words, what is asked at a place; for the refusal.
        growing: Whether only certificates can answer that bound errors other than ½.
        until_tight: Whether a place is done with the value of a tight theorem. Where values come from
            bisections, they may end below what another theorem has in closed form.

    Raises:
        NotCoveredError: No certificate answers at one of the places.
    """
    assert noise.dim is not None
    entries = candidates(noise, norm, method, growing=growing)
    value, number = np.full(asked.shape, np.nan), np.zeros(asked.shape, dtype=np.intp)
    pending: IntArray = np.flatnonzero(asked)
    for place, entry in enumerate(entries, start=1):
        if pending.size == 0:
            break
        known = value.flat[pending]
        found = answer(Case(entry, noise, noise.dim, norm), pending, known)
        better = ~(found <= known) & ~np.isnan(found)
        value.flat[pending[better]], number.flat[pending[better]] = found[better], place
        if until_tight and entry.tight:
            pending = pending[~better]
    if (missing := np.flatnonzero(asked & np.isnan(value))).size:
        others = [
            entry.method for entry in candidates(noise, norm, None, growing=growing) if entry.method != method
        ]
        raise NotCoveredError(
            f"{f'method {method!r} does not cover' if method else 'no method covers'} {noise} against {norm} "
            f"at {what(int(missing[0]))}; {'the other methods are' if method else 'tried were'} "
            f"{', '.join(others) or 'none'}."
        )
    value[~asked] = 0.0
    return Choice(value, number, entries)


def radius_in_any_dimension(
    noise: Noise | str, error: npt.ArrayLike, norm: Threat | str = Norm.L2, method: str | None = None
) -> Radii:
    """The certified radius where it does not depend on the dimension; its noise has none.

    Raises:
        InputError: It depends on the dimension, or an argument is outside its range.
        NotCoveredError: As by `certified_radius`.
    """
    noise, norm = parse_noise(noise), parse_threat(norm)
    if noise.dim is not None or isinstance(noise, Mixed):  # which has columns, and needs to know how many
        return certified_radius(noise, error, norm, None, method)
    first, *others = (_radii(noise, error, norm, dim, method) for dim in DIMENSIONS)
    if first is None or any(found is None or (found.radius != first.radius).any() for found in others):
        raise InputError(f"the radius of {noise} against {norm} depends on the dimension; give dim.", "dim")
    return Radii(first.radius, first.method, first.tight, first.error, noise, norm)


def _radii(noise: Noise, error: npt.ArrayLike, norm: Threat, dim: int, method: str | None) -> Radii | None:
    """The radii in one dimension; None where no theorem covers it."""
    try:
        return certified_radius(noise, error, norm, dim, method)
    except NotCoveredError:
        if dim == DIMENSIONS[0]:
            raise
        return None


def dimension(noise: Noise, dim: int | None) -> int:
    """The number of input coordinates, from the argument or else from the noise."""
    dim = noise.dim if dim is None else dim
    if dim is None:
        raise InputError(
            f"the dimension is not known; give dim= (the number of input coordinates) for {noise}.", "dim"
        )
    return whole_number("dim", dim)


def check_errors(error: npt.ArrayLike) -> FloatArray:
    """Upper bounds on probabilities as float64; refuses what is not in (0, 1] and what has too few digits."""
    given = numbers("error", error, what="float64")
    if given.dtype.kind == "f" and given.dtype.itemsize < 8:
        raise InputError(
            f"error must be float64 (float32 has too few digits for a certificate), got {given.dtype}."
        )
    errors = given.astype(np.float64)
    outside = ~((errors > 0) & (errors <= 1))
    if outside.any():
        raise InputError(f"error must lie in (0, 1], got {errors[outside].flat[0]:g}.", "error")
    return errors
