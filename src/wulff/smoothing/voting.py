"""The loop that counts votes: noisy copies of many inputs share full batches."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor

from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.smoothing.classifier import Voter
from wulff.smoothing.streams import BLOCK, Phase, stream


@dataclasses.dataclass(frozen=True)
class Votes:
    """The finished counts of one input: integers of shape (classes,) for each phase."""

    index: int
    counts: Mapping[Phase, IntArray]


class VoteLoop:
    """Counts the votes of a base classifier under noise, for a stream of inputs.

    The noise of input `index` depends on (seed, index, phase, block) only, so that its votes do not
    depend on which other inputs share its batches. Nothing waits for the device until an input is done.

    Args:
        voter: The base classifier.
        noise: The noise, in the units of the inputs.
        sizes: How many noisy copies of each input to classify, by phase.
        seed: The run's seed, from 0 to 2⁶⁴ - 1.
        batch: How many noisy copies are classified at once.
        device: Where the classifier lives.
    """

    def __init__(
        self,
        voter: Voter,
        noise: Noise,
        sizes: Mapping[Phase, int],
        *,
        seed: int,
        batch: int,
        device: torch.device,
    ) -> None:
        self.voter = voter
        self.noise = noise
        self.sizes = sizes
        self.seed = seed
        self.batch = batch
        self.device = device

    def run(self, inputs: Iterable[tuple[int, Tensor]]) -> Iterator[Votes]:
        """The votes for each (index, x), x of the same shape, in the order of the inputs."""
        batch: _Batch | None = None
        for index, x in inputs:
            x = x.to(self.device)
            if batch is None:
                batch = self._new_batch(x)
            batch.enter(index)
            for phase, n in self.sizes.items():
                yield from self._classify_copies(batch, index, x, phase, n)
            batch.leave()
        if batch is not None:
            yield from batch.classify()

    def _new_batch(self, x: Tensor) -> "_Batch":
        copies = sum(self.sizes.values())
        most_inputs = math.ceil(self.batch / copies) + 2  # and one begun, one complete
        return _Batch(self.voter, list(self.sizes), x.new_empty(self.batch, *x.shape), most_inputs)

    def _classify_copies(
        self, batch: "_Batch", index: int, x: Tensor, phase: Phase, n: int
    ) -> Iterator[Votes]:
        noise = self.noise.in_dim(x.numel())
        scratch = x.new_empty(BLOCK, *x.shape)
        for block in range(math.ceil(n / BLOCK)):
            generator = stream(self.device, self.seed, index, phase, block)
            wanted = min(BLOCK, n - block * BLOCK)
            # Drawn straight into the batch where the whole block fits.
            fits = batch.free >= BLOCK
            copies = batch.room(BLOCK) if fits else scratch
            noise.draw(copies, generator).mul_(noise.scale).add_(x)
            taken = 0
            while taken < wanted:
                rows = min(wanted - taken, batch.free)
                if not fits:
                    batch.room(rows).copy_(copies[taken : taken + rows])
                batch.take(rows, phase)
                taken += rows
                if batch.free == 0:
                    yield from batch.classify()


class _Batch:
    """One buffer of noisy copies, and the tallies of the inputs that have copies in it."""

    def __init__(self, voter: Voter, phases: list[Phase], buffer: Tensor, most_inputs: int) -> None:
        self.voter = voter
        self.phases = phases
        self.buffer = buffer
        self.filled = 0
        self.owners = torch.empty(len(buffer), dtype=torch.int64, device=buffer.device)
        self.ones = torch.ones_like(self.owners)
        shape = (most_inputs, len(phases), voter.bins)
        self.tally = torch.zeros(shape, dtype=torch.int64, device=buffer.device)
        self.slot = -1
        self.index = -1
        self.done: list[tuple[int, int]] = []

    @property
    def free(self) -> int:
        return len(self.buffer) - self.filled

    def enter(self, index: int) -> None:
        """Begin an input: what is taken from now on is its copies."""
        self.slot = (self.slot + 1) % len(self.tally)
        self.index = index
        self.tally[self.slot] = 0

    def leave(self) -> None:
        """All copies of the input have been taken."""
        self.done.append((self.index, self.slot))

    def room(self, rows: int) -> Tensor:
        """The next free rows, to be written to."""
        return self.buffer[self.filled : self.filled + rows]

    def take(self, rows: int, phase: Phase) -> None:
        """The next rows hold copies of the present input."""
        first_bin = (self.slot * len(self.phases) + self.phases.index(phase)) * self.voter.bins
        self.owners[self.filled : self.filled + rows] = first_bin
        self.filled += rows

    def classify(self) -> Iterator[Votes]:
        """Count the votes of the rows taken so far; yields the inputs that are complete by now."""
        if self.filled:
            bins = self.owners[: self.filled] + self.voter(self.buffer[: self.filled])
            self.tally.view(-1).index_add_(0, bins, self.ones[: self.filled])
            self.filled = 0
        for index, slot in self.done:
            yield Votes(index, self._finished(index, slot))
        self.done = []

    def _finished(self, index: int, slot: int) -> dict[Phase, IntArray]:
        counts = self.tally[slot].cpu().numpy()
        classes = self.voter.num_classes
        if counts[:, classes + 1].any():
            raise InputError(
                f"the model returned labels outside 0 ... {classes - 1} for input {index}; "
                f"set num_classes to one more than the largest label."
            )
        return {phase: counts[i, :classes].copy() for i, phase in enumerate(self.phases)}
