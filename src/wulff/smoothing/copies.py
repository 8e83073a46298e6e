"""What is classified in place of an input: noisy copies of it, which are sampled, or all of its views."""

from typing import Protocol

import torch
from torch import Tensor

from wulff.noises import Noise
from wulff.smoothing.samplers import Grid, sampler
from wulff.smoothing.streams import BLOCK, Phase, Seed, Streams
from wulff.views import Views

_AT_ONCE = 2**18
"""Blocks of small inputs are drawn together, up to about so many coordinates, which fit into a cache."""
_ON_A_GPU = 2**22
"""The same on a GPU, which few coordinates would leave nearly idle."""


class Copies(Protocol):
    """Makes the copies of inputs of one shape, block by block."""

    def buffer(self, rows: int, x: Tensor) -> Tensor:
        """Memory for so many copies of an input, with the type of numbers that they have."""
        ...

    def fill(self, copies: Tensor, x: Tensor, index: int, phase: Phase, block: int) -> Tensor | None:
        """Fill `copies`, from `buffer`, with whole blocks of copies of input `index`, from this one on.

        Returns which rows are void, bool of shape (rows,): their votes count for no class. None: none is.
        """
        ...


class Source(Protocol):
    """Where copies come from, whatever the shape of the inputs and wherever the classifier runs."""

    def copies(self, x: Tensor, device: torch.device) -> Copies:
        """The maker of copies for inputs like this one."""
        ...


class NoisySource:
    """Copies with noise that depends on seed, input, phase and block only.

    Args:
        noise: The noise, in the units of the inputs.
        seed: The run's seed, from 0 to 2⁶⁴ - 1; or where each input has its own.
        grid: The grid of the inputs, for exact sampling; None adds noise in floating point.
        compiled: Whether a GPU computes the noise of many blocks in one compiled kernel, which makes other
            noise of the seed.
    """

    def __init__(self, noise: Noise, seed: Seed, grid: Grid | None = None, *, compiled: bool = False) -> None:
        self.noise, self.seed, self.grid, self.compiled = noise, seed, grid, compiled

    def copies(self, x: Tensor, device: torch.device) -> "NoisyCopies":
        return NoisyCopies(self, x, device)


class NoisyCopies:
    """The copies that a `NoisySource` makes of inputs like x."""

    def __init__(self, source: NoisySource, x: Tensor, device: torch.device) -> None:
        noise = source.noise.in_dim(x.numel())
        self.sampler = sampler(noise, source.grid, device)
        self.shape = noise.copy_shape(tuple(x.shape))
        on_gpu = device.type == "cuda"
        self.streams = Streams(device, source.seed, counted=on_gpu and source.compiled)
        self.at_once = max(1, (_ON_A_GPU if on_gpu else _AT_ONCE) // (BLOCK * x.numel()))

    def buffer(self, rows: int, x: Tensor) -> Tensor:
        return x.new_empty(rows, *self.shape)

    def fill(self, copies: Tensor, x: Tensor, index: int, phase: Phase, block: int) -> Tensor | None:
        voids: list[Tensor | None] = []
        blocks = copies.shape[0] // BLOCK
        for first in range(0, blocks, self.at_once):
            count = min(self.at_once, blocks - first)
            part = copies if count == blocks else copies.narrow(0, first * BLOCK, count * BLOCK)
            random = self.streams.blocks(index, phase, block + first, count)
            voids.append(self.sampler.fill(part, x, random))
        if len(voids) == 1 or voids[0] is None:
            return voids[0]
        return torch.cat(voids)  # type: ignore[arg-type]  (all or none are void)


class ViewCopies:
    """All views of an input, in their order; after the last one they begin again. Nothing is random.

    Args:
        views: The family.
    """

    def __init__(self, views: Views) -> None:
        self.views = views

    def copies(self, x: Tensor, device: torch.device) -> "ViewCopies":
        self.views.check(tuple(x.shape))
        return self

    def buffer(self, rows: int, x: Tensor) -> Tensor:
        return x.new_empty(rows, *self.views.view_shape(tuple(x.shape)), dtype=torch.float32)

    def fill(self, copies: Tensor, x: Tensor, index: int, phase: Phase, block: int) -> None:
        first = block * BLOCK
        which = torch.arange(first, first + len(copies), device=copies.device)
        copies.copy_(self.views.views(x, which % self.views.count(tuple(x.shape))))
