"""Data larger than memory: what a run takes does not grow with the data set."""

import multiprocessing
import resource
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch

import wulff
from tests.nightly import NIGHTLY, everyday
from tests.processes import forked
from wulff import datasets
from wulff.engines import ProcessEngine

SIDE = 128


def label(x: torch.Tensor) -> torch.Tensor:
    return (x.flatten(1).mean(dim=1) > 0.5).long()


def peak() -> int:
    """What this process and the largest of those that it started have had, in kilobytes."""
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def certify(files: list[str], where: str, certified: int, told: Connection) -> None:
    """Say how many inputs of each file were certified, and the peak of memory until then."""
    for file in files:
        data = datasets.load(file)
        data.sha256()
        some = data.slice(f"::{max(1, len(data) // certified)}")
        # A worker that is forked would be another process's child, and not counted here.
        engine = ProcessEngine(1, "spawn") if where == "process" else None
        terms = {"norms": ["l1"], "n0": 1, "n": 1, "batch": 16, "num_classes": 2, "identity": "mean"}
        run = wulff.certify(label, some, noise="uniform(sigma=0.25)", engine=engine, progress=False, **terms)
        told.send((len(run), peak()))


def images(folder: Path, count: int) -> str:
    """A file of so many images, which takes no room on the disk."""
    name = folder / f"{count}.npy"
    np.lib.format.open_memmap(name, mode="w+", dtype=np.uint8, shape=(count, SIDE, SIDE, 3)).flush()
    return str(name)


@pytest.mark.parametrize("where", everyday(["process", "here"], 1))
def test_peak_memory_is_that_of_a_small_data_set(where: str, tmp_path: Path) -> None:
    few, many = 20, 6000
    certified = many if NIGHTLY else few  # all are read, and these get votes
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = forked(certify, [images(tmp_path, few), images(tmp_path, many)], where, certified, theirs)
    process.join()
    assert process.exitcode == 0
    (first, before), (second, after) = ours.recv(), ours.recv()
    assert (first, second) == (few, certified)
    in_memory = (many - few) * 3 * SIDE * SIDE * 4 / 1024  # as float32, in kilobytes
    assert after - before < in_memory / 6
