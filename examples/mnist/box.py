"""The table and figure of `box.sh`: which noise certifies MNIST best at each l1 radius, in the box or not.

    python examples/mnist/box.py OUT [--figure box.png] > examples/mnist/box.md

OUT is the folder that `box.sh` filled. The best sigma is chosen for each radius on the same images, which
is a selection: it is the curve of no single classifier.
"""

import argparse
import re
import sys
from pathlib import Path

from wulff import reports, runs
from wulff.reports.grids import render

RADII = (0.5, 1, 2, 3, 4, 6, 8, 10, 12)
NORMS = ("l1", "l1-box")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--figure", type=Path, help="draw the best curves in the box here")
    given = parser.parse_args(arguments)
    made = [runs.load(folder) for folder in sorted((given.out / "runs").iterdir())]
    if not made:
        parser.error(f"{given.out} has no runs; examples/mnist/box.sh makes them.")
    sys.stdout.write(tables(made))
    if given.figure:
        figure(made, given.figure)


def parts(run: runs.Run) -> tuple[str, str]:
    """Method and sigma of a run METHOD__sigma_S."""
    match = re.fullmatch(r"(.+)__sigma_([\d.]+)", run.name)
    if match is None:
        raise SystemExit(f"{run.folder} is not called METHOD__sigma_S.")
    return match[1], match[2]


def tables(made: list[runs.Run]) -> str:
    """The best sigma at each radius by method, and every run with its accuracy, average radius and time."""
    methods = sorted({parts(run)[0] for run in made})
    text = []
    for norm in NORMS:
        grid = [[f"{norm} radius", *(f"{radius:g}" for radius in RADII)]]
        for method in methods:
            curves = [
                reports.curve(run, norm) for run in made if parts(run)[0] == method and norm in run.norms
            ]
            if curves:
                best = [max(float(curve.accuracy(radius)) for curve in curves) for radius in RADII]
                grid.append([method, *(f"{100 * share:.1f}" for share in best)])
        text += [f"Certified (%), best of the sigmas, against {norm}:\n", render(grid, "md")]
    grid = [["run, l1-box radius", *(f"{radius:g}" for radius in RADII)]]
    for run in made:
        curve = reports.curve(run, "l1-box")
        grid.append([run.name, *(f"{100 * float(curve.accuracy(radius)):.1f}" for radius in RADII)])
    text += ["Certified (%), every run, against l1-box:\n", render(grid, "md")]
    grid = [["run", "images", "accuracy at radius 0", *(f"average {norm}" for norm in NORMS), "s per image"]]
    for run in made:
        curves = {norm: reports.curve(run, norm) for norm in NORMS if norm in run.norms}
        averages = [f"{curves[n].average_certified_radius:.3f}" if n in curves else "" for n in NORMS]
        seconds = float(run.columns.seconds.mean())
        share = float(next(iter(curves.values())).accuracy(0))
        grid.append([run.name, str(len(run.records)), f"{share:.3f}", *averages, f"{seconds:.2f}"])
    return "\n".join([*text, "Every run:\n", render(grid, "md")])


def figure(made: list[runs.Run], path: Path) -> None:
    """Certified accuracy against l1 in the box, every run a curve."""
    reports.plot_certified_accuracy([run for run in made if "l1-box" in run.norms], path, ["l1-box"])


if __name__ == "__main__":
    main()
