"""The page of what `reproduce.sh` made: certified accuracies on CIFAR-10 beside the published ones.

    python examples/cifar10/results.py OUT > examples/cifar10/results.md     (or without OUT)

OUT is the folder that `reproduce.sh` filled. Of every finished run the radii of its images are kept in the
folder `summaries` beside this file, rounded down; the page is computed from these alone. The best sigma is
chosen for each radius on the same images, which is a selection: it is the curve of no single classifier.
"""

import argparse
import csv
import dataclasses
import json
import math
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from wulff import runs
from wulff._numerics.rounding import decimal_down
from wulff.reports.comparison import sign_test
from wulff.reports.grids import render

sys.path.insert(0, str(Path(__file__).parent))
from published import L1, L2, LINF, ROWS

FOLDER = Path(__file__).parent
DIGITS = 6
SIGNIFICANT = 0.05
RADII = {"l1": L1, "l1-box": L1, "l2": L2, "linf": LINF}
PLANNED = (
    *("uniform_0.5", "laplace_0.5", "gaussian_0.5", "uniform_1", "laplace_1", "gaussian_1"),
    *("splitting_0.5", "splitting_1", "splitting_2", "uniform_0.25", "laplace_0.25", "gaussian_0.25"),
    *("uniform_2", "gaussian_2"),
)
"""What SIZE=small makes."""


INTRODUCTION = """\
# Which noise certifies how much on CIFAR-10?

ResNet-9 (.41 million parameters), trained by `--schedule fast` (10 epochs, bf16) for each noise, one seed;
every 20th test image, n0 = 100, n = 100,000 with a bound that is valid whenever sampling stops, alpha =
.001; the network that is certified runs in bfloat16. Sampling stops when the radii .25 to 4 are decided
against l1, l1-box and l2; linf radii are what these samples give. Nothing was chosen on the test images but
the best sigma, where a row or table says so; [recipe.md](recipe.md) says how the recipe came about.
Published rows are of larger networks and about ten times as many epochs. A row of splitting is of all
views, so that nothing is left to chance. Stability training of a noise is a row of its own: METHOD
uniform-stability_1, for one.

Made by

    examples/cifar10/reproduce.sh SIZE=small DATA OUT
    examples/cifar10/reproduce.sh SIZE=small DATA OUT {uniform-stability,splitting-stability}_1 \\
        uniform-stability_0.5 splitting-stability_2
    python examples/cifar10/results.py OUT > examples/cifar10/results.md

"""


@dataclasses.dataclass(frozen=True)
class Summary:
    """A finished run: what its table rows are computed from.

    Attributes:
        name: NOISE_SIGMA, or NOISE-stability_SIGMA.
        facts: How it was made.
        index: The images' positions in the test set.
        correct: Whether the smoothed classifier's label is right.
        radii: Certified radii by norm, rounded down; 0 where the label is wrong.
    """

    name: str
    facts: Mapping[str, Any]
    index: list[int]
    correct: list[bool]
    radii: Mapping[str, list[float]]

    @classmethod
    def of(cls, run: runs.Run, model: Path, seconds: Mapping[str, float]) -> Self:
        """The summary of a run and of its training."""
        trained = runs.read_training(model)
        spec, schedule = trained.spec, trained.spec.schedule
        right = run.scored
        facts = {
            "noise": run.spec.noise,
            "model": spec.model,
            "objective": spec.objective,
            "epochs": schedule.epochs,
            "precision": schedule.precision,
            "seed": schedule.seed,
            "n": run.spec.n,
            "alpha": run.alpha,
            "dtype": getattr(run.spec, "dtype", None),
            "noisy_accuracy": round(noisy_accuracy(run), 4),
            "cpu_hours": {step: round(spent / 3600, 3) for step, spent in seconds.items()},
        }
        return cls(
            run.name,
            facts,
            run.columns.index.tolist(),
            [bool(one) for one in right],
            {norm: [_down(r) for r in np.where(right, run.radii(norm), 0.0)] for norm in run.norms},
        )

    @property
    def noise(self) -> str:
        return self.name.rpartition("_")[0]

    @property
    def sigma(self) -> float:
        return float(self.name.rpartition("_")[2])

    def certified(self, norm: str, radius: float) -> np.ndarray:
        """Which images have the right label and at least this radius."""
        return np.array(self.correct) & (np.array(self.radii[norm]) >= radius)

    def percent(self, norm: str, radius: float) -> float:
        return 100 * float(self.certified(norm, radius).mean())


def noisy_accuracy(run: runs.Run) -> float:
    """The accuracy of the network itself on the noisy copies that chose the labels, or on all views."""
    shares = []
    for record in run.records:
        counts = record.counts.get("selection") or record.counts["enumeration"]
        shares.append(counts.get(record.label, 0) / sum(counts.values()))
    return float(np.mean(shares))


def collect(out: Path, folder: Path, of: str = "runs") -> None:
    """Keep a summary of every finished run in a folder of OUT."""
    seconds: dict[str, dict[str, float]] = defaultdict(dict)
    with (out / "seconds.tsv").open() as file:
        # A shell whose command is killed writes a word of its own there.
        for step, name, user, system in (row for row in csv.reader(file, delimiter="\t") if len(row) == 4):
            spent = float(user) + float(system)
            seconds[name][step] = seconds[name].get(step, 0) + spent
    folder.mkdir(parents=True, exist_ok=True)
    for place in sorted((out / of).iterdir()):
        run = runs.load(place)
        if len(run.records) < run.expected:
            sys.stderr.write(f"{place} has {len(run.records)} of {run.expected} images; it is left out.\n")
            continue
        found = dataclasses.asdict(
            Summary.of(run, out / "models" / run.name.partition("--")[0], seconds[run.name])
        )
        (folder / f"{run.name}.json").write_text(json.dumps(found) + "\n")


def read(folder: Path) -> list[Summary]:
    """The summaries that are kept."""
    return [Summary(**json.loads(file.read_text())) for file in sorted(folder.glob("*.json"))]


def page(found: Sequence[Summary]) -> str:
    """The tables of all norms, what is known of each run, and uniform noise against Laplace noise."""
    found = sorted(found, key=lambda one: (one.noise, one.sigma))
    parts = [_coverage(found)]
    if found:
        parts += [_certified(found, norm) for norm in RADII]
        parts += [_runs(found), _against(found, "uniform", "laplace")]
    return "\n".join(parts)


def _coverage(found: Sequence[Summary]) -> str:
    there = {one.name for one in found}
    missing = [name for name in PLANNED if name not in there]
    text = f"Rows that are there: {', '.join(sorted(there)) or 'none yet'}."
    return text + (f" To come by the same command: {', '.join(missing)}.\n" if missing else "\n")


def _certified(found: Sequence[Summary], norm: str) -> str:
    """Certified accuracies against a norm: every run, the best sigma of each noise, and what is published."""
    radii = RADII[norm]
    heads = [f"{round(255 * r)}/255" if norm == "linf" and r else f"{r:g}" for r in radii]
    grid = [[f"{norm} radius", *heads, "from"]]
    mine = [one for one in found if norm in one.radii]
    grid += [[f"{one.noise} {one.sigma:g}", *_cells(one, norm), "here"] for one in mine]
    for noise in sorted({one.noise for one in mine}):
        group = [one for one in mine if one.noise == noise]
        if len(group) > 1:
            best = [max(one.percent(norm, r) for one in group) for r in radii]
            grid.append([f"{noise}, best sigma", *(f"{p:.1f}" for p in best), "here"])
    for row in ROWS:
        if row.norm == norm:
            cells = [f"{row.certified[r]:g}" if r in row.certified else "" for r in radii]
            grid.append([row.name, *cells, row.source])
    return f"Certified (%) against {norm}:\n\n{render(grid, 'md')}"


def _cells(one: Summary, norm: str) -> list[str]:
    return [f"{one.percent(norm, radius):.1f}" for radius in RADII[norm]]


def _runs(found: Sequence[Summary]) -> str:
    """What every run is, and what it took."""
    norms = list(RADII)
    grid = [
        ["run", "network", "epochs", "images", "noisy", "at radius 0", *(f"mean {n}" for n in norms), "CPU h"]
    ]
    for one in found:
        means = [f"{np.mean(one.radii[norm]):.4f}" if norm in one.radii else "" for norm in norms]
        shares = [one.facts["noisy_accuracy"], float(np.mean(one.correct))]
        hours = sum(one.facts["cpu_hours"].values())
        facts = [one.facts["model"], str(one.facts["epochs"]), str(len(one.index))]
        grid.append([one.name, *facts, *(f"{100 * share:.1f}" for share in shares), *means, f"{hours:.2f}"])
    return (
        "Every run; noisy: the accuracy (%) of the network itself on noisy copies; mean radii count wrong "
        f"labels as zero:\n\n{render(grid, 'md')}"
    )


def _against(found: Sequence[Summary], first: str, second: str) -> str:
    """Two noises at the best sigma of each, image by image, with McNemar's exact test."""
    ones, others = (
        [one for one in found if one.noise == noise and "l1" in one.radii] for noise in (first, second)
    )
    if not (ones and others):
        return f"McNemar's test of {first} against {second} needs a run of each.\n"
    grid = [["l1 radius", first, second, f"only {first}", f"only {second}", "p"]]
    ahead, open_, none = [], [], []
    for radius in L1[1:]:
        a, b = (max(group, key=lambda one: one.percent("l1", radius)) for group in (ones, others))
        common = sorted(set(a.index) & set(b.index))
        left, right = (one.certified("l1", radius)[np.searchsorted(one.index, common)] for one in (a, b))
        alone = int((left & ~right).sum()), int((right & ~left).sum())
        shares = [f"{100 * part.mean():.1f} ({one.sigma:g})" for part, one in ((left, a), (right, b))]
        p = sign_test(*alone)
        grid.append([f"{radius:g}", *shares, *map(str, alone), f"{p:.2g}"])
        supported = alone[0] > alone[1] and p < SIGNIFICANT
        (none if not left.any() else ahead if supported else open_).append(f"{radius:g}")
    return (
        f"{first} against {second} at the best sigma (in brackets) of each, with McNemar's exact test; at "
        f"one sigma it is `wulff compare OUT/runs/{first}_0.5 OUT/runs/{second}_0.5`:\n\n"
        f"{render(grid, 'md')}\n{_finding(first, ahead, open_, none)}\n"
    )


def _finding(noise: str, ahead: Sequence[str], open_: Sequence[str], none: Sequence[str]) -> str:
    """In words, at which radii a noise is ahead and at which it is not."""
    parts = [
        (ahead, f"is ahead by a margin that the test supports at the level {SIGNIFICANT:g}"),
        (open_, "is not ahead by such a margin"),
        (none, "certifies nothing at any size that is here (the radii of uniform noise end at √3 sigma)"),
    ]
    return " ".join(f"At {', '.join(radii)} {noise} noise {text}." for radii, text in parts if radii)


def _down(radius: float) -> float:
    return radius if math.isinf(radius) else float(decimal_down(float(radius), DIGITS))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--summaries", type=Path, default=FOLDER / "summaries", help="where they are kept")
    given = parser.parse_args(arguments)
    if given.out and not (given.out / "runs").is_dir():
        parser.error(f"{given.out} has no runs; examples/cifar10/reproduce.sh makes them.")
    if given.out:
        collect(given.out, given.summaries)
    sys.stdout.write(INTRODUCTION + page(read(given.summaries)))


if __name__ == "__main__":
    main()
