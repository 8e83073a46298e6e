"""Over a data set, how far each feature alone may change."""

import contextlib
import dataclasses
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wulff import _display, _files
from wulff._checks import file_path
from wulff._numerics.rounding import decimal_down
from wulff._quoting import csv_cell
from wulff._typing import FloatArray
from wulff.datasets import Dataset
from wulff.errors import InputError
from wulff.reports.grids import Grid, escape, with_notes
from wulff.runs import FeatureChanges, Run, feature_changes, inputs
from wulff.tables import Layout

BoolArray = npt.NDArray[np.bool_]
QUANTILES = (0.1, 0.5, 0.9)
NOTE = (
    "Each number is the largest change of that feature alone, in its own unit and rounded down, of the "
    "inputs at 10, 50 and 90 % of them; wrong and abstained ones count as 0. The most fragile feature comes "
    "first: the one with the smallest changes for the range of its values."
)
ANY = "any value"


@dataclasses.dataclass(frozen=True, repr=False)
class RunFeatures:
    """What reports show of a run's features, looked up once.

    Attributes:
        run: A certification of rows of a table, or with noise that has scales.
        changes: How far each feature of each input may change alone.
        largest: These changes, 0 where the run is wrong.
        spans: From the smallest to the largest value of each feature among the inputs; nan for categories.
        order: The places of the features, the most fragile first.
        dataset: The inputs; None where they are not there any more.
    """

    run: Run
    changes: FeatureChanges
    largest: FloatArray
    spans: FloatArray
    order: list[int]
    dataset: Dataset | None


def features_of(run: Run) -> RunFeatures:
    """What is known of the features of a run.

    Raises:
        InputError: Its inputs have no features, or it has no records.
    """
    changes, dataset = feature_changes(run), None
    with contextlib.suppress(InputError):
        dataset = inputs(run)
    largest = np.where(run.scored[:, None], changes.largest, 0.0)
    spans = _spans(run.spec.table, dataset, len(changes.names))
    return RunFeatures(
        run, changes, largest, spans, _fragile_first(largest, spans, changes.immutable), dataset
    )


def _spans(table: Layout | None, dataset: Dataset | None, features: int) -> FloatArray:
    """From the smallest to the largest value of each feature; its scale where no inputs tell."""
    spans = np.full(features, np.nan)
    if dataset is not None:
        rows = dataset.images[:].flatten(1).double()
        spans = (rows.amax(dim=0) - rows.amin(dim=0)).numpy()
    if table is not None:
        scales = np.array(table.scales)
        spans = np.where(spans > 0, spans, np.where(scales > 0, scales, np.nan))
        spans[list(table.categorical)] = np.nan
    return spans


@dataclasses.dataclass(frozen=True, repr=False)
class FeatureRanges:
    """The distribution of the largest changes of each feature, over the inputs of a run.

    Attributes:
        names: The features, the most fragile first.
        quantiles: Of shape (features, 3): the changes of the inputs at 10, 50 and 90 %; infinite for any
            value.
        certified: The share of inputs that are correct and of which the feature may change at all.
        spans: From the smallest to the largest value of the feature; nan for categories.
        immutable: Whether the feature gets no noise.
        warnings: Sentences that belong under the table.
    """

    names: tuple[str, ...]
    quantiles: FloatArray
    certified: FloatArray
    spans: FloatArray
    immutable: BoolArray
    warnings: tuple[str, ...] = (NOTE,)

    def render(self, style: str = "text") -> str:
        """The table as text, md, latex or csv."""
        return with_notes(self.grid(style), style, self.warnings)

    def __repr__(self) -> str:
        return self.render().rstrip("\n")

    def _repr_html_(self) -> str:
        grid = self.grid("text")
        return _display.html_table(grid[0], grid[1:])

    def grid(self, style: str) -> Grid:
        """Every cell as it is printed, heads first."""
        grid = [["feature", "may change", "10 %", "median", "90 %", "range of values"]]
        for name, share, three, span, fixed in zip(
            self.names, self.certified, self.quantiles, self.spans, self.immutable, strict=True
        ):
            whole = style == "csv"
            cells = (
                ["immutable"] * 3
                if fixed
                else [repr(float(value)) if whole else amount(float(value)) for value in three]
            )
            width = "" if math.isnan(span) else repr(float(span)) if whole else f"{span:.4g}"
            grid.append([escape(name, style), f"{share:.3f}", *cells, width])
        return grid


def feature_ranges(run: Run) -> FeatureRanges:
    """How far each feature alone may change, over the inputs of a certification.

    Args:
        run: A certification of rows of a table, or with noise that has scales.

    Raises:
        InputError: Its inputs have no features, or it has no records.
    """
    return ranges_of(features_of(run))


def ranges_of(features: RunFeatures) -> FeatureRanges:
    """The distribution of what is known of a run's features."""
    order, largest = features.order, features.largest
    return FeatureRanges(
        tuple(features.changes.names[place] for place in order),
        np.quantile(largest, QUANTILES, axis=0, method="lower").T[order],
        (largest > 0).mean(axis=0)[order],
        features.spans[order],
        features.changes.immutable[order],
    )


def write_inputs(run: Run, path: str | Path) -> Path:
    """Write a CSV file with a line for each input: what `Run.to_pandas` has, features included.

    Args:
        run: Any run with records.
        path: Where to write.

    Raises:
        InputError: The folder does not exist, or pandas is not installed.
    """
    path = file_path("path", path)
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write {path.name} into; make it first.")
    frame = run.to_pandas()
    frame.columns = [csv_cell(column) for column in frame.columns]
    for column in frame.select_dtypes(exclude=["number", "bool"]):
        frame[column] = [csv_cell(str(cell)) for cell in frame[column]]
    _files.write(path, frame.to_csv(index=False, lineterminator="\n"))
    return path


def amount(value: float) -> str:
    """A change with four digits, rounded down."""
    if math.isinf(value):
        return ANY
    if value == 0:
        return "0"
    digits = 3 - math.floor(math.log10(value))
    if digits >= 0:
        return decimal_down(value, min(digits, 300))
    unit = 10**-digits
    return str(int(value // unit * unit))


def _fragile_first(largest: FloatArray, spans: FloatArray, immutable: BoolArray) -> list[int]:
    """The features by how much of the range of their values they may change; immutable ones come last."""
    wide = np.where(spans > 0, spans, np.inf)  # a constant column is fragile; categories have no range
    anything = np.isinf(largest)
    share = np.where(anything, 1.0, np.minimum(np.where(anything, 0.0, largest) / wide, 1.0)).mean(axis=0)
    return sorted(range(len(spans)), key=lambda i: (immutable[i], math.isnan(spans[i]), share[i]))
