"""Tables of text cells, heads first, as plain text, Markdown, LaTeX (booktabs) or CSV."""

import csv
import io
from collections.abc import Callable

from wulff._checks import one_of
from wulff._quoting import csv_cell, latex, markdown, plain

Grid = list[list[str]]


def render(grid: Grid, style: str) -> str:
    """A grid, whose first line has the heads, in one of the FORMATS."""
    check_format(style)
    return _STYLES[style](grid)


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
_QUOTES = {"text": plain, "md": markdown, "latex": latex, "csv": csv_cell}
FORMATS = tuple(_STYLES)
