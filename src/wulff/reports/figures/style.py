"""The one style of all figures: size, colours, lines, and how they are written."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wulff import _files
from wulff._checks import file_path
from wulff.errors import InputError
from wulff.norms import Adversary, heading
from wulff.reports.curves import Curve
from wulff.reports.figures.paper import chosen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".pdf", ".svg")
"""The forms of figures: the suffix of the path decides."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette: told apart by colour-blind readers."""
LINES = ("-", "--", "-.", ":")


def look(number: int) -> dict[str, Any]:
    """Colour and dashes of the line with this number; they repeat together only after 28 lines."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": LINES[(number % 7 + number // 7) % len(LINES)],
    }


def panels(number: int = 1, *, height: float = 3.6) -> "tuple[Figure, list[Axes]]":
    """A figure with so many panels in a row."""
    from matplotlib.figure import Figure  # imported here: it takes half a second

    figure = Figure(figsize=(4.8 * number, height), layout="constrained")
    return figure, list(figure.subplots(1, number, squeeze=False)[0])


def draw_steps(axes: "Axes", line: Curve, **how: Any) -> None:
    """A certified-accuracy curve as the exact step function; nothing is smoothed."""
    x = [0.0, *line.certified, *line.certified[-1:]]
    y = [line.correct(r) / line.inputs for r in x[:-1]] + [0.0]
    axes.step(x, y, where="pre", **how)


def accuracy_axes(axes: "Axes", norm: Adversary) -> None:
    """Labels of a certified-accuracy panel; both axes start at zero."""
    axes.set(xlabel=heading(norm), ylabel="certified accuracy", ylim=(0, 1))
    axes.set_xlim(left=0)


def save(figure: "Figure", axes: "Sequence[Axes]", path: Path) -> Path:
    """Add grids and legends, do what `for_paper` asks for, and write the file."""
    paper = chosen()
    if paper is not None:
        paper.apply(figure, axes)
    for one in axes:
        one.grid(alpha=0.3)
        if one.get_legend_handles_labels()[0]:
            one.legend(frameon=False, fontsize="small")
    write_figure(figure, path, 150)
    if paper is not None:
        paper.write_numbers(axes)
    return path


def write_figure(figure: "Figure", path: Path, dpi: int) -> Path:
    """Write a figure in the form that its path names; letters go into a .pdf as fonts, not as pictures."""
    import matplotlib

    with matplotlib.rc_context({"pdf.fonttype": 42}), _files.replacing(path) as file:
        figure.savefig(file, dpi=dpi, format=path.suffix[1:])
    return path


def check_figure_path(path: str | Path) -> Path:
    """The path of a figure that can be written; refuses other suffixes and missing folders."""
    path = file_path("path", path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"a figure must end in {', '.join(SUFFIXES)}, got {path.name}.")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write {path.name} into; make it first.")
    return path
