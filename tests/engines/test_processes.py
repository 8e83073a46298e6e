"""Worker processes: the votes of one process, whoever is killed."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.nightly import everyday
from tests.processes import forked
from wulff.engines import LocalEngine, ProcessEngine, find, with_workers
from wulff.engines.processes import MOST_FALSE_STARTS
from wulff.engines.starting import Start
from wulff.errors import InputError, RunError
from wulff.smoothing import FixedQuota, Phase, Smoothed
from wulff.testing import check_engine

NOISE = "laplace(sigma=0.5)"
QUOTA = FixedQuota({Phase.SELECTION: 10, Phase.ESTIMATION: 500})
INPUTS = list(enumerate(torch.rand(12, 1, 2, 2, generator=torch.Generator().manual_seed(0))))


class Slow(nn.Module):
    """Labels by brightness, after a while."""

    def forward(self, batch: Tensor) -> Tensor:
        time.sleep(0.01)
        return (batch.flatten(1).mean(dim=1) > 0.5).long()


class Deadly(nn.Module):
    """Kills its process where an input is far from all pixels."""

    def forward(self, batch: Tensor) -> Tensor:
        if bool((batch > 1000).any()):
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.zeros(len(batch), dtype=torch.long)


def same(found: list, expected: list) -> None:
    assert [votes.index for votes in found] == [votes.index for votes in expected]
    for ours, theirs in zip(found, expected, strict=True):
        for phase in theirs.counts:
            np.testing.assert_array_equal(ours.counts[phase], theirs.counts[phase])


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended but was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes() -> ProcessEngine:
    return ProcessEngine(2)


def test_conformance() -> None:
    check_engine(LocalEngine())
    check_engine(processes())


def test_spawned_workers_count_the_same_votes() -> None:
    smoothed = Smoothed(Slow(), NOISE, 2, batch=64)
    expected = list(LocalEngine().map(smoothed, QUOTA, 3, INPUTS))
    same(
        list(ProcessEngine(1, "spawn").map(smoothed, QUOTA, 3, INPUTS)), expected
    )  # whose start takes seconds


def test_a_killed_worker_is_replaced_and_its_inputs_are_done_again() -> None:
    smoothed = Smoothed(Slow(), NOISE, 2, batch=64)
    expected = list(LocalEngine().map(smoothed, QUOTA, 3, INPUTS))
    found = []
    killed: set[int | None] = set()
    for votes in processes().map(smoothed, QUOTA, 3, INPUTS):
        found.append(votes)
        if len(found) in (1, 6):
            victim = next(p for p in multiprocessing.active_children() if p.pid not in killed)
            victim.kill()
            killed.add(victim.pid)
    assert len(killed) == 2
    same(found, expected)


def test_an_input_that_kills_its_workers_is_named() -> None:
    inputs = [(index, x + 1e6 if index == 4 else x) for index, x in INPUTS]
    found = []
    with pytest.raises(RunError, match=r"3 workers died at input 4 \(exit code -9\)"):
        found.extend(processes().map(Smoothed(Deadly(), NOISE, 2, batch=64), QUOTA, 3, inputs))
    assert not multiprocessing.active_children()


class DiesWhenUnpacked(Slow):
    """Kills its process when that takes it out of its parcel, as often as there are files in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        if multiprocessing.parent_process() is None:
            return  # a copy that is made in the process of the tests
        for file in self.folder.iterdir():
            try:
                file.unlink()
            except FileNotFoundError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("deaths", [5, 100])
def test_deaths_before_voting_are_no_input_s_fault(tmp_path: Path, deaths: int) -> None:
    for number in range(deaths):
        (tmp_path / str(number)).touch()
    smoothed = Smoothed(DiesWhenUnpacked(tmp_path), NOISE, 2, batch=64)
    votes = processes().map(smoothed, QUOTA, 3, INPUTS[:3])
    if deaths > MOST_FALSE_STARTS:
        with pytest.raises(RunError, match=r"12 workers died before they began to vote \(exit code -9\)"):
            list(votes)
        return
    found = list(votes)
    assert not list(tmp_path.iterdir())
    same(found, list(LocalEngine().map(Smoothed(Slow(), NOISE, 2, batch=64), QUOTA, 3, INPUTS[:3])))


def test_nobody_is_left_when_results_are_not_wanted_any_more() -> None:
    votes = processes().map(Smoothed(Slow(), NOISE, 2, batch=64), QUOTA, 3, INPUTS)
    next(votes)
    assert len(multiprocessing.active_children()) == 2
    votes.close()  # type: ignore[attr-defined]  (it is a generator)
    assert not multiprocessing.active_children()


def employ(start: Start, told: Connection) -> None:
    """The life of a parent: say who its worker is, and wait."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs inherit that it is ignored
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (until the process ends)
    votes = ProcessEngine(1, start).map(Smoothed(Slow(), NOISE, 2, batch=64), QUOTA, 3, INPUTS)
    next(votes)
    time.sleep(0.5)  # until the worker has done all that it has, and waits for more
    told.send([p.pid for p in multiprocessing.active_children()])
    time.sleep(100)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("start", "how"),
    everyday(
        [
            ("spawn", signal.SIGKILL),
            ("spawn", signal.SIGINT),
            ("forkserver", signal.SIGKILL),
            ("forkserver", signal.SIGINT),
        ],
        1,
        lambda case: case[0],
    ),
)
def test_workers_end_with_their_parent(start: Start, how: signal.Signals) -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    parent = forked(employ, start, theirs)
    workers = ours.recv() if ours.poll(60) else []
    assert workers
    assert all(alive(pid) for pid in workers)
    assert parent.pid
    os.kill(parent.pid, how)
    parent.join(20)
    assert parent.exitcode
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(alive(pid) for pid in workers)


def test_inputs_are_taken_when_they_are_needed() -> None:
    """A long stream of inputs is not loaded at once."""
    taken = 0

    def stream() -> Iterator[tuple[int, Tensor]]:
        nonlocal taken
        for index in range(1000):
            taken += 1
            yield index, INPUTS[0][1]

    votes = processes().map(Smoothed(Slow(), NOISE, 2, batch=64), QUOTA, 3, stream())
    next(votes)
    assert taken < 20
    votes.close()  # type: ignore[attr-defined]


def test_models_that_cannot_be_sent_are_refused() -> None:
    """What a script defines can be sent; what belongs to this process cannot."""
    lock = threading.Lock()

    def locked(batch: Tensor) -> Tensor:
        with lock:
            return batch.flatten(1)[:, :2]

    with pytest.raises(InputError, match=r"sent to worker processes \(TypeError: .*; use one worker"):
        list(ProcessEngine(2).map(Smoothed(locked, NOISE, 2), QUOTA, 0, INPUTS))


def test_engines_are_found_by_name_and_by_number() -> None:
    assert find("processes").name == "processes"
    assert with_workers(1).name == "local"
    assert with_workers(3).name == "processes"
    with pytest.raises(InputError, match="unknown engine 'cloud'"):
        find("cloud")
    with pytest.raises(InputError, match="workers must be a positive integer, got 0"):
        with_workers(0)
    with pytest.raises(InputError, match=r"workers must be at most .* on this machine, got 100000"):
        with_workers(100_000)
