"""Inputs in pieces, counted by anybody in any order, have the votes of one process."""

import random
import tracemalloc

import numpy as np
import pytest
import torch

from wulff.engines import LocalEngine, blocks
from wulff.engines.blocks import Ballots, BlockCounter
from wulff.errors import InputError
from wulff.norms import Norm
from wulff.smoothing import AnytimeQuota, FixedQuota, Phase, Quota, Smoothed, Terms
from wulff.stats import Anytime
from wulff.testing.engines import Bands

IMAGES = torch.rand(9, 1, 3, 4, generator=torch.Generator().manual_seed(0))
SMOOTHED = Smoothed(Bands(), "laplace(sigma=0.5)", 4, batch=96)
TERMS = Terms(noise=SMOOTHED.noise.in_dim(12), n0=20, n=3000, alpha=1e-3, seed=5, stop=Anytime(radii=(0.1,)))
FIXED = FixedQuota({Phase.SELECTION: 10, Phase.ESTIMATION: 1000})


@pytest.mark.parametrize("quota", [FIXED, AnytimeQuota(TERMS, [Norm.L1])], ids=["fixed", "anytime"])
@pytest.mark.parametrize("chance", range(3))
def test_any_order_and_any_loss(quota: Quota, chance: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LARGEST_TASK", 128)
    dice = random.Random(chance)
    ballots, counter = Ballots(quota, 4), BlockCounter(SMOOTHED, 5)
    pairs = list(zip([7, 3, 5, 11, 0, 1, 2, 20, 4], IMAGES, strict=True))
    inputs = {ballots.enter(index): x for index, x in pairs}
    out: list[list[blocks.Task]] = []
    found = []
    while ballots.open:
        while ballots.waiting and (not out or dice.random() < 0.7):
            out.append(ballots.take(300, 64))
        tasks = out.pop(dice.randrange(len(out)))
        if dice.random() < 0.3:
            ballots.lost(tasks)
        else:
            ballots.add(tasks, counter.count(tasks, inputs))
        found += ballots.results()
    assert [place for place, _ in found] == list(range(9))
    for (_, ours), theirs in zip(found, LocalEngine().map(SMOOTHED, quota, 5, pairs), strict=True):
        assert (ours.index, dict(ours.sizes)) == (theirs.index, dict(theirs.sizes))
        assert ours.counts.keys() == theirs.counts.keys()
        for phase, counts in theirs.counts.items():
            np.testing.assert_array_equal(ours.counts[phase], counts)


def test_copies_that_are_not_a_number_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LARGEST_TASK", 128)

    def model(batch: torch.Tensor) -> torch.Tensor:
        level = batch.flatten(1).mean(dim=1, keepdim=True)
        return torch.where(level > 0.5, torch.nan, torch.cat([level, 1 - level], dim=1))

    smoothed = Smoothed(model, "laplace(sigma=0.5)", 2, batch=96)
    ballots, counter = Ballots(FIXED, 2), BlockCounter(smoothed, 5)
    inputs = {ballots.enter(0): IMAGES[0]}
    while ballots.open:
        tasks = ballots.take(1, 64)
        ballots.add(tasks, counter.count(tasks, inputs))
        for _, ours in ballots.results():
            (theirs,) = LocalEngine().map(smoothed, FIXED, 5, [(0, IMAGES[0])])
            assert ours.not_a_number == theirs.not_a_number
            assert ours.not_a_number[Phase.ESTIMATION] > 100


def test_quotas_ask_for_whole_blocks() -> None:
    class Half:
        def wanted(self, index: int, votes: object) -> dict[Phase, int]:
            return {Phase.ESTIMATION: 50 if votes is None else 100}

    ballots, counter = Ballots(Half(), 4), BlockCounter(SMOOTHED, 5)
    inputs = {ballots.enter(0): IMAGES[0]}
    tasks = ballots.take(100, 64)
    with pytest.raises(InputError, match="whole blocks of 64 copies, got 50"):
        ballots.add(tasks, counter.count(tasks, inputs))


def test_tasks_share_a_call_up_to_so_many_inputs() -> None:
    ballots = Ballots(FIXED, 4)
    for index in range(5):
        ballots.enter(index)
    assert [task.index for task in ballots.take(10**6, 2)] == [0, 0, 1, 1]
    assert [task.index for task in ballots.take(1010, 3)] == [2, 2]
    assert len(ballots.take(1, 1)) == 1


def test_memory_does_not_grow_with_inputs() -> None:
    assert _peak(4000) < 1.1 * _peak(400)


def _peak(inputs: int) -> int:
    """Bytes that a driver has at once while workers answer."""
    votes = blocks.Counted(np.array([1000, 0, 0, 0]), 0)
    tracemalloc.start()
    ballots = Ballots(FIXED, 4)
    for index in range(inputs):
        ballots.enter(index)
        if ballots.open >= 100:
            tasks = ballots.take(10**6, 50)
            ballots.add(tasks, [votes] * len(tasks))
            for _ in ballots.results():
                pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
