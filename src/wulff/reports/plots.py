"""Certified-accuracy curves as a figure."""

from collections.abc import Sequence
from pathlib import Path

from wulff.errors import InputError
from wulff.norms import Norm
from wulff.reports.curves import curve
from wulff.runs import Run

SUFFIXES = (".png", ".pdf", ".svg")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette: told apart by colour-blind readers."""


def plot_certified_accuracy(
    runs: Sequence[Run], path: str | Path, norms: Sequence[Norm | str] | None = None
) -> Path:
    """Draw the certified accuracy of each run over the radius, one panel for each norm.

    The curves are the exact step functions; nothing is smoothed, and axes start at zero.

    Args:
        runs: Runs on the same data.
        path: Where to write; .png, .pdf or .svg.
        norms: The panels; by default all that the first run has.

    Raises:
        InputError: The suffix is not one of these, or a run lacks radii against a norm.
    """
    from matplotlib.figure import Figure  # imported here: it takes half a second

    path = check_figure_path(path)
    panels = [Norm.parse(norm) for norm in (norms or runs[0].norms)]
    if not panels:
        raise InputError(f"{runs[0].folder} holds predictions without radii: there is no curve to draw.")
    figure = Figure(figsize=(4.8 * len(panels), 3.6), layout="constrained")
    for axes, norm in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for number, run in enumerate(runs):
            line = curve(run, norm)
            x = [0.0, *line.certified, *line.certified[-1:]]
            y = [line.correct(r) / line.inputs for r in x[:-1]] + [0.0]
            axes.step(x, y, where="pre", label=run.name, color=COLOURS[number % len(COLOURS)])
        axes.set(xlabel=f"{norm} radius", ylabel="certified accuracy", ylim=(0, 1))
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    return path


def check_figure_path(path: str | Path) -> Path:
    """The path of a figure that can be written; refuses other suffixes and missing folders."""
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"a figure must end in {', '.join(SUFFIXES)}, got {path.name}.")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write {path.name} into; make it first.")
    return path
