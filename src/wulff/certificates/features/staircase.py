"""The staircase of noise on numbers and categories: for each number of changed categories, a radius."""

import dataclasses
from typing import Any

import numpy as np

from wulff import _display
from wulff._checks import real_number
from wulff._numerics.rounding import decimal_down
from wulff._typing import FloatArray
from wulff.certificates.radii import certified_radius, dimension
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Ablation, Mixed, Noise, Resampling
from wulff.noises import parse as parse_noise
from wulff.norms import Box, Norm, Scaled, Threat, WithChanges, parse_threat

MOST_CHANGED = 9
"""Steps of more changed categories are certified where they are asked for."""


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
    noise, hidden, measured = parse_noise(numbers), parse_noise(categories), parse_threat(norm)
    noise = noise.in_dim(dimension(noise, dim))
    if not isinstance(hidden, Ablation | Resampling):
        raise InputError(f"categories must be an ablation or a resampling, got {hidden}.", "categories")
    if places is None and hidden.dim is None:
        raise InputError(
            f"the number of categorical columns is not known; give places= for {hidden}.", "places"
        )
    if isinstance(measured, WithChanges) or measured == Norm.L0:
        raise NotCoveredError(
            f"numbers are not measured in l0 here; give a norm such as l2 or l2-scaled, got {measured}."
        )
    hidden = hidden.in_dim(dimension(hidden, places))
    bound = real_number("error", error, "lie in (0, 1]", lambda e: 0 < e <= 1)
    assert noise.dim is not None
    assert hidden.dim is not None
    # Which columns the categories are decides nothing here.
    mixed = Mixed(numbers=noise, categories=hidden, columns=tuple(range(hidden.dim)))
    found = [certified_radius(mixed, bound, step) for step in _below(hidden, bound, measured, hidden.dim)]
    radii = np.array([float(step.radius) for step in found])
    return Staircase(radii, tuple(str(step.method) for step in found), bound, noise, hidden, measured)


def steps(noise: Mixed, threat: Threat, error: float) -> list[Threat]:
    """What a threat stands for in a run: a norm for its steps that an error allows, a step for itself.

    There is always the first step, and never one of more than `MOST_CHANGED` categories.
    """
    if isinstance(threat, WithChanges) or threat == Norm.L0:
        return [threat]
    return [*(_below(noise.of_categories(), error, threat, MOST_CHANGED) or [WithChanges(threat, 0)])]


def _below(
    hidden: Ablation | Resampling, error: float, norm: Norm | Box | Scaled, most: int
) -> list[WithChanges]:
    """The steps at which an error leaves a label first."""
    counted = certified_radius(hidden, error, Norm.L0)
    last = min(int(counted.radius), most) if counted.method != "abstain" else -1
    return [WithChanges(norm, changed) for changed in range(last + 1)]
