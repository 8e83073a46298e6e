"""Tables of text cells, heads first, as plain text, Markdown, LaTeX (booktabs) or CSV."""

import csv
import io
from collections.abc import Callable, Sequence

from wulff._checks import one_of
from wulff._quoting import csv_cell, latex, markdown, plain

Grid = list[list[str]]


def render(grid: Grid, style: str) -> str:
    """A grid, whose first line has the heads, in one of the FORMATS."""
    check_format(style)
    return _STYLES[style](grid)


def with_notes(grid: Grid, style: str, notes: Sequence[str], transposed: bool = False) -> str:
    """A grid with sentences that belong to it in every format: under it, and in CSV as a column `note`.

    Args:
        grid: Its first line has the heads.
        style: One of the FORMATS.
        notes: The sentences.
        transposed: Whether lines become columns, and so the column `note` a line.
    """
    check_format(style)
    if style == "csv" and notes:
        cell = csv_cell(" ".join(notes))
        grid = [[*grid[0], "note"], *([*line, cell] for line in grid[1:])]
    if transposed:
        grid = [list(line) for line in zip(*grid, strict=True)]
    under = "" if style == "csv" else "".join(_NOTE[style].format(escape(note, style)) for note in notes)
    return render(grid, style) + under


def check_format(style: str) -> None:
    """Refuse a format that does not exist."""
    one_of("style", style, FORMATS)


def escape(text: str, style: str) -> str:
    """Text that others wrote, which shall appear as it is."""
    check_format(style)
    return _QUOTES[style](text)


def mark(text: str, style: str) -> str:
    """A cell that stands out; plain text and CSV have no means for it."""
    return {"md": f"**{text}**", "latex": f"\\textbf{{{text}}}"}.get(style, text)


def _text(grid: Grid) -> str:
    widths = [max(len(line[i]) for line in grid) for i in range(len(grid[0]))]
    lines = [
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in grid)
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], ""])


def _markdown(grid: Grid) -> str:
    lines = [grid[0], ["---", *("---:" for _ in grid[0][1:])], *grid[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _latex(grid: Grid) -> str:
    head, *body = (" & ".join(line) + " \\\\" for line in grid)
    begin = f"\\begin{{tabular}}{{l{'r' * (len(grid[0]) - 1)}}}"
    return "\n".join([begin, "\\toprule", head, "\\midrule", *body, "\\bottomrule", "\\end{tabular}", ""])


def _csv(grid: Grid) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(grid)
    return out.getvalue()


_STYLES: dict[str, Callable[[Grid], str]] = {
    "text": _text,
    "md": _markdown,
    "latex": _latex,
    "csv": _csv,
}
_NOTE = {
    "text": "Note: {}\n",
    "md": "\nNote: {}\n",
    "latex": "\\par\\noindent{{\\footnotesize Note: {}\\par}}\n",
}
_QUOTES = {"text": plain, "md": markdown, "latex": latex, "csv": csv_cell}
FORMATS = tuple(_STYLES)
"""The formats that tables are rendered in."""
