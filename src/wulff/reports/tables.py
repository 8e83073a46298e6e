"""The certified-accuracy table, as text, Markdown, LaTeX or CSV."""

import csv
import dataclasses
import io
from collections.abc import Sequence
from fractions import Fraction

from wulff.errors import InputError
from wulff.norms import Norm
from wulff.reports.curves import curve, default_radii
from wulff.runs import Run

FORMATS = ("text", "md", "latex", "csv")


@dataclasses.dataclass(frozen=True)
class Table:
    """Certified accuracy by run and radius, against one norm.

    Attributes:
        norm: The adversary's norm; None for runs without radii, which have clean accuracy only.
        radii: The columns.
        names: The rows.
        cells: Exact shares, by row and column.
        notes: Sentences that belong under the table.
    """

    norm: Norm | None
    radii: list[float]
    names: list[str]
    cells: list[list[Fraction]]
    notes: list[str]

    def best(self, column: int) -> Fraction:
        """The largest share in a column."""
        return max(row[column] for row in self.cells)

    def render(self, style: str = "text", digits: int = 3) -> str:
        """The table as a string.

        Args:
            style: text, md, latex (booktabs; best per column bold) or csv (exact shares as decimals).
            digits: Decimals of each share.
        """
        if style not in FORMATS:
            raise InputError(f"unknown format {style!r}; there is {', '.join(FORMATS)}.")
        head = [f"{self.norm} radius" if self.norm else "run", *(f"{radius:g}" for radius in self.radii)]
        if not self.norm:
            head = ["run", "accuracy"]
        if style == "csv":
            out = io.StringIO()
            writer = csv.writer(out, lineterminator="\n")
            writer.writerows([head, *([name, *map(float, row)] for name, row in self._rows())])
            return out.getvalue()
        body = [[name, *(f"{float(cell):.{digits}f}" for cell in row)] for name, row in self._rows()]
        return {"text": _text, "md": _markdown, "latex": self._latex}[style](head, body)

    def _rows(self) -> list[tuple[str, list[Fraction]]]:
        return list(zip(self.names, self.cells, strict=True))

    def _latex(self, head: list[str], body: list[list[str]]) -> str:
        lines = [f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", "\\toprule"]
        lines += [" & ".join(map(_escape, head)) + " \\\\", "\\midrule"]
        for (name, *texts), row in zip(body, self.cells, strict=True):
            marked = [
                f"\\textbf{{{text}}}" if cell == self.best(column) > 0 else text
                for column, (text, cell) in enumerate(zip(texts, row, strict=True))
            ]
            lines.append(" & ".join([_escape(name), *marked]) + " \\\\")
        return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def certified_accuracy(
    runs: Sequence[Run],
    radii: Sequence[float] | None = None,
    norm: Norm | str | None = None,
    *,
    as_published: bool = False,
) -> Table:
    """The share of inputs that are correct and certified at each radius, for each run.

    Args:
        runs: Runs on the same data.
        radii: The columns, in input units; round ones that cover the curves by default.
        norm: The adversary's norm; by default the first that the first run has.
        as_published: Take the rounded radii of imported logs at face value.

    Raises:
        InputError: A radius is negative, or a run has no radii against the norm.
    """
    if not runs:
        raise InputError("a report needs at least one run.")
    notes = [
        f"{run.name} is unfinished: {len(run.records)} of {run.expected} inputs."
        for run in runs
        if len(run.records) < run.expected
    ]
    if norm is None and not runs[0].norms:
        return _clean_accuracy(runs, notes)
    norm = Norm.parse(norm if norm is not None else runs[0].norms[0])
    curves = [curve(run, norm, as_published=as_published) for run in runs]
    columns = default_radii(curves) if radii is None else list(radii)
    if any(not 0 <= radius < float("inf") for radius in columns):
        raise InputError(f"radii must be at least 0 and finite, got {columns}.")
    if as_published:
        notes.append("Radii of imported logs are rounded to nearest, so that a share may be too large.")
    for run, certain in zip(runs, curves, strict=True):
        printed = curve(run, norm, as_published=True)
        for radius in columns:
            if certain.correct(radius) != printed.correct(radius):
                notes.append(
                    f"{run.name} at {radius:g}: {float(certain.accuracy(radius)):.3f} is certain; the log's "
                    f"rounded radii, taken at face value, give {float(printed.accuracy(radius)):.3f}."
                )
    cells = [[c.accuracy(radius) for radius in columns] for c in curves]
    return Table(norm, columns, [run.name for run in runs], cells, notes)


def _clean_accuracy(runs: Sequence[Run], notes: list[str]) -> Table:
    shares = [
        [Fraction(int((run.predictions == run.labels).sum()), len(run.records))]
        for run in runs
        if run.records
    ]
    if len(shares) < len(runs):
        raise InputError("a run has no records yet; run the same command again to make them.")
    return Table(None, [0.0], [run.name for run in runs], shares, notes)


def _text(head: list[str], body: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in [head, *body])
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], ""])


def _markdown(head: list[str], body: list[list[str]]) -> str:
    rows = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _escape(text: str) -> str:
    return "".join(f"\\{char}" if char in "_%&#$" else char for char in text)
