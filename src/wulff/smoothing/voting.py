"""The loop that counts votes: noisy copies of many inputs, or their views, share full batches."""

import dataclasses
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor

from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.smoothing.classifier import Voter
from wulff.smoothing.copies import Source
from wulff.smoothing.fixed import Fixed
from wulff.smoothing.readback import Readback
from wulff.smoothing.replay import Replay
from wulff.smoothing.streams import BLOCK, Phase


@dataclasses.dataclass(frozen=True)
class Votes:
    """The finished votes of one input, by phase.

    Attributes:
        index: The number of the input.
        counts: Integers of shape (classes,).
        sizes: How many noisy copies were classified.
        not_a_number: For how many of these the model's output was not a number; they vote for no class.
            Phases without any are left out.
    """

    index: int
    counts: Mapping[Phase, IntArray]
    sizes: Mapping[Phase, int]
    not_a_number: Mapping[Phase, int] = dataclasses.field(default_factory=dict[Phase, int])


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
    """Counts the votes of a base classifier on copies of inputs, for a stream of these.

    A copy of input `index` depends on (index, phase, block) only, so that its votes do not depend on which
    other inputs share its batches. Nothing waits for the device until an input has the
    votes that its quota wants; its place in the batches then goes to others. Memory does not depend on the
    number of copies: a batch is drawn into one buffer, block by block.

    Args:
        model: The base classifier, from batches to logits or labels.
        voter: How its outputs become votes.
        source: Where the copies come from.
        quota: How many copies of each input to classify.
        batch: How many copies are classified at once.
        device: Where the classifier lives.
    """

    def __init__(
        self,
        model: Callable[[Tensor], Tensor],
        voter: Voter,
        source: Source,
        quota: Quota,
        *,
        batch: int,
        device: torch.device,
    ) -> None:
        self.model = model
        self.voter = voter
        self.source = source
        self.quota = quota
        self.batch = batch
        self.device = device

    def run(self, inputs: Iterable[tuple[int, Tensor] | None]) -> Iterator[Votes]:
        """The votes for each (index, x), x of the same shape, in the order of the inputs.

        The iterable may yield None for "no new input yet"; inputs in progress are then continued. The base
        classifier is taken as it is when the first input arrives; see `Fixed`.

        Raises:
            InputError: It cannot be taken, changes while votes are counted, or returns what are no votes.
        """
        pool: _Pool | None = None
        for pair in inputs:
            if pair is None:
                if pool and pool.open:
                    yield from pool.step()
                continue
            index, x = pair
            # Waiting here would leave a GPU idle before every input; a CPU must wait for what a GPU sends.
            x = x.to(self.device, non_blocking=self.device.type != "cpu")
            pool = pool or _Pool(self, index, x)
            while not pool.free_slots:
                yield from pool.step()
            pool.enter(index, x)
            while pool.undrawn:
                yield from pool.step()
        while pool and pool.open:
            yield from pool.step()
        if pool:
            pool.model.check(at_the_end=True)

    def inputs_that_fill_batches(self, index: int, *, at_looks: bool) -> int:
        """How many inputs fill two batches with the copies that they want at first, or at later looks."""
        copies = max(1, sum(self.quota.wanted(index, None).values()))
        return math.ceil(2 * self.batch / (min(copies, BLOCK) if at_looks else copies)) + 1


@dataclasses.dataclass(eq=False)
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
    drawn: dict[Phase, int] = dataclasses.field(default_factory=dict[Phase, int])
    votes: Votes | None = None

    def next_phase(self) -> Phase | None:
        """A phase that lacks copies."""
        return next((p for p, n in self.wanted.items() if self.drawn.get(p, 0) < n), None)


class _Pool:
    """The open inputs, and the batch that they share."""

    @torch.inference_mode()
    def __init__(self, loop: VoteLoop, index: int, x: Tensor) -> None:
        most_inputs = loop.inputs_that_fill_batches(index, at_looks=True)
        self.loop = loop
        self.model = Fixed(loop.model)
        self.copies = loop.source.copies(x, loop.device)
        self.batch = self.copies.buffer(loop.batch, x)
        self.filled = 0
        self.straddling = self.copies.buffer(BLOCK, x)
        self.straddling_void: Tensor | None = None
        self.straddler: tuple[_Ballot, Phase, int] | None = None
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
        self.sent: list[tuple[list[_Ballot], Readback]] = []
        self.vote = Replay(lambda: loop.voter(self.model, self.batch), loop.device)

    @torch.inference_mode()
    def enter(self, index: int, x: Tensor) -> None:
        """Open a ballot on an input."""
        slot = self.free_slots.popleft()
        self.tally[slot] = 0
        ballot = _Ballot(index, x, slot, dict(self.loop.quota.wanted(index, None)))
        self.open.append(ballot)
        self.undrawn.append(ballot)

    @torch.inference_mode()
    def step(self) -> list[Votes]:
        """Draw copies; classify the batch if it is full, or if there is nothing else to do.

        A GPU is not waited for: votes are looked at when the next batch is on its way.
        """
        if self.undrawn:
            self._draw(self.undrawn[0])
            if self.undrawn[0].next_phase() is None:
                self.uncounted.append(self.undrawn.popleft())
            if self.filled < self.loop.batch:
                return []
        full = self.filled == self.loop.batch
        arrived, self.sent = self.sent, []
        if full or not arrived:
            self._classify()
            self._send()
        if not full or self.loop.device.type == "cpu":
            arrived, self.sent = [*arrived, *self.sent], []
        for ballots, tally in arrived:
            self._look(ballots, tally.numpy())
        done: list[Votes] = []
        while self.open and self.open[0].votes:
            done.append(self.open.popleft().votes)  # type: ignore[arg-type]  (it has votes)
        if done:
            self.model.check()
        return done

    def _draw(self, ballot: _Ballot) -> None:
        """Put noisy copies into the batch: as many whole blocks as fit, or what fits of one."""
        phase = ballot.next_phase()
        assert phase is not None
        drawn = ballot.drawn.get(phase, 0)
        block, offset = divmod(drawn, BLOCK)
        rows = min(ballot.wanted[phase] - drawn, self.loop.batch - self.filled)
        if offset == 0 and rows >= BLOCK:
            rows -= rows % BLOCK
            void = self._fill(self.batch.narrow(0, self.filled, rows), ballot, phase, block)
        else:  # the rest of the block is for the next batch, or is not wanted
            rows = min(rows, BLOCK - offset)
            if self.straddler != (ballot, phase, block):
                self.straddling_void = self._fill(self.straddling, ballot, phase, block)
                self.straddler = (ballot, phase, block)
            self.batch.narrow(0, self.filled, rows).copy_(self.straddling.narrow(0, offset, rows))
            void = None if self.straddling_void is None else self.straddling_void.narrow(0, offset, rows)
        owners = self.owners.narrow(0, self.filled, rows)
        owners.fill_((ballot.slot * len(Phase) + phase) * self.loop.voter.bins)
        if void is not None:
            owners.masked_fill_(void, self.void_bin)
        self.filled += rows
        ballot.drawn[phase] = drawn + rows

    def _fill(self, copies: Tensor, ballot: _Ballot, phase: Phase, block: int) -> Tensor | None:
        """Make the copies of whole blocks where they are wanted; returns which are void, if any can be."""
        return self.copies.fill(copies, ballot.x, ballot.index, phase, block)

    def _classify(self) -> None:
        """Add the votes of the batch to the tally."""
        if self.filled:
            owners, ones = self.owners, self.ones
            if self.filled == self.loop.batch:
                votes = self.vote()
            else:
                owners, ones = owners[: self.filled], ones[: self.filled]
                votes = self.loop.voter(self.model, self.batch[: self.filled])
            self.tally.view(-1).index_add_(0, owners + votes, ones)
            self.filled = 0

    def _send(self) -> None:
        """Ask for the tallies of ballots of which all copies are classified."""
        if self.uncounted:
            tally = torch.stack([self.tally[ballot.slot] for ballot in self.uncounted])
            self.sent.append((self.uncounted, Readback(tally)))
            self.uncounted = []

    def _look(self, ballots: list[_Ballot], tally: IntArray) -> None:
        """Ask the quota whether the votes suffice: ballots are closed, or go on."""
        classes = self.loop.voter.num_classes
        for ballot, counts in zip(ballots, tally, strict=True):
            if counts[:, classes + 1].any():
                raise InputError(
                    f"the model returned labels outside 0 ... {classes - 1}; "
                    f"set num_classes to one more than the largest label."
                )
            by_phase = {phase: counts[phase, :classes].copy() for phase in ballot.wanted}
            nans = {p: int(counts[p, classes]) for p in ballot.wanted if counts[p, classes]}
            votes = Votes(ballot.index, by_phase, dict(ballot.drawn), nans)
            ballot.wanted = dict(self.loop.quota.wanted(ballot.index, votes))
            if ballot.next_phase() is None:
                ballot.votes = votes
                ballot.x = ballot.x.new_empty(0)  # it may have to wait for its turn
                self.free_slots.append(ballot.slot)
            else:
                self.undrawn.append(ballot)
