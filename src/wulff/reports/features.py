"""Over a data set, how far each feature alone may change: a table, and what a page shows of it."""

import contextlib
import dataclasses
import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wulff import _display, _files
from wulff._checks import file_path
from wulff._numerics.rounding import decimal_down
from wulff._quoting import csv_cell
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.norms import parse_adversary
from wulff.reports.grids import Grid, escape, with_notes
from wulff.reports.thumbnails import chosen
from wulff.runs import Run, feature_changes, has_features, inputs
from wulff.runs.features import change_per_radius, counted, feature_names, feature_spans
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
    changes = feature_changes(run)
    largest = np.where(run.scored[:, None], changes.largest, 0.0)
    quantiles = np.quantile(largest, QUANTILES, axis=0, method="lower").T
    spans = feature_spans(run)
    order = _fragile_first(largest, spans, changes.immutable)
    return FeatureRanges(
        tuple(changes.names[place] for place in order),
        quantiles[order],
        (largest > 0).mean(axis=0)[order],
        spans[order],
        changes.immutable[order],
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


def features_section(runs: Sequence[Run]) -> str:
    """The part of a page about features; empty where no run has any."""
    having = [run for run in runs if has_features(run) and run.records]
    return "".join(["<h2>How far each feature alone may change</h2>"] * bool(having)) + "".join(
        f"<h3>{html.escape(run.name)}</h3>{_table(feature_ranges(run))}" for run in having
    )


def _table(ranges: FeatureRanges) -> str:
    head, *lines = ranges.grid("text")
    rows: list[str] = []
    for line, three, span in zip(lines, ranges.quantiles, ranges.spans, strict=True):
        low, middle, high = (
            0.0 if math.isnan(span) else 100 * min(float(value) / span, 1.0) for value in three
        )
        bar = (
            f'<span class="spread" title="10 to 90 % of the inputs"><i style="left:{low:.1f}%;'
            f'width:{high - low:.1f}%"></i><b style="left:{middle:.1f}%"></b></span>'
        )
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in line[1:])
        rows.append(
            f"<tr><td>{html.escape(line[0])}</td>{cells}<td>{'' if math.isnan(span) else bar}</td></tr>"
        )
    heads = "".join(f"<th>{cell}</th>" for cell in [*head, "of the range of values"])
    return (
        f'<div class="wide"><table class="features"><thead><tr>{heads}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><p class="note">{NOTE}</p>'
    )


def features_payload(runs: Sequence[Run], most: int) -> list[dict[str, Any] | None]:
    """What the cards of each run show of its features; None for runs that have none.

    Args:
        runs: The runs.
        most: For how many inputs to embed the values of the features.
    """
    wanted = set(chosen(runs, most))
    return [_payload(run, wanted) if has_features(run) else None for run in runs]


def _payload(run: Run, wanted: set[int]) -> dict[str, Any]:
    noise, names, spans = run.noise, feature_names(run), feature_spans(run)
    assert noise is not None
    changes = feature_changes(run)
    order = _fragile_first(np.where(run.scored[:, None], changes.largest, 0.0), spans, changes.immutable)
    per_radius, counts = {}, {}
    for norm in run.norms:
        threat = parse_adversary(norm)
        per_radius[norm] = [_or_none(value) for value in change_per_radius(noise, threat)[order].tolist()]
        counts[norm] = counted(noise, threat)[order].tolist()
    values: dict[int, list[str]] = {}
    with contextlib.suppress(InputError):  # they may not be there any more
        dataset = inputs(run)
        for place, index in enumerate(dataset.index):
            if index in wanted:
                row = dataset.images[place].flatten()
                values[index] = [_value(run.spec.table, i, float(row[i])) for i in order]
    return {
        "names": [names[i] for i in order],
        "spans": [_or_none(float(spans[i])) for i in order],
        "perRadius": per_radius,
        "counts": counts,
        "immutable": changes.immutable[order].tolist(),
        "values": values,
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _value(table: Layout | None, place: int, number: float) -> str:
    """A feature of an input as the table has it."""
    if table is None or table.features[place].is_number:
        return f"{number:.6g}"
    return str(table.features[place].categories[int(number)])
