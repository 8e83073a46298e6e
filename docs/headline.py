"""Draw docs/images/headline.png from the table of examples/published/splitting.md, as the README shows it."""

import re
from pathlib import Path

from matplotlib.figure import Figure

from wulff.reports.figures.style import look, write_figure

TABLE = Path(__file__).parents[1] / "examples" / "published" / "splitting.md"
PICTURE = Path(__file__).with_name("images") / "headline.png"


def rows() -> dict[str, list[float]]:
    """The first table of the page: radii, and certified accuracy in percent by threat."""
    table = TABLE.read_text().partition("| l1 radius |")
    lines = [table[1] + table[2].partition("\n")[0], *re.findall(r"^\| (?:all|in) .*$", table[2], re.M)]
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]
    return {name: [float(cell) for cell in numbers] for name, *numbers in cells}


def draw(path: Path) -> Path:
    """The figure of the README."""
    radii, free, boxed = rows().values()
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(radii, boxed, marker="o", label="the same votes, in the box", **look(1))
    axes.plot(radii, free, marker="s", label="as published, all of space", **look(0))
    axes.set(xlabel="l1 radius", ylabel="certified accuracy (%)", ylim=(0, 65))
    axes.set_title("CIFAR-10, splitting noise, best sigma at each radius", fontsize="medium")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return write_figure(figure, path, 110)


if __name__ == "__main__":
    draw(PICTURE)
