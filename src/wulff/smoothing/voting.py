"""The loop that counts votes: noisy copies of many inputs share full batches."""

import dataclasses
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor

from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.smoothing.classifier import Voter
from wulff.smoothing.sampling import Grid, sampler
from wulff.smoothing.streams import BLOCK, Phase, stream


@dataclasses.dataclass(frozen=True)
class Votes:
    """The finished counts of one input: integers of shape (classes,), and their sample sizes, by phase."""

    index: int
    counts: Mapping[Phase, IntArray]
    sizes: Mapping[Phase, int]


class Quota(Protocol):
    """How many copies of an input are to be classified; asked again whenever these are counted."""

    def wanted(self, index: int, votes: Votes | None) -> Mapping[Phase, int]:
        """Sample sizes by phase, given the votes so far; an input is done when it has what is wanted."""
        ...


@dataclasses.dataclass(frozen=True)
class FixedQuota:
    """The same sample sizes for every input."""

    sizes: Mapping[Phase, int]

    def wanted(self, index: int, votes: Votes | None) -> Mapping[Phase, int]:
        return self.sizes


class VoteLoop:
    """Counts the votes of a base classifier under noise, for a stream of inputs.

    The noise of input `index` depends on (seed, index, phase, block) only, so that its votes do not
    depend on which other inputs share its batches. Nothing waits for the device until an input has the
    votes that its quota wants; its place in the batches then goes to others.

    Args:
        voter: The base classifier.
        noise: The noise, in the units of the inputs.
        quota: How many noisy copies of each input to classify.
        seed: The run's seed, from 0 to 2⁶⁴ - 1.
        batch: How many noisy copies are classified at once.
        device: Where the classifier lives.
        grid: The grid of the inputs, for exact sampling; None adds noise in floating point.
    """

    def __init__(
        self,
        voter: Voter,
        noise: Noise,
        quota: Quota,
        *,
        seed: int,
        batch: int,
        device: torch.device,
        grid: Grid | None = None,
    ) -> None:
        self.voter = voter
        self.noise = noise
        self.quota = quota
        self.seed = seed
        self.batch = batch
        self.device = device
        self.grid = grid

    def run(self, inputs: Iterable[tuple[int, Tensor]]) -> Iterator[Votes]:
        """The votes for each (index, x), x of the same shape, in the order of the inputs."""
        pool: _Pool | None = None
        for index, x in inputs:
            pool = pool or _Pool(self, index, x.to(self.device))
            while not pool.free_slots:
                yield from pool.step()
            pool.enter(index, x.to(self.device))
            while pool.undrawn:
                yield from pool.step()
        while pool and pool.open:
            yield from pool.step()


@dataclasses.dataclass
class _Ballot:
    """One input that is being voted on.

    Attributes:
        drawn: How many of its copies have been put into batches, by phase.
        wanted: How many are wanted before its votes are looked at again.
        slot: Its row of the tally.
        votes: Its votes, once they are complete.
    """

    index: int
    x: Tensor
    slot: int
    wanted: dict[Phase, int]
    drawn: dict[Phase, int] = dataclasses.field(default_factory=dict)
    votes: Votes | None = None

    def next_phase(self) -> Phase | None:
        """A phase that lacks copies."""
        return next((p for p, n in self.wanted.items() if self.drawn.get(p, 0) < n), None)


class _Pool:
    """The open inputs, and the batch that they share."""

    def __init__(self, loop: VoteLoop, index: int, x: Tensor) -> None:
        # As many open inputs as fill two batches with the copies that they want at first.
        at_first = sum(loop.quota.wanted(index, None).values())
        most_inputs = math.ceil(2 * loop.batch / at_first) + 1
        self.loop = loop
        self.sampler = sampler(loop.noise.in_dim(x.numel()), loop.grid, loop.device)
        self.batch = x.new_empty(loop.batch, *x.shape)
        self.scratch = x.new_empty(BLOCK, *x.shape)
        self.filled = 0
        self.owners = torch.empty(loop.batch, dtype=torch.int64, device=loop.device)
        self.ones = torch.ones_like(self.owners)
        # One slot more than there are inputs takes the votes of void copies, which count for nobody.
        shape = (most_inputs + 1, len(Phase), loop.voter.bins)
        self.tally = torch.zeros(shape, dtype=torch.int64, device=loop.device)
        self.void_bin = most_inputs * len(Phase) * loop.voter.bins
        self.free_slots = deque(range(most_inputs))
        self.open: deque[_Ballot] = deque()
        self.undrawn: deque[_Ballot] = deque()
        self.uncounted: list[_Ballot] = []

    def enter(self, index: int, x: Tensor) -> None:
        """Open a ballot on an input."""
        slot = self.free_slots.popleft()
        self.tally[slot] = 0
        ballot = _Ballot(index, x, slot, dict(self.loop.quota.wanted(index, None)))
        self.open.append(ballot)
        self.undrawn.append(ballot)

    def step(self) -> Iterator[Votes]:
        """Draw copies; classify the batch if it is full, or if there is nothing else to do."""
        if self.undrawn:
            self._draw(self.undrawn[0])
            if self.undrawn[0].next_phase() is None:
                self.uncounted.append(self.undrawn.popleft())
            if self.filled < len(self.batch):
                return
        self._classify()
        for ballot in self.uncounted:
            self._look(ballot)
        self.uncounted = []
        while self.open and self.open[0].votes:
            self.free_slots.append(self.open[0].slot)
            yield self.open.popleft().votes  # type: ignore[misc]  (it has votes)

    def _draw(self, ballot: _Ballot) -> None:
        """Put noisy copies from one block into the batch."""
        phase = ballot.next_phase()
        assert phase is not None
        drawn = ballot.drawn.get(phase, 0)
        block, offset = divmod(drawn, BLOCK)
        free = self.batch[self.filled :]
        rows = min(BLOCK - offset, ballot.wanted[phase] - drawn, len(free))
        # Drawn straight into the batch where the whole block fits.
        fits = offset == 0 and len(free) >= BLOCK
        copies = free[:BLOCK] if fits else self.scratch
        generator = stream(self.loop.device, self.loop.seed, ballot.index, phase, block)
        void = self.sampler.fill(copies, ballot.x, generator)
        if not fits:
            free[:rows].copy_(copies[offset : offset + rows])
        first_bin = (ballot.slot * len(Phase) + phase) * self.loop.voter.bins
        owners = self.owners[self.filled : self.filled + rows]
        owners.fill_(first_bin)
        if void is not None:
            owners.masked_fill_(void[offset : offset + rows], self.void_bin)
        self.filled += rows
        ballot.drawn[phase] = drawn + rows

    def _classify(self) -> None:
        """Add the votes of the batch to the tally."""
        if self.filled:
            bins = self.owners[: self.filled] + self.loop.voter(self.batch[: self.filled])
            self.tally.view(-1).index_add_(0, bins, self.ones[: self.filled])
            self.filled = 0

    def _look(self, ballot: _Ballot) -> None:
        """Ask the quota whether the votes suffice; the ballot is closed or goes on."""
        counts = self.tally[ballot.slot].cpu().numpy()
        classes = self.loop.voter.num_classes
        if counts[:, classes + 1].any():
            raise InputError(
                f"the model returned labels outside 0 ... {classes - 1} for input {ballot.index}; "
                f"set num_classes to one more than the largest label."
            )
        by_phase = {phase: counts[phase, :classes].copy() for phase in ballot.wanted}
        votes = Votes(ballot.index, by_phase, dict(ballot.drawn))
        ballot.wanted = dict(self.loop.quota.wanted(ballot.index, votes))
        if ballot.next_phase() is None:
            ballot.votes = votes
        else:
            self.undrawn.append(ballot)
