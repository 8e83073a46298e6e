"""A whole report in one folder: tables in every format, the figure, and the page."""

from collections.abc import Sequence
from pathlib import Path

from wulff import _files
from wulff._checks import file_path
from wulff.errors import InputError
from wulff.reports.curves import check_runs
from wulff.reports.figures.accuracy import plot_certified_accuracy
from wulff.reports.page import write_page
from wulff.reports.payload import all_norms
from wulff.reports.tables import certified_accuracy
from wulff.runs import Run

_SUFFIXES = {"md": "md", "csv": "csv", "latex": "tex"}


def write_report(runs: Sequence[Run], folder: str | Path, radii: Sequence[float] | None = None) -> Path:
    """Write tables (.md, .csv, .tex) for each norm, certified_accuracy.png and report.html.

    Args:
        runs: The runs.
        folder: Where to; made where it does not exist.
        radii: The columns of the tables; round ones by default.

    Returns:
        The page's path.

    Raises:
        InputError: There are no runs with records.
    """
    runs = check_runs(runs)
    if not runs:
        raise InputError("there are no runs with records to report on.")
    folder = file_path("folder", folder)
    folder.mkdir(parents=True, exist_ok=True)
    norms = all_norms(runs)
    for norm in norms:
        table = certified_accuracy([run for run in runs if norm in run.norms], radii, norm)
        for style, suffix in _SUFFIXES.items():
            _files.write(folder / f"{norm}.{suffix}", table.render(style))
    shared = [norm for norm in norms if all(norm in run.norms for run in runs)]
    if shared:
        plot_certified_accuracy(runs, folder / "certified_accuracy.png", shared)
    return write_page(runs, folder / "report.html", radii)
