"""Average certified radii of runs beside those of the published logs, on the same images.

    python examples/mnist/compare.py LOGS RUN... > results.md

A run METHOD__sigma_S is compared with LOGS/METHOD__sigma_S.tsv (columns idx, label, predict, radius, correct,
time; published radii have three digits).
"""

import csv
import dataclasses
import re
import sys
from pathlib import Path

import numpy as np

from wulff import runs


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One run beside its log: average certified radii over the run's images."""

    name: str
    images: int
    ours: float
    published: float

    @property
    def difference(self) -> float:
        return self.ours - self.published


def compare(folder: Path, logs: Path) -> Comparison:
    """A finished run beside the log of its name."""
    run = runs.load(folder)
    if len(run.records) < run.expected:
        raise SystemExit(f"{folder} has {len(run.records)} of {run.expected} images; certify the rest first.")
    method, sigma = re.fullmatch(r"(.+)__sigma_([\d.]+)", folder.resolve().name).groups()  # type: ignore[union-attr]
    with (logs / f"{method}__sigma_{float(sigma):.2f}.tsv").open() as file:
        rows = {int(row["idx"]): row for row in csv.DictReader(file, delimiter="\t")}
    published = [float(row["radius"]) * int(row["correct"]) for row in (rows[r.index] for r in run.records)]
    ours = np.where(run.predictions == run.labels, run.radii("l2"), 0.0)
    return Comparison(folder.resolve().name, len(ours), float(ours.mean()), float(np.mean(published)))


def table(comparisons: list[Comparison]) -> str:
    """The comparisons in Markdown."""
    lines = ["| run | images | ACR here | ACR published | difference |", "|---|---|---|---|---|"]
    lines += [
        f"| {c.name} | {c.images} | {c.ours:.3f} | {c.published:.3f} | {c.difference:+.3f} |"
        for c in comparisons
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table([compare(Path(name), Path(sys.argv[1])) for name in sys.argv[2:]]))
