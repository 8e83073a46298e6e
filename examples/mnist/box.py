"""The tables and the figure of `box.sh`: which noise certifies MNIST best at each l1 radius, in the box too.

    python examples/mnist/box.py OUT --summaries examples/mnist/box.csv
    python examples/mnist/box.py examples/mnist/box.csv --figure examples/mnist/box.png

OUT is the folder that `box.sh` filled; the summaries say how many images each run certifies at each radius,
and are enough for the tables of box.md. The best sigma is chosen for each radius on the same images, which is
a selection: it is the curve of no single classifier.
"""

import argparse
import csv
import dataclasses
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from wulff import reports, runs
from wulff.reports.grids import render

RADII = (0, 0.5, 1, 2, 3, 4, 6, 8, 10, 12)
NORMS = ("l1", "l1-box")
GRID = [step / 4 for step in range(49)]
"""The radii of the summaries, and of the figure."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """What one run certifies against one norm: how many of its images at each radius of GRID."""

    method: str
    sigma: str
    norm: str
    images: int
    average: float
    seconds: float
    certified: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.method}, {self.sigma}"

    def percent(self, radius: float) -> float:
        return 100 * self.certified[GRID.index(radius)] / self.images


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, metavar="OUT", help="the folder of box.sh, or summaries of it")
    parser.add_argument("--summaries", type=Path, help="write the summaries here, as .csv")
    parser.add_argument("--figure", type=Path, help="draw the figure here")
    given = parser.parse_args(arguments)
    if given.source.suffix == ".csv":
        found = read(given.source)
    else:
        folders = sorted((given.source / "runs").glob("*__sigma_*"))
        if not folders:
            parser.error(f"{given.source} has no runs; examples/mnist/box.sh makes them.")
        found = [summary for folder in folders for summary in summaries(runs.load(folder))]
    if given.summaries:
        write(found, given.summaries)
    sys.stdout.write(tables(found))
    if given.figure:
        figure(found, given.figure)


def summaries(run: runs.Run) -> list[Summary]:
    """A run METHOD__sigma_S against each norm; splitting is about inputs in the box in any case."""
    match = re.fullmatch(r"(.+)__sigma_([\d.]+)", run.name)
    if match is None:
        raise SystemExit(f"{run.folder} is not called METHOD__sigma_S.")
    images, seconds = len(run.records), round(float(run.columns.seconds.mean()), 3)
    found = []
    for norm in NORMS:
        curve = reports.curve(run, "l1" if run.views else norm)
        certified = tuple(round(float(curve.accuracy(radius)) * images) for radius in GRID)
        average = round(float(curve.average_certified_radius), 3)
        found.append(Summary(match[1], match[2], norm, images, average, seconds, certified))
    return found


def write(found: Sequence[Summary], path: Path) -> None:
    """One line for each run and norm."""
    names = [field.name for field in dataclasses.fields(Summary)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names[:-1], *(f"{radius:g}" for radius in GRID)])
        writer.writerows([*dataclasses.astuple(one)[:-1], *one.certified] for one in found)


def read(path: Path) -> list[Summary]:
    """What `write` wrote."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [
        Summary(method, sigma, norm, int(images), float(average), float(seconds), tuple(map(int, certified)))
        for method, sigma, norm, images, average, seconds, *certified in rows
    ]


def best(found: Sequence[Summary], radius: float) -> float:
    """The largest share of images, in percent."""
    return max(one.percent(radius) for one in found)


def methods(found: Sequence[Summary]) -> list[str]:
    return sorted({one.method for one in found}, key=lambda method: (method.endswith("-stability"), method))


def tables(found: Sequence[Summary]) -> str:
    """The best sigma at each radius by method, and every run with its accuracy, average radius and time."""
    text: list[str] = []
    for norm in NORMS:
        grid = [[f"{norm} radius", *(f"{radius:g}" for radius in RADII)]]
        for method in methods(found):
            own = [one for one in found if (one.method, one.norm) == (method, norm)]
            grid.append([method, *(f"{best(own, radius):.1f}" for radius in RADII)])
        text += [f"Certified (%), best of the sigmas, against {norm}:\n", render(grid, "md")]
    boxed = [
        one for method in methods(found) for one in found if (one.method, one.norm) == (method, "l1-box")
    ]
    grid = [["method, sigma; l1-box radius", *(f"{radius:g}" for radius in RADII)]]
    grid += [[one.name, *(f"{one.percent(radius):.1f}" for radius in RADII)] for one in boxed]
    text += ["Certified (%), every run, against l1-box:\n", render(grid, "md")]
    grid = [["method, sigma", "images", "accuracy at radius 0", "ACR, l1", "ACR, l1-box", "s per image"]]
    for one in boxed:
        (free,) = (a for a in found if (a.method, a.sigma, a.norm) == (one.method, one.sigma, "l1"))
        averages = [f"{free.average:.3f}", f"{one.average:.3f}"]
        grid.append(
            [one.name, str(one.images), f"{one.percent(0) / 100:.3f}", *averages, f"{one.seconds:.3f}"]
        )
    return "\n".join([*text, "Every run; ACR is the average certified radius:\n", render(grid, "md")])


def figure(found: Sequence[Summary], path: Path) -> None:
    """Certified accuracy against l1 in the box: at sigma = 1, and for the best sigma at each radius."""
    from matplotlib.figure import Figure

    from wulff.reports.figures.style import look, write_figure

    drawing = Figure(figsize=(9, 3.6), layout="constrained")
    boxed = [one for one in found if one.norm == "l1-box"]
    panels = {"sigma = 1": [one for one in boxed if one.sigma == "1"], "best sigma at each radius": boxed}
    for axes, (title, some) in zip(drawing.subplots(1, 2, sharey=True), panels.items(), strict=True):
        for number, method in enumerate(methods(found)):
            own = [one for one in some if one.method == method]
            if own:
                shares = [best(own, radius) for radius in GRID]
                axes.step(GRID, shares, where="pre", label=method, **look(number))  # never too high
        axes.set(title=title, xlabel="l1 radius in the box", xlim=(0, 12), ylim=(0, 100))
        axes.grid(alpha=0.3)
    drawing.axes[0].set_ylabel("certified accuracy (%)")
    drawing.axes[1].legend(frameon=False)
    write_figure(drawing, path, 100)


if __name__ == "__main__":
    main()
