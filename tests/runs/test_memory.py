"""Data larger than memory: what a run takes does not grow with the data set."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.nightly import NIGHTLY, everyday

PROGRAM = """
import json, resource, sys

import wulff
from wulff import datasets
from wulff.engines import ProcessEngine


def label(x):
    return (x.flatten(1).mean(dim=1) > 0.5).long()


def peak():
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in both)


if __name__ == "__main__":
    found = []
    for file in sys.argv[3:]:
        data = datasets.load(file)
        data.sha256()
        some = data.slice(f"::{max(1, len(data) // int(sys.argv[2]))}")
        options = dict(norms=["l1"], n0=1, n=1, batch=16, num_classes=2, identity="mean", progress=False)
        engine = ProcessEngine(1) if sys.argv[1] == "process" else None  # whose start takes seconds
        run = wulff.certify(label, some, noise="uniform(sigma=0.25)", engine=engine, **options)
        found.append([len(run), peak()])
    print(json.dumps(found))
"""
SIDE = 128


def images(folder: Path, count: int) -> str:
    """A file of so many images, which takes no room on the disk."""
    name = folder / f"{count}.npy"
    np.lib.format.open_memmap(name, mode="w+", dtype=np.uint8, shape=(count, SIDE, SIDE, 3)).flush()
    return str(name)


@pytest.mark.parametrize("where", everyday(["process", "here"], 1))
def test_peak_memory_is_that_of_a_small_data_set(where: str, tmp_path: Path) -> None:
    few, many = 20, 6000
    certified = many if NIGHTLY else few  # all are read, and these get votes
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), where, str(certified)]
    command += [images(tmp_path, few), images(tmp_path, many)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (first, before), (second, after) = json.loads(done.stdout.splitlines()[-1])
    assert (first, second) == (few, certified)
    in_memory = (many - few) * 3 * SIDE * SIDE * 4 / 1024  # as float32, in the kilobytes of ru_maxrss
    assert after - before < in_memory / 6
