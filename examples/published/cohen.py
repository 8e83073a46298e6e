"""Tables 1 to 4 of Cohen et al. 2019 from their published logs: `python examples/published/cohen.py LOGS`.

LOGS is the folder `data` of the public repository locuslab/smoothing, or a folder with the same files under
names such as certify__cifar10__resnet110__noise_0.25__sigma_0.25.tsv. `--store` keeps the imported runs, and
`--figures` draws every figure that they allow.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from wulff import reports, runs
from wulff.errors import InputError
from wulff.reports.grids import render

ALPHA, N, CONFIDENCE = 0.001, 100_000, 0.999
MODELS = {"imagenet": "resnet50", "cifar10": "resnet110"}
SIGMAS = {"imagenet": ("0.25", "0.50", "1.00"), "cifar10": ("0.12", "0.25", "0.50", "1.00")}
RADII = {"imagenet": (0.5, 1.0, 1.5, 2.0, 2.5, 3.0), "cifar10": (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)}
# As the authors print them: analysis/latex/vary_noise_imagenet and vary_noise_cifar10 of their repository.
PRINTED = {
    "imagenet": (
        "0.49 0.00 0.00 0.00 0.00 0.00",
        "0.46 0.37 0.29 0.00 0.00 0.00",
        "0.38 0.33 0.26 0.19 0.15 0.12",
    ),
    "cifar10": (
        "0.59 0.00 0.00 0.00 0.00 0.00",
        "0.60 0.43 0.27 0.00 0.00 0.00",
        "0.55 0.41 0.32 0.23 0.15 0.09",
        "0.39 0.34 0.28 0.22 0.17 0.14",
    ),
}
# Radius, best sigma, certified and standard accuracy in percent: their table 1, for ImageNet.
HEADLINE = ((0.5, "0.25", 49, 67), (1.0, "0.50", 37, 57), (2.0, "1.00", 19, 44), (3.0, "1.00", 12, 44))
INPUTS = 500
"""Every 20th image of CIFAR-10's test set, every 100th of ImageNet's validation set."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", type=Path)
    parser.add_argument("--store", type=Path, help="keep the imported runs here")
    parser.add_argument("--figures", type=Path, help="draw figures into this folder")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        store = given.store or Path(scratch)
        try:
            sys.stdout.write(tables(given.logs, store))
            if given.figures:
                made = [runs.load(folder) for folder in sorted(store.iterdir())]
                reports.write_figures(made, given.figures, "l2")
        except InputError as error:
            parser.error(str(error))


def tables(logs: Path, store: Path) -> str:
    """The page that examples/published/README.md is."""
    parts = [
        "# Cohen et al. 2019 from their published logs\n",
        "This page is printed by `python examples/published/cohen.py LOGS`. *At face value* takes the\n"
        "rounded radii of the logs as they are, as the authors did. *Certain* lowers each by half a unit of\n"
        f"its last digit. *With probability {CONFIDENCE}* subtracts the certificates that may be false by\n"
        f"chance (alpha = {ALPHA}), by the exact binomial distribution.\n",
    ]
    made = {data: certifications(logs, store, data) for data in MODELS}
    parts += [headline(made["imagenet"])]
    for number, data in enumerate(MODELS, start=2):
        parts.append(certified(number, data, made[data]))
    parts.append(predictions(logs, store))
    for data in MODELS:
        mismatched(logs, store, data)
    return "\n".join(parts)


def locate(logs: Path, *parts: str) -> Path | None:
    """A log by its place in the authors' repository, or by the name that joins its parts."""
    kind, data, model, noise, last = parts
    found = (
        logs / kind / data / model / noise / "test" / last,
        logs / f"{kind}__{data}__{model}__{noise}__{last}.tsv",
    )
    return next((file for file in found if file.is_file()), None)


def imported(logs: Path, store: Path, data: str, trained: str, sigma: str) -> runs.Run | None:
    """A certification log as a run; None if there is no such log."""
    log = locate(logs, "certify", data, MODELS[data], f"noise_{trained}", f"sigma_{sigma}")
    if log is None:
        return None
    name = f"{data}-{sigma}" if trained == sigma else f"{data}-{sigma}-trained-{trained}"
    return runs.import_log(
        log,
        store / name,
        noise=f"gaussian(sigma={sigma})",
        n=N,
        alpha=ALPHA,
        training_noise=f"gaussian(sigma={trained})",
    )


def certifications(logs: Path, store: Path, data: str) -> list[runs.Run]:
    made = [imported(logs, store, data, sigma, sigma) for sigma in SIGMAS[data]]
    there = [run for run in made if run is not None]
    if len(there) < len(made):
        raise InputError(f"{logs} lacks certification logs of {data}; give the authors' folder `data`.")
    return there


def mismatched(logs: Path, store: Path, data: str) -> None:
    """Import the logs of models smoothed at sigma .50 that were trained with another sigma, for figure 15."""
    for trained in ("0.12", "0.25", "1.00"):
        imported(logs, store, data, trained, "0.50")


def headline(made: list[runs.Run]) -> str:
    grid = [["l2 radius", "best sigma", "certified (%)", "standard (%)", "in the paper"]]
    curves = [reports.curve(run, "l2", as_published=True) for run in made]
    deviations = []
    for radius, *paper in HEADLINE:
        best = max(curves, key=lambda c, r=radius: c.accuracy(r))
        sigma = best.run.name.removeprefix("imagenet-")
        found = [100 * float(best.accuracy(r)) for r in (radius, 0.0)]
        if [sigma, *map(round, found)] != paper:
            deviations.append(f"{radius:g}")
        ours = [f"{percent:.1f}" for percent in found]
        grid.append([f"{radius:g}", sigma, *ours, "{}: {}, {}".format(*paper)])
    said = f"Other than in the paper at {', '.join(deviations)}" if deviations else "As in the paper"
    return (
        f"## Table 1, the headline: imagenet\n\n{render(grid, 'md')}\n{said}, at face value. The best "
        "sigma is chosen for each radius on the test set\nitself, so that these are not the accuracies of "
        "one classifier.\n"
    )


def certified(number: int, data: str, made: list[runs.Run]) -> str:
    radii = RADII[data]
    grid = [["l2 radius", *(f"{radius:g}" for radius in radii)]]
    deviations: list[str] = []
    reasons: list[str] = []
    for run, sigma, row in zip(made, SIGMAS[data], PRINTED[data], strict=True):
        printed = row.split()
        face, certain = (reports.curve(run, "l2", as_published=as_is) for as_is in (True, False))
        faces = [f"{float(face.accuracy(radius)):.2f}" for radius in radii]
        bounds = [certain.bound(radius, CONFIDENCE) for radius in radii]
        grid.append([f"sigma = {sigma}, in the paper", *printed])
        grid.append(["at face value", *faces])
        grid.append(["certain", *(f"{float(certain.accuracy(radius)):.3f}" for radius in radii)])
        grid.append([f"with probability {CONFIDENCE}", *(down(bound) for bound in bounds)])
        deviations += [
            f"sigma = {sigma}, radius {radius:g}"
            for radius, ours, theirs in zip(radii, faces, printed, strict=True)
            if ours != theirs
        ]
        reasons += [
            f"- sigma = {sigma}, radius {radius:g}: {lost} of {face.inputs} radii are printed as {radius:g}, "
            "rounded to nearest;\n  they may be below it."
            for radius in radii
            if (lost := face.correct(radius) - certain.correct(radius))
        ]
        if len(run.records) < INPUTS:
            reasons.append(
                f"- sigma = {sigma}: the log has {len(run.records)} of the {INPUTS} images; shares are of "
                "these."
            )
    said = (
        f"At face value, the paper's numbers are not reproduced at {'; '.join(deviations)}."
        if deviations
        else "At face value, every number of the paper is reproduced to its two digits."
    )
    why = "\n".join([f"{said} What is certain differs from it, because:\n", *reasons]) if reasons else said
    return f"## Table {number}: {data}, {MODELS[data]}\n\n{render(grid, 'md')}\n{why}\n"


def predictions(logs: Path, store: Path) -> str:
    """How often Predict is right, agrees with n = 100,000, or abstains."""
    made = {}
    for n in (100, 1_000, 10_000, 100_000):
        log = locate(logs, "predict", "imagenet", "resnet50", "noise_0.25", f"N_{n}")
        if log is None:
            raise InputError(
                f"{logs} lacks the prediction logs of imagenet; give the authors' folder `data`."
            )
        made[n] = runs.import_log(log, store / f"predict-{n}", noise="gaussian(sigma=0.25)", n=n, alpha=ALPHA)
    gold = {record.index: record.predict for record in made[100_000].records}
    heads = ["correct, accurate", "correct, inaccurate", "incorrect, accurate", "incorrect, inaccurate"]
    grid = [["n", *heads, "abstained"]]
    for n in (100, 1_000, 10_000):
        outcomes = [0] * 5
        for record in made[n].records:
            wrong, other = record.predict != record.label, record.predict != gold[record.index]
            outcomes[4 if record.predict == -1 else 2 * wrong + other] += 1
        grid.append([f"{n:,}", *(f"{count / len(made[n].records):.3f}" for count in outcomes)])
    return (
        f"## Table 4: Predict as n grows, imagenet, sigma = 0.25\n\n{render(grid, 'md')}\n*Accurate* means "
        "the answer at n = 100,000. The authors' repository has no printed form of this\ntable beside its "
        "logs, so that there is nothing to compare with.\n"
    )


def down(bound: object) -> str:
    whole = int(bound * 1000)  # type: ignore[operator]  (a fraction: alpha is known)
    return f"{whole // 1000}.{whole % 1000:03d}"


if __name__ == "__main__":
    main()
