"""Inputs cut into blocks of copies, which any worker can count: votes are keyed by block, and add up.

`Ballots` is the driver's part: it cuts inputs into tasks, adds up what comes back, and asks the quota at the
same counts, in the same order, as one process does. `BlockCounter` is the worker's part.
"""

import dataclasses
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.smoothing import Majority, Phase, Quota, Votes
from wulff.smoothing.copies import Copies, Source
from wulff.smoothing.streams import BLOCK

LARGEST_TASK = 128 * BLOCK
"""Copies of one task at most: enough that sending it costs nothing, and little is lost with a worker."""


@dataclasses.dataclass(frozen=True)
class Task:
    """Some copies of one input, to be counted by whoever is free.

    Attributes:
        place: The input's place in the order of results.
        index: The number of the input, by which its noise is keyed.
        phase: What the copies are for.
        first: The number of their first block.
        copies: How many.
    """

    place: int
    index: int
    phase: Phase
    first: int
    copies: int


@dataclasses.dataclass(frozen=True)
class Counted:
    """The votes of a task.

    Attributes:
        votes: By class.
        not_a_number: For how many copies the output was not a number.
    """

    votes: IntArray
    not_a_number: int


@dataclasses.dataclass
class _Ballot:
    """One input of which votes are missing."""

    index: int
    counts: dict[Phase, IntArray]
    sizes: dict[Phase, int]
    not_a_number: Counter[Phase]
    out: int = 0  # tasks that have not come back

    def votes(self) -> Votes:
        nans = {phase: copies for phase, copies in self.not_a_number.items() if copies}
        return Votes(self.index, self.counts, dict(self.sizes), nans)


class Ballots:
    """The inputs that are open, their tasks, and the votes that have come back.

    Args:
        quota: How many copies of each input are wanted.
        classes: How many labels there are.
    """

    def __init__(self, quota: Quota, classes: int) -> None:
        self.quota = quota
        self.classes = classes
        self.waiting: deque[Task] = deque()
        self._open: dict[int, _Ballot] = {}
        self._done: dict[int, Votes] = {}
        self._entered = 0
        self._given = 0

    @property
    def open(self) -> int:
        """How many inputs have entered and were not handed out."""
        return self._entered - self._given

    def enter(self, index: int) -> int:
        """Open a ballot on an input; returns its place in the order of results."""
        place = self._entered
        self._entered += 1
        self._open[place] = _Ballot(index, {}, {}, Counter())
        self._ask(place)
        return place

    def take(self, copies: int, inputs: int) -> list[Task]:
        """Tasks for one worker: at least one if any waits, and at most so many copies of so many inputs."""
        found: list[Task] = []
        places: set[int] = set()
        while self.waiting and (not found or copies >= self.waiting[0].copies):
            if self.waiting[0].place not in places and len(places) == inputs:
                break
            found.append(self.waiting.popleft())
            places.add(found[-1].place)
            copies -= found[-1].copies
        return found

    def add(self, tasks: Sequence[Task], counted: Sequence[Counted]) -> None:
        """The votes of tasks that are done; each task is added once."""
        for task, found in zip(tasks, counted, strict=True):
            ballot = self._open[task.place]
            ballot.out -= 1
            ballot.counts[task.phase] = ballot.counts.get(task.phase, 0) + found.votes
            ballot.sizes[task.phase] = ballot.sizes.get(task.phase, 0) + task.copies
            ballot.not_a_number[task.phase] += found.not_a_number
            if not ballot.out:
                self._ask(task.place)

    def lost(self, tasks: Sequence[Task]) -> None:
        """Tasks whose worker is gone: they are the next to be done."""
        self.waiting.extendleft(reversed(tasks))

    def results(self) -> Iterator[tuple[int, Votes]]:
        """Places and votes of the inputs that are done, in their order, up to the first that is not."""
        while self._given in self._done:
            self._given += 1
            yield self._given - 1, self._done.pop(self._given - 1)

    def _ask(self, place: int) -> None:
        """Ask the quota how many copies are wanted; cut what is missing into tasks, or close the ballot."""
        ballot = self._open[place]
        wanted = self.quota.wanted(ballot.index, ballot.votes() if ballot.counts else None)
        for phase, size in wanted.items():
            ballot.counts.setdefault(phase, np.zeros(self.classes, dtype=np.int64))
            begun = ballot.sizes.get(phase, 0)
            if begun % BLOCK and begun < size:
                raise InputError(f"quotas must ask for whole blocks of {BLOCK} copies, got {begun}.")
            for first in range(begun, size, LARGEST_TASK):
                copies = min(LARGEST_TASK, size - first)
                self.waiting.append(Task(place, ballot.index, phase, first // BLOCK, copies))
                ballot.out += 1
        if not ballot.out:
            self._done[place] = ballot.votes()
            del self._open[place]


class BlockCounter:
    """Counts tasks of inputs of one shape.

    Args:
        smoothed: The classifier.
        seed: The run's seed.
    """

    def __init__(self, smoothed: Majority, seed: int) -> None:
        self.smoothed = smoothed
        self.seed = seed

    def count(self, tasks: Sequence[Task], inputs: Mapping[int, Tensor]) -> list[Counted]:
        """The votes of each task.

        Args:
            tasks: What to count; they share batches.
            inputs: The inputs by their places.

        Raises:
            InputError: The model refuses an input, or changes meanwhile.
        """
        loop = self.smoothed.vote_loop(_AsAsked(tasks), seed=self.seed)
        loop.source = _Shifted(loop.source, tasks)
        pairs = ((number, inputs[task.place]) for number, task in enumerate(tasks))
        return [
            Counted(votes.counts[task.phase], votes.not_a_number.get(task.phase, 0))
            for task, votes in zip(tasks, loop.run(pairs), strict=True)
        ]


class _AsAsked:
    """The quota of tasks, by their numbers."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks

    def wanted(self, index: int, votes: Votes | None) -> Mapping[Phase, int]:
        task = self.tasks[index]
        return {task.phase: task.copies}


class _Shifted:
    """Copies of tasks, by their numbers: those of the input's blocks from the task's first one on."""

    def __init__(self, source: Source, tasks: Sequence[Task]) -> None:
        self.source = source
        self.tasks = tasks

    def copies(self, x: Tensor, device: torch.device) -> "_ShiftedCopies":
        return _ShiftedCopies(self.source.copies(x, device), self.tasks)


class _ShiftedCopies:
    def __init__(self, copies: Copies, tasks: Sequence[Task]) -> None:
        self.inner = copies
        self.tasks = tasks

    def buffer(self, rows: int, x: Tensor) -> Tensor:
        return self.inner.buffer(rows, x)

    def fill(self, copies: Tensor, x: Tensor, index: int, phase: Phase, block: int) -> Tensor | None:
        task = self.tasks[index]
        return self.inner.fill(copies, x, task.index, phase, task.first + block)
