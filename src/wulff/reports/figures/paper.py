"""Figures for papers: names, width, letters and colours of one's own, and the numbers behind the curves."""

import contextlib
import contextvars
import csv
import dataclasses
import io
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wulff import _files
from wulff._checks import file_path, real_number
from wulff._quoting import drawn, shown
from wulff.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONTS = {"font.family": "STIXGeneral", "mathtext.fontset": "stix"}
"""A face that comes with Matplotlib and has the widths of Times, in which most papers are set."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paper:
    """What the figures of a paper have in common; see `for_paper`."""

    names: Sequence[str] = ()
    width: float | None = None
    font_size: float | None = None
    title: str | None = None
    colors: Sequence[str] = ()
    data: Path | None = None

    def apply(self, figure: "Figure", axes: "Sequence[Axes]") -> None:
        """Change what is drawn."""
        curves: dict[str, list[Any]] = {}
        for one in axes:
            for artist, label in zip(*one.get_legend_handles_labels(), strict=True):
                curves.setdefault(label, []).append(artist)
        for given, what in ((self.names, "names"), (self.colors, "colors")):
            if given and len(given) != len(curves):
                there = ", ".join(curves) or "none"
                raise InputError(
                    f"{len(given)} {what} for {len(curves)} curves ({there}); give one each.", what
                )
        for number, artists in enumerate(curves.values()):
            for artist in artists:
                if self.names:
                    artist.set_label(drawn(self.names[number]))
                if self.colors:
                    artist.set_color(self.colors[number])
        if self.title is not None:
            figure.suptitle(drawn(self.title))
        if self.width is not None:
            width, height = figure.get_size_inches()
            figure.set_size_inches(self.width, height * self.width / width)

    def write_numbers(self, axes: "Sequence[Axes]") -> None:
        """Write what was drawn, if there is a file for it."""
        if self.data is not None:
            _files.write(self.data, numbers(axes))


def numbers(axes: "Sequence[Axes]") -> str:
    """The points of every named curve as CSV; steps have two points for each radius."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["panel", "curve", "x", "y"])
    for one in axes:
        for artist, label in zip(*one.get_legend_handles_labels(), strict=True):
            drawn_by: Any = artist  # a line, or the marks of a scatter plot
            points = drawn_by.get_offsets() if hasattr(artist, "get_offsets") else drawn_by.get_xydata()
            for x, y in points.tolist():
                table.writerow([one.get_xlabel(), label, repr(x), repr(y)])
    return text.getvalue()


_CHOSEN: contextvars.ContextVar[Paper | None] = contextvars.ContextVar("paper", default=None)


def chosen() -> Paper | None:
    """What `for_paper` asks for, here and now."""
    return _CHOSEN.get()


@contextlib.contextmanager
def for_paper(
    *,
    names: Sequence[str] = (),
    width: float | None = None,
    font_size: float | None = None,
    title: str | None = None,
    colors: Sequence[str] = (),
    data: str | Path | None = None,
) -> Generator[None]:
    """Draw the figures with legends that are drawn inside as a paper wants them.

    Columns are 3.25 inches wide in the templates of ICML and CVPR, pages 5.5 in those of NeurIPS and ICLR.

    Args:
        names: What the curves are called in the legend, in its order.
        width: The width of the figure in inches; its height follows. The letters are then those of Times.
        font_size: The size of letters in points.
        title: A title above all panels.
        colors: A colour for each curve, as Matplotlib names them.
        data: A .csv file for the points of the curves, as they are drawn.

    Raises:
        InputError: An argument is not allowed, or there are more or fewer names than curves.
    """
    import matplotlib
    from matplotlib.colors import is_color_like

    if width is not None:
        real_number("width", width, "lie in [0.5, 50]", lambda inches: 0.5 <= inches <= 50)
    if font_size is not None:
        real_number("font_size", font_size, "lie in [2, 72]", lambda points: 2 <= points <= 72)
    if wrong := [colour for colour in colors if not is_color_like(colour)]:
        raise InputError(f"colors must be names such as blue or #0072b2, got {shown(wrong[0])}.", "colors")
    path = None if data is None else file_path("data", data)
    if path is not None and (path.suffix != ".csv" or not path.parent.is_dir()):
        raise InputError(f"data must be a .csv file in a folder that exists, got {path}.", "data")
    fonts: dict[Any, Any] = {} if width is None else dict(FONTS)
    if font_size is not None:
        fonts["font.size"] = font_size
    asked = Paper(names=names, width=width, font_size=font_size, title=title, colors=colors, data=path)
    token = _CHOSEN.set(asked)
    try:
        with matplotlib.rc_context(fonts):
            yield
    finally:
        _CHOSEN.reset(token)
