"""Deterministic splitting noise against l1: every coordinate is split at n offsets [Levine & Feizi 2021]."""

import dataclasses
import functools
import math
from fractions import Fraction
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from wulff._checks import POSITIVE, real_number, whole_number
from wulff._numerics.rounding import float_at_most
from wulff.errors import InputError
from wulff.views.base import Reach, Views, check_shape, check_views

LARGEST_COUNT = 2**20
_ROUNDING = 2.0**-22
"""Of float32 inputs in [0, 1] that were computed as k / levels, or as k times 1 / levels."""


@final
@dataclasses.dataclass(frozen=True)
class Splitting(Views):
    """Views in which each coordinate only says on which side of a split it lies, in units of its cell.

    Inputs are multiples of 1/levels. With n = ⌊2√3 · sigma · levels⌋ splits, coordinate j of view t is
    split at the offset i = (t + v_j) mod n, with a fixed random v that training and certification share. A
    step of 1/levels in one coordinate crosses exactly one split for n ≥ levels: at most one view changes,
    so that ‖x' - x‖₁ · levels views change at most.

    Attributes:
        sigma: The standard deviation of uniform noise of the same width.
        levels: Grid steps per 1.0: 255 for 8-bit pixels.
        seed: Of v, drawn as in the published code: numpy's Mersenne Twister, channel by channel.
    """

    name: ClassVar[str] = "splitting"
    threat: ClassVar[str] = "l1"
    sigma: float
    levels: int = 255
    seed: int = 0

    def __post_init__(self) -> None:
        real_number("sigma", self.sigma, *POSITIVE)
        whole_number("levels", self.levels, most=65535)
        whole_number("seed", self.seed, least=0, most=2**32 - 1)
        if not 1 <= self.splits <= LARGEST_COUNT:
            raise InputError(
                f"{self} would have {self.splits} views; 1 to {LARGEST_COUNT:,} are allowed, so change sigma."
            )

    @property
    def splits(self) -> int:
        """n: the number of splits of a coordinate, and of views."""
        return math.floor(2 * math.sqrt(3) * self.sigma * self.levels)

    def check(self, shape: tuple[int, ...]) -> None:
        check_shape(shape)

    def check_inputs(self, x: Tensor) -> None:
        super().check_inputs(x)
        self.steps(x)

    def count(self, shape: tuple[int, ...]) -> int:
        self.check(shape)
        return self.splits

    def view_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check_shape(shape)

    def views(self, x: Tensor, which: Tensor) -> Tensor:
        check_views(x, which)
        steps = self.steps(x).unsqueeze(0)
        return self._look_up(steps, which).reshape(len(which), *x.shape)

    def random_views(self, x: Tensor, which: Tensor) -> Tensor:
        check_views(x, which)
        return self._look_up(self.steps(x).reshape(len(x), -1), which).reshape(x.shape)

    def steps(self, x: Tensor) -> Tensor:
        """Inputs in units of 1/levels, as integers, one row each (or one row for one input).

        Raises:
            InputError: They are not multiples of 1/levels.
        """
        scaled = x.to(torch.float64) * self.levels
        rounded = scaled.round()
        off = (scaled - rounded).abs() > _ROUNDING * self.levels
        if bool(off.any()):
            raise InputError(
                f"{self} needs inputs that are multiples of 1/{self.levels}, got {float(x[off][0]):.9g}; "
                "round them first, and measure distances after rounding."
            )
        return rounded.to(torch.int64).reshape(-1)

    def offsets(self, dim: int) -> Tensor:
        """v: the offset of every coordinate."""
        return _offsets(self.seed, self.splits, dim)

    def reach(self, slack: int, shape: tuple[int, ...]) -> Reach:
        self.check(shape)
        steps = Fraction(whole_number("slack", slack, least=0), self.levels)
        return Reach(float_at_most(steps), inclusive=True)

    def off_the_grid(self, slack: int) -> float:
        """The radius for x' that need not be multiples of 1/levels: strictly nearer ones are certified."""
        return float_at_most(Fraction(slack + 1, 2 * self.levels))

    def statement(self) -> str:
        return (
            f"g(x') is the label for every x' in multiples of 1/{self.levels} with ‖x' - x‖₁ at most the "
            f"radius r, and for every other x' with ‖x' - x‖₁ below r/2 + 1/{2 * self.levels}. This is "
            f"certain: all {self.splits:,} views were classified."
        )

    def in_tables(self) -> str:
        return (
            f"are for inputs in multiples of 1/{self.levels}, where perturbations of just that size are "
            f"certified too; for others they are half as large, and 1/{2 * self.levels} larger than that"
        )

    def check_training(self, trained: Views) -> None:
        if isinstance(trained, Splitting) and splits_of(trained) != splits_of(self):
            raise InputError(
                f"the model was trained on {trained}, whose splits are not those of {self}; certify with the "
                "views of the training."
            )

    def _look_up(self, steps: Tensor, which: Tensor) -> Tensor:
        """The views as floats; steps of shape (1 or rows, dim), the numbers of views of shape (rows,)."""
        n, q = self.splits, self.levels
        dim = steps.shape[-1]
        i = (which.to(torch.int64)[:, None] + self.offsets(dim).to(which.device)[None, :]) % n
        k = steps.to(which.device)
        if n >= q:
            numerator = torch.clamp(2 * i + 1, max=2 * q) + 2 * q * (2 * k > 2 * i + 1)
        else:
            c = -((2 * i + 1 - 2 * k) // (2 * n))  # ⌈(2k - 2i - 1)/(2n)⌉
            above = torch.clamp(2 * n * c + 2 * i + 1, max=2 * q)
            below = torch.clamp(2 * n * (c - 1) + 2 * i + 1, min=0)
            numerator = above + below
        table = (torch.arange(4 * q + 1, dtype=torch.float64) / (4 * q)).to(torch.float32)
        return table.to(which.device)[numerator]


def splits_of(views: Splitting) -> tuple[int, int, int]:
    """What decides where coordinates are split."""
    return views.splits, views.levels, views.seed


@functools.lru_cache(maxsize=8)
def _offsets(seed: int, splits: int, dim: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randint(splits, size=dim))
