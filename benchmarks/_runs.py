"""Runs of any size for the benchmarks of reports, and what a command costs: processor seconds and memory."""

import dataclasses
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import tomli_w

from wulff import runs
from wulff.noises import Gaussian
from wulff.runs.certifying import Counted, certified_records
from wulff.runs.document import to_document, versions
from wulff.runs.folder import RECORDS, SPEC, checksum_key

N, CLASSES, DIFFERENT = 100_000, 10, 1_000


def write_run(folder: Path, inputs: int) -> Path:
    """A run of so many inputs, whose votes are drawn here; a thousand different ones are repeated."""
    spec = runs.Spec(model="none", noise="gaussian(sigma=0.5)", n0=100, n=N)
    facts = runs.Facts(inputs=inputs, of=inputs, dim=64, classes=CLASSES, versions=versions())
    document = tomli_w.dumps(to_document(spec, facts))
    folder.mkdir(parents=True)
    (folder / SPEC).write_text(document)
    key = checksum_key(tomllib.loads(document))
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([8.0] + [0.2] * (CLASSES - 1), size=DIFFERENT)
    counted = [
        Counted(i, int(rng.random() < 0.1), 0.1, rng.multinomial(100, p), rng.multinomial(N, p), 100, N)
        for i, p in enumerate(shares)
    ]
    different = certified_records(spec.terms(Gaussian(sigma=0.5).in_dim(64)), spec.threats, counted)
    with (folder / RECORDS).open("wb") as journal:
        for index in range(inputs):
            journal.write(dataclasses.replace(different[index % DIFFERENT], index=index).to_line(key))
    return folder


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a command took.

    Attributes:
        seconds: Of the processor, in user and system mode.
        megabytes: The peak of its resident memory.
    """

    seconds: float
    megabytes: float


def cost(*arguments: str) -> Cost:
    """Run `wulff` in a process of its own."""
    command = [sys.executable, "-m", "wulff", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with status {status}")
    process.returncode = 0
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def start_up() -> Cost:
    """What a report takes before it looks at a run: the cheapest of three."""
    code = "import wulff.cli.report"
    best = None
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code])
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
        found = Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
        best = found if best is None or found.seconds < best.seconds else best
    assert best is not None
    return best
