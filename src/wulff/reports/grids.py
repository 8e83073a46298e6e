"""Tables of text cells, heads first, as plain text, Markdown, LaTeX (booktabs) or CSV."""

import csv
import io
from collections.abc import Callable

from wulff.errors import InputError

Grid = list[list[str]]


def render(grid: Grid, style: str) -> str:
    """A grid, whose first line has the heads, in one of the FORMATS."""
    check_format(style)
    return _STYLES[style](grid)


def check_format(style: str) -> None:
    """Refuse a format that does not exist."""
    if style not in FORMATS:
        raise InputError(f"unknown format {style!r}; there is {', '.join(FORMATS)}.")


def escape(text: str, style: str) -> str:
    """Text that shall appear as it is."""
    if style == "latex":
        return _escape_latex(text)
    return text.replace("|", "\\|") if style == "md" else text


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


def _escape_latex(text: str) -> str:
    special = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    return "".join(special.get(char, f"\\{char}" if char in "_%&#${}" else char) for char in text)


_STYLES: dict[str, Callable[[Grid], str]] = {
    "text": _text,
    "md": _markdown,
    "latex": _latex,
    "csv": _csv,
}
FORMATS = tuple(_STYLES)
