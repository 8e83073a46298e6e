"""How noisy copies are made: in floating point, or exactly, as integers on a grid.

Exact sampling is a theorem, not a better approximation. Inputs are multiples of 1/levels, hence of the finer
1/resolution, and N is the noise Z rounded to such multiples. For an input x on the grid, x + N is x + Z
rounded: a function of x + Z. So the classifier that is run on x + N is a classifier that is run on x + Z, the
certificates for the law of Z hold for it, and what is certified about other inputs on the grid is about what
is computed there. The sum of two integers is exact; how it becomes a floating point tensor is part of f
[the idea of integer noise for sound certificates: Voráček & Hein 2023].
"""

import dataclasses
from typing import Literal, Protocol, cast

import torch
from torch import Tensor

from wulff._quoting import shown
from wulff.errors import InputError
from wulff.noises import Noise, Replacement
from wulff.noises.lattice import can_draw, lattice_noise
from wulff.noises.randomness import Random, source

Sampling = Literal["float", "exact"]
"""Floating-point noise, or integers with exact probabilities from fair bits."""

FINE = 256
"""The noise grid is refined until the scale of the noise is this many steps, which no classifier can tell."""
MOST_STEPS = 2**15
"""A larger scale, in steps, would need tables of more than a million entries."""
FINEST = 2**22
"""Sums of fewer steps have an exact float32."""
MOST_LEVELS = 2**16
LARGEST_INPUT = 64
"""Sums of larger inputs and noise would not fit into 32 bits."""
_ROUNDING = 2.0**-22  # of float32 inputs that were computed as k / levels, or as k times 1 / levels


class Sampler(Protocol):
    """Makes noisy copies of an input."""

    def fill(self, copies: Tensor, x: Tensor, generator: Random) -> Tensor | None:
        """Fill `copies`, of shape (rows, *shape of x), with x + noise, from one generator or those of blocks.

        Returns which rows are void, bool of shape (rows,): their votes count for no class. None: none is.
        """
        ...


@dataclasses.dataclass(frozen=True)
class FloatSampler:
    """Floating point noise, added in floating point.

    Attributes:
        noise: The noise, with its dimension.
        scales: Those of the noise, on the device of the copies, one for each coordinate.
    """

    noise: Noise
    scales: Tensor | None = None

    def fill(self, copies: Tensor, x: Tensor, generator: Random) -> None:
        z = self.noise.draw_blocks(copies, source(generator))
        if self.scales is not None:
            z.mul_(self.scales.to(z.dtype).view(x.shape))
        torch.add(x, z, alpha=self.noise.scale, out=copies)


@dataclasses.dataclass(frozen=True)
class Grid:
    """The inputs that exact sampling is for: multiples of 1/levels in every coordinate.

    Attributes:
        levels: 255 for 8-bit pixels in [0, 1].

    Raises:
        InputError: levels is no integer from 1 to 65,536.
    """

    levels: int = 255

    def __post_init__(self) -> None:
        levels = self.levels
        if isinstance(levels, bool) or not isinstance(levels, int) or not 1 <= levels <= MOST_LEVELS:
            raise InputError(
                f"levels must be an integer from 1 to {MOST_LEVELS}, got {shown(levels)}.", "levels"
            )

    def resolution(self, noise: Noise) -> int:
        """Steps per 1.0 of the grid on which the noise is drawn: levels times a power of two.

        Raises:
            InputError: The noise cannot be drawn exactly, or is too wide for this grid.
        """
        if not can_draw(noise):
            lattice_noise(noise, 1, torch.device("cpu"))  # says which noises can
        if noise.scale * self.levels > MOST_STEPS:
            raise InputError(
                f"exact sampling draws noise of at most {MOST_STEPS} grid steps, got {noise} on a grid of "
                f"1/{self.levels}; use fewer levels, or sampling='float'."
            )
        resolution = self.levels
        while resolution * noise.scale < FINE and 2 * resolution <= FINEST:
            resolution *= 2
        return resolution

    def refined(self, noise: Noise) -> "Grid":
        """The finest grid, of at most 65,536 levels, that the same noise is for: certificates hold on it."""
        levels = self.resolution(noise)
        while levels > MOST_LEVELS:
            levels //= 2  # a power of two times self.levels, which is not above it
        return Grid(levels)

    def check(self, x: Tensor) -> None:
        """Refuse inputs of shape (inputs, ...) that are no multiples of 1/levels, up to float32 rounding."""
        if float(x.abs().max()) > LARGEST_INPUT:
            raise InputError(
                f"exact sampling takes inputs of at most ±{LARGEST_INPUT}, got {float(x.abs().max()):g}; "
                "scale them to [0, 1]."
            )
        steps = x.double() * self.levels
        off = (steps - steps.round()).abs() > (steps.abs() * _ROUNDING).clamp(max=0.25)
        if bool(off.any()):
            index = int(off.flatten(1).any(dim=1).nonzero()[0])
            value = float(x[index][off[index]][0])
            raise InputError(
                f"exact sampling needs inputs that are multiples of 1/{self.levels}, got {value:.9g} in "
                f"input {index}; {_advice(x)}."
            )

    def sampler(self, noise: Noise, device: torch.device) -> Sampler:
        """The sampler of a noise, with its dimension, on a device."""
        return ExactSampler(noise, self.levels, self.resolution(noise), device)


class ExactSampler:
    """Integer noise of the exact law, added to integers; see the head of this file."""

    def __init__(self, noise: Noise, levels: int, resolution: int, device: torch.device) -> None:
        self.law = lattice_noise(noise, resolution, device)
        self.levels = levels
        self.resolution = resolution

    def fill(self, copies: Tensor, x: Tensor, generator: Random) -> Tensor:
        steps = (x.double() * self.levels).round().to(torch.int32) * (self.resolution // self.levels)
        numbers, ambiguous = self.law.draw(len(copies), x.numel(), generator)
        copies.copy_(numbers.view(copies.shape).add_(steps)).div_(self.resolution)
        return ambiguous


def sampler(noise: Noise, grid: Grid | None, device: torch.device) -> Sampler:
    """The sampler of a noise, with its dimension; exact where a grid is given."""
    if grid is not None:
        return grid.sampler(noise, device)
    if isinstance(noise, Replacement):
        return noise
    scales = None if noise.scales is None else torch.tensor(noise.scales, device=device)
    return FloatSampler(noise, scales)


def trial_copy(noise: Noise, x: Tensor) -> Tensor:
    """Inputs in the shape that the classifier gets them in, to try it out: as they are, or some copy of each.

    Raises:
        InputError: The noise is not for inputs of that shape.
    """
    noise.copy_shape(tuple(x.shape[1:]))
    if not isinstance(noise, Replacement):
        return x
    noise.check_inputs(x)
    return noise.replace(x, len(x), torch.Generator(x.device).manual_seed(0))


def grid_for(sampling: str, levels: int) -> Grid | None:
    """The grid that the options ask for; None for floating point.

    Raises:
        InputError: There is no such way of sampling, or such a grid.
    """
    if not isinstance(sampling, str) or sampling not in ("float", "exact"):
        raise InputError(f"sampling must be float or exact, got {shown(sampling)}.", "sampling")
    grid = Grid(levels)
    return grid if sampling == "exact" else None


def _advice(x: Tensor) -> str:
    """What would help: a coarse grid that all the inputs are on, if there is one."""
    values = cast(Tensor, x.double().unique())
    for levels in (*range(1, 1025), 65535):
        steps = values * levels
        if bool(((steps - steps.round()).abs() <= steps.abs() * _ROUNDING).all()):
            return f"they are multiples of 1/{levels}: give levels={levels}"
    return "round them to the grid first, and do so wherever the classifier is used"
