"""Splitting noise in the box, from published logs: `python examples/published/splitting.py LOGS CIFAR10`.

LOGS is the folder of results of the public repository alevine0/smoothingSplittingNoise, with folders such as
cifar_split_2.0_stabilized; CIFAR10 a data set such as cifar10:PATH or an .npz file with the test images.
Where all views were counted (cifar_split_derandomized_2.0), certificates are exact, for inputs on the grid.
Independent splitting noise is certified like uniform noise of the same width [Levine & Feizi 2021], in the
box as well [Voráček & Hein 2023]. The best sigma is chosen for each radius on the test set itself.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

from wulff import reports, runs
from wulff.errors import InputError, RunError
from wulff.reports.grids import render

RADII = (1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7)
ALPHA, N = 0.001, 100_000
NORMS = ("l1", "l1-box")
RADII_OF_VIEWS = (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("--store", type=Path, help="keep the runs here")
    parser.add_argument("--dim", type=int, default=3072, help="the number of coordinates of an image")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            store = given.store or Path(scratch)
            made = recertified(given.logs, given.dataset, store, given.dim)
            sys.stdout.write(table(made) + "\n" + table_of_views(counted(given.logs, store)))
        except (InputError, RunError) as error:
            parser.error(str(error))


def recertified(logs: Path, dataset: str, store: Path, dim: int) -> list[runs.Run]:
    """The logs of splitting noise with stability training, against l1 in all of space and in the box."""
    made = []
    for folder in sorted(logs.glob("cifar_split_*_stabilized")):
        if match := re.fullmatch(r"cifar_split_([\d.]+)_stabilized", folder.name):
            noise = f"uniform(sigma={match[1]}, dim={dim})"
            log = store / "logs" / folder.name
            runs.import_log(folder, log, "l1", noise, n=N, alpha=ALPHA)
            made.append(runs.recertify(log, store / folder.name, norms=NORMS, dataset=dataset))
    if not made:
        raise InputError(f"{logs} has no folders cifar_split_SIGMA_stabilized.")
    return made


def counted(logs: Path, store: Path) -> list[runs.Run]:
    """The logs of splitting whose views were all counted, with and without stability training."""
    made = []
    for folder in sorted(logs.glob("cifar_split_derandomized_*")):
        if match := re.fullmatch(r"cifar_split_derandomized_([\d.]+)(_stabilized)?", folder.name):
            made.append(runs.import_log(folder, store / folder.name, noise=f"splitting(sigma={match[1]})"))
    return made


def table_of_views(made: list[runs.Run]) -> str:
    """The share at each radius of the runs whose views were all counted, and the best of them."""
    if not made:
        return ""
    curves = [reports.curve(run, "l1") for run in made]
    grid = [["l1 radius on the grid, all views", "accuracy", *map(str, RADII_OF_VIEWS), "average"]]
    for run, curve in zip(made, curves, strict=True):
        shares = [f"{100 * float(curve.accuracy(radius)):.1f}" for radius in (0, *RADII_OF_VIEWS)]
        grid.append([run.name, *shares, f"{curve.average_certified_radius:.3f}"])
    best = [max(100 * float(curve.accuracy(radius)) for curve in curves) for radius in (0, *RADII_OF_VIEWS)]
    grid.append(["best at each radius", *(f"{share:.1f}" for share in best), ""])
    return render(grid, "md")


def table(made: list[runs.Run]) -> str:
    """The best share at each radius, without and with the box."""
    grid = [["l1 radius", *(f"{radius:g}" for radius in RADII)]]
    for norm, said in zip(NORMS, ("all of space", "in the box"), strict=True):
        curves = [reports.curve(run, norm) for run in made]
        best = [max(100 * float(curve.accuracy(radius)) for curve in curves) for radius in RADII]
        grid.append([said, *(f"{share:.1f}" for share in best)])
    lines = [render(grid, "md"), "", "Average certified radius, with the accuracy at radius 0 beside it:", ""]
    averages = [["run", "accuracy", *NORMS]]
    for run in made:
        curves = [reports.curve(run, norm) for norm in NORMS]
        means = [f"{curve.average_certified_radius:.3f}" for curve in curves]
        averages.append([run.name, f"{float(curves[0].accuracy(0)):.3f}", *means])
    return "\n".join([*lines, render(averages, "md")])


if __name__ == "__main__":
    main()
