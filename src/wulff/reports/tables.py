"""The certified-accuracy table, as text, Markdown, LaTeX or CSV."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from wulff import _display
from wulff._checks import flag, one_of, whole_number
from wulff._numerics.rounding import decimal_down, exactly, float_at_most
from wulff.errors import InputError
from wulff.norms import Adversary, Box, Norm, heading, parse_adversary
from wulff.reports.curves import Curve, check_radii, check_runs, curve, default_radii
from wulff.reports.envelopes import Envelope, envelope, families, valid_envelope
from wulff.reports.fairness import comparable, warnings
from wulff.reports.grids import Grid, check_format, escape, mark, with_notes
from wulff.runs import Run, Spec, ViewSpec
from wulff.smoothing.classifier import not_a_number

ORIENTATIONS = ("columns", "rows")
"""Where the radii of a table stand."""
Kind = Literal["share", "bound", "envelope", "envelope-bound", "without-box"]

_ROUNDED_DOWN = ("bound", "envelope-bound")


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: The run, or what else the line is about.
        cells: Exact shares, one for each radius.
        kind: The raw share of a run; a bound that holds with a stated probability, printed rounded down;
            the same of an envelope; or the share without the box; the last two never compete for the best.
        average: The average certified radius, printed rounded down; None where there is none.
    """

    name: str
    cells: list[Fraction]
    kind: Kind = "share"
    average: float | None = None


@dataclasses.dataclass(frozen=True, repr=False)
class Table:
    """Certified accuracy by run and radius, against one norm.

    Attributes:
        norm: The adversary's norm; None for runs without radii, which have clean accuracy only.
        radii: One for each cell of a row.
        rows: The lines.
        notes: Sentences that belong under the table.
        warnings: Those of the notes that every format has: what there is to say of the runs' inputs.
        comparable: Whether all rows are of the same inputs, none of which is still missing; else no cell is
            marked as the best.
    """

    norm: Adversary | None
    radii: list[float]
    rows: list[Row]
    notes: list[str]
    warnings: tuple[str, ...] = ()
    comparable: bool = True

    @property
    def names(self) -> list[str]:
        """The names of the rows."""
        return [row.name for row in self.rows]

    @property
    def cells(self) -> list[list[Fraction]]:
        """The shares, by row and radius."""
        return [row.cells for row in self.rows]

    def best(self, column: int, kind: Kind = "share") -> Fraction:
        """The largest share at a radius, among rows of one kind."""
        return max(row.cells[column] for row in self.rows if row.kind == kind)

    def is_best(self, row: Row, column: int) -> bool:
        """Whether a cell is to be marked: the largest of several, and not zero."""
        rivals = [other for other in self.rows if other.kind == row.kind]
        if not self.comparable or row.kind not in ("share", "bound") or len(rivals) < 2:
            return False
        return row.cells[column] == self.best(column, row.kind) > 0

    def render(self, style: str = "text", digits: int = 3, radii_in: str = "columns") -> str:
        """The table as a string.

        Args:
            style: text; md or latex (booktabs), with the best at each radius bold; or csv, with shares at
                full precision.
            digits: Decimals of each share.
            radii_in: Whether the radii are `columns` or `rows`.

        The warnings come along: in CSV as a column `note`, else under the table.
        """
        check_format(style)
        whole_number("digits", digits, least=0, most=30)
        one_of("radii_in", radii_in, ORIENTATIONS)
        grid = self._grid(style, digits)
        return with_notes(grid, style, self.warnings, transposed=radii_in == "rows")

    def __repr__(self) -> str:
        lines = self.render().rstrip("\n").split("\n")
        shown = lines if len(lines) <= 10 else [*lines[:9], f"and {len(lines) - 9:,} more lines"]
        return "\n".join(shown)

    def _repr_html_(self) -> str:
        grid = self._grid("text", 3)
        under = "".join(_display.html_lines(warning) for warning in self.warnings)
        return _display.html_table(grid[0], grid[1:]) + under

    def cell_texts(self, row: Row, digits: int = 3) -> list[str]:
        """The shares of a row as they are printed, without marks."""
        return [self._cell("text", digits, row, column) for column in range(len(row.cells))]

    def _grid(self, style: str, digits: int) -> Grid:
        """Every cell as it is printed, heads first."""
        heads = [exactly(radius) for radius in self.radii] if self.norm else ["accuracy"]
        averages = [row.average for row in self.rows]
        has_average = any(average is not None for average in averages)
        grid = [[heading(self.norm) if self.norm else "run", *heads, *["average"] * has_average]]
        for row in self.rows:
            texts = [
                mark(text, style) if self.is_best(row, i) else text
                for i, text in enumerate(self._cell(style, digits, row, i) for i in range(len(row.cells)))
            ]
            if has_average:
                texts.append(self._average(style, digits, row))
            grid.append([escape(row.name, style), *texts])
        return grid

    def _cell(self, style: str, digits: int, row: Row, column: int) -> str:
        share = row.cells[column]
        if style == "csv":
            return repr(float_at_most(share) if row.kind in _ROUNDED_DOWN else float(share))
        if row.kind in _ROUNDED_DOWN:
            return _round_down(share, digits)
        return f"{float(share):.{digits}f}"

    def _average(self, style: str, digits: int, row: Row) -> str:
        if row.average is None:
            return ""
        known = [r.average for r in self.rows if r.average is not None]
        text = repr(row.average) if style == "csv" else decimal_down(row.average, digits)
        best = self.comparable and len(known) > 1 and row.average == max(known)
        return mark(text, style) if best else text


def certified_accuracy(
    runs: Sequence[Run],
    radii: Sequence[float] | None = None,
    norm: Adversary | str | None = None,
    *,
    as_published: bool = False,
    confidence: float | None = None,
    with_envelope: bool = False,
    with_average: bool = False,
) -> Table:
    """The share of inputs that are correct and certified at each radius, for each run.

    Args:
        runs: Runs on the same data.
        radii: In input units; round ones that cover the curves by default.
        norm: The adversary's norm; by default the first that the first run has.
        as_published: Take the rounded radii of imported logs at face value.
        confidence: Add a row for each run with the certified accuracy that is true with this probability.
        with_envelope: Add the best at each radius, as it is and with alpha shared among the runs.
        with_average: Add the average certified radius.

    Raises:
        InputError: A radius is negative, a run has no radii against the norm, or a bound is asked for from
            radii as published.
    """
    runs = check_runs(runs)
    options = {"as_published": as_published, "with_envelope": with_envelope, "with_average": with_average}
    for name, value in options.items():
        flag(name, value)
    if not runs:
        raise InputError("a report needs at least one run.")
    _check_labelled(runs)
    if as_published and confidence is not None:
        raise InputError("rounded radii taken as published bound nothing; leave out the confidence.")
    said = tuple(warnings(runs))
    notes = list(said)
    notes += [
        f"{run.name}: {not_a_number(lost, views=run.views is not None)}"
        for run in runs
        if (lost := run.not_a_number)
    ]
    notes += [
        f"{run.name} certifies that labels stay among the {run.spec.top} first, not that they stay the first."
        for run in runs
        if isinstance(run.spec, Spec | ViewSpec) and run.spec.top > 1
    ]
    notes += [
        f"The true labels of {run.name} are not known: every certified label counts, right or wrong."
        for run in runs
        if not run.facts.labelled
    ]
    notes += [
        f"The classifier of {run.name} is not identified: nothing in the record tells it from others."
        for run in runs
        if not run.facts.identified
    ]
    notes += [
        f"The records of {run.name} have no checksums: whether they were changed cannot be told."
        for run in runs
        if not run.checked
    ]
    if norm is None and not runs[0].norms:
        return _clean_accuracy(runs, notes, said)
    norm = parse_adversary(norm if norm is not None else runs[0].norms[0])
    curves = [curve(run, norm, as_published=as_published) for run in runs]
    at = default_radii(curves) if radii is None else check_radii(radii, norm, runs)
    if with_average and 0.0 not in at:
        at = [0.0, *at]  # an average can be bought with accuracy, so that both are shown
    if isinstance(norm, Box):
        notes.append(_in_words(norm))
    notes += [
        f"All views {views} were classified by {run.name}, so that nothing is left to chance; its radii "
        f"{views.in_tables()}."
        for run in runs
        if (views := run.views) is not None
    ]
    if as_published:
        notes.append("Radii of imported logs are rounded to nearest, so that a share may be too large.")
    for run, certain in zip(runs, curves, strict=True):
        notes += _rounding_notes(run, certain, at)
    rows = [
        Row(
            c.run.name,
            [c.accuracy(radius) for radius in at],
            average=c.average_certified_radius if with_average else None,
        )
        for c in curves
    ]
    wholes: list[Curve | Envelope] = list(curves)
    if isinstance(norm, Box):
        rows += _without_the_box(runs, norm.norm, at, as_published, with_average)
    if with_envelope:
        found = _envelopes(runs, norm, as_published, notes)
        rows += [Row(e.name, [e.accuracy(radius) for radius in at], "envelope") for e in found]
        wholes += found
    if confidence is not None:
        rows += _bounds(wholes, at, confidence, notes)
    return Table(norm, at, rows, notes, said, comparable(runs))


def _in_words(norm: Box) -> str:
    """What a radius in the box says."""
    size = "the number of changed coordinates" if norm.norm.p == 0 else f"the {norm.norm} norm"
    return (
        f"{norm}: only inputs in [0, 1] can be shown, so that a coordinate cannot move further than to the "
        f"end of this range; {size} of the change counts. Nothing is said of other inputs."
    )


def _without_the_box(
    runs: Sequence[Run], norm: Norm, at: Sequence[float], as_published: bool, with_average: bool
) -> list[Row]:
    """The same runs against the norm in all of space, where they have it: what the box adds is beside it."""
    found: list[Row] = []
    for run in runs:
        if str(norm) in run.norms:
            line = curve(run, norm, as_published=as_published)
            average = line.average_certified_radius if with_average else None
            cells = [line.accuracy(radius) for radius in at]
            found.append(Row(f"{run.name}, {norm} without the box", cells, "without-box", average))
    return found


def _check_labelled(runs: Sequence[Run]) -> None:
    """Refuse runs with and without true labels together: their shares are not of the same thing."""
    with_labels = [run for run in runs if run.facts.labelled]
    without = [run for run in runs if not run.facts.labelled]
    if with_labels and without:
        raise InputError(
            f"{with_labels[0].name} has true labels, and {without[0].name} has none; report them separately."
        )


def _rounding_notes(run: Run, certain: Curve, radii: Sequence[float]) -> list[str]:
    if run.columns.published is run.columns.radii:  # nothing was rounded
        return []
    printed = curve(run, certain.norm, as_published=True)
    return [
        f"{run.name} at {exactly(radius)}: {_round_down(certain.accuracy(radius), 3)} is certain; the log's "
        f"rounded radii, taken at face value, give {float(printed.accuracy(radius)):.3f}."
        for radius in radii
        if certain.correct(radius) != printed.correct(radius)
    ]


def _envelopes(runs: Sequence[Run], norm: Adversary, as_published: bool, notes: list[str]) -> list[Envelope]:
    found: list[Envelope] = []
    for kind, group in families(runs).items():
        found.append(envelope(group, norm, as_published=as_published, of=kind))
        try:
            found.append(valid_envelope(group, norm, of=kind))
        except InputError as error:
            missing = f"There is none here: {error}"
            notes += [missing] if missing not in notes else []
    notes.append(
        "The envelope is the best run at each radius, chosen on the test set: it is the curve of no single "
        "classifier, and larger than what a run chosen beforehand is certain to have."
    )
    if any(one.valid for one in found):
        notes.append(
            "A valid envelope of k runs spends alpha / k on each, so that with probability 1 - alpha all "
            "certificates of an input hold, whichever run is chosen."
        )
    return found


def _bounds(
    wholes: Sequence[Curve | Envelope], radii: Sequence[float], confidence: float, notes: list[str]
) -> list[Row]:
    rows: list[Row] = []
    for whole in wholes:
        if isinstance(whole, Curve) and whole.run.is_exact:
            continue
        name, kind = (whole.run.name, "bound") if isinstance(whole, Curve) else (whole.name, "envelope-bound")
        cells = [whole.bound(radius, confidence) for radius in radii]
        exact = [cell for cell in cells if cell is not None]
        if len(exact) < len(cells):
            notes.append(f"There is no bound for {name}: its alpha is not known.")
        else:
            rows.append(Row(f"{name}, with probability {confidence:g}", exact, kind))
    if rows:
        notes.append(
            f"With probability {confidence:g} over the noise, if that is independent across inputs, the true "
            "certified accuracy on these inputs is at least the number in its second row, at all radii at "
            "once; the first row is the share of certificates, each of which may be false with probability "
            "alpha."
        )
    return rows


def _clean_accuracy(runs: Sequence[Run], notes: list[str], said: tuple[str, ...]) -> Table:
    if not all(run.records for run in runs):
        raise InputError("a run has no records yet; run the same command again to make them.")
    rows = [Row(run.name, [Fraction(int(run.scored.sum()), len(run.records))]) for run in runs]
    return Table(None, [0.0], rows, notes, said, comparable(runs))


def _round_down(share: Fraction, digits: int) -> str:
    whole = int(share * 10**digits)  # shares are not negative
    return f"{whole // 10**digits}.{whole % 10**digits:0{digits}d}"
