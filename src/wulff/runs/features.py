"""How far each feature of an input alone may change, in its own unit, before the label might change."""

import contextlib
import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from wulff import _display
from wulff._typing import FloatArray, IntArray
from wulff.certificates.radii import largest_changes
from wulff.errors import InputError
from wulff.noises import Mixed, Noise
from wulff.norms import Adversary, Norm, Scaled, WithChanges, parse_adversary
from wulff.runs.run import Run, check_run


@dataclasses.dataclass(frozen=True, repr=False)
class FeatureChanges:
    """What a run certifies of each feature of each input, where all other features stay.

    Attributes:
        names: The names of the features; their numbers from 0 where they have none.
        index: The positions of the inputs in their data set.
        largest: Of shape (inputs, features), in the unit of each feature and rounded down: the label stays
            for every smaller change. 0 where the run abstains and for immutable features, infinite where a
            feature may become anything, as a category that is covered.
        immutable: Whether each feature gets no noise, so that nothing is said of inputs in which it differs.
        together: How many features, or of numbers and categories how many categories, may become anything at
            once while the others stay; None where the run certifies no such changes.
    """

    names: tuple[str, ...]
    index: IntArray
    largest: FloatArray
    immutable: npt.NDArray[np.bool_]
    together: IntArray | None = None

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each input and a column for each feature."""
        table: dict[str, Any] = {"input": self.index}
        table |= {name: self.largest[:, place] for place, name in enumerate(self.names)}
        return _display.pandas().DataFrame(table)


def has_features(run: Run) -> bool:
    """Whether coordinates of a run's inputs are features: of a table, or with noise in their own units."""
    noise = run.noise
    if noise is None or noise.dim is None or not run.norms:
        return False
    return run.spec.table is not None or noise.scales is not None


def feature_changes(run: Run) -> FeatureChanges:
    """How far each feature of each input of a run may change alone.

    All certificates of an input rest on one bound of its error, so that they hold together: each change is
    the largest that any of them allows.

    Args:
        run: A certification of rows of a table, or with noise that has scales.

    Raises:
        InputError: Its inputs have no features, or it has no records.
    """
    run = check_run(run)
    noise = run.noise
    if noise is None or noise.dim is None or not has_features(run) or not run.records:
        raise InputError(
            "changes of single features are those of a certification of a table, or with noise that has "
            f"scales, got {run.name}."
        )
    largest = np.zeros((len(run.records), noise.dim))
    together = None
    for name in run.norms:
        threat, radii = parse_adversary(name), run.radii(name)
        per_unit = change_per_radius(noise, threat)
        largest = np.fmax(largest, np.where(np.isnan(per_unit), 0.0, _changes(noise, threat, radii)))
        covered = may_be_anything(threat, radii)
        if covered is not None:
            largest[np.ix_(covered > 0, counted(noise, threat))] = math.inf
            together = covered if together is None else np.maximum(together, covered)
    return FeatureChanges(feature_names(run), run.columns.index, largest, immutable_features(noise), together)


def immutable_features(noise: Noise) -> npt.NDArray[np.bool_]:
    """Which features get no noise."""
    assert noise.dim is not None
    still = np.zeros(noise.dim, dtype=bool)
    places = noise.numeric(noise.dim) if isinstance(noise, Mixed) else list(range(noise.dim))
    scales = noise.of_numbers().scales if isinstance(noise, Mixed) else noise.scales
    if scales is not None:
        still[places] = np.array(scales) == 0
    return still


def change_per_radius(noise: Noise, threat: Adversary) -> FloatArray:
    """How much each feature may change alone for a radius of 1; nan where changes of it are counted instead.

    Args:
        noise: The noise, with its dimension.
        threat: What the radius is against.
    """
    return _changes(noise, threat, np.ones(1))[0]


def may_be_anything(threat: Adversary, radii: FloatArray) -> IntArray | None:
    """How many features may become anything at once by radii against a threat; None where it counts none."""
    if threat == Norm.L0:
        return radii.astype(np.int64)
    if isinstance(threat, WithChanges):
        return np.where(radii > 0, threat.changed, 0)
    return None


def counted(noise: Noise, threat: Adversary) -> npt.NDArray[np.bool_]:
    """Which features a threat counts: all in l0, and the categories of mixed noise beside numbers."""
    assert noise.dim is not None
    counts = np.full(noise.dim, threat == Norm.L0)
    if isinstance(noise, Mixed) and isinstance(threat, WithChanges):
        counts[list(noise.columns)] = True
    return counts


def feature_names(run: Run) -> tuple[str, ...]:
    """The names of a run's features, or their numbers."""
    table = run.spec.table
    assert run.noise is not None
    return tuple(map(str, range(run.noise.dim or 0))) if table is None else table.names


def _changes(noise: Noise, threat: Adversary, radii: FloatArray) -> FloatArray:
    if isinstance(threat, Scaled | WithChanges | Norm) and threat != Norm.L0:
        with contextlib.suppress(InputError):
            return largest_changes(noise, threat, radii)
    assert noise.dim is not None
    return np.full((len(radii), noise.dim), np.nan)
