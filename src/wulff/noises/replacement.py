"""Noise that is not added: it makes copies in which whole coordinates are replaced."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, NoReturn

from wulff.errors import InputError
from wulff.noises.base import Noise
from wulff.noises.randomness import Random, Randomness, draws_blocks, source

if TYPE_CHECKING:
    from torch import Tensor


DIGITS = 53
"""Binary digits of the random numbers that decide whether a coordinate is kept."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Replacement(Noise):
    """Random copies of an input in which some coordinates are replaced; its threat counts them, as l0 does.

    It has no size: `scale` is one coordinate.
    """

    sized: ClassVar[bool] = False

    @abstractmethod
    def replace(self, x: Tensor, rows: int, generator: Random) -> Tensor:
        """Random copies.

        Args:
            x: One input for each row, or one for all of them, of shape (rows or 1, *input shape).
            rows: How many copies.
            generator: The source of randomness, on the device of x; or those of blocks of rows, where
                `replace` is marked by `for_blocks`.

        Returns:
            Copies of shape (rows, *copy_shape(input shape)).
        """

    @property
    @abstractmethod
    def in_words(self) -> str:
        """What a copy is, after "copies of x in which"."""

    def check_inputs(self, x: Tensor) -> None:
        """Refuse inputs of shape (inputs, ...) that it is not for.

        Raises:
            InputError: A value is not allowed.
        """
        return

    def _given(self) -> list[str]:
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        names = [*self.shape_parameters(), *(["dim"] if self.dim is not None else [])]
        return [name for name in names if getattr(self, name) not in (defaults[name],)]  # nan is itself

    def replace_blocks(self, x: Tensor, rows: int, random: Randomness) -> Tensor:
        """`replace` for blocks of rows that each have a generator, as `draw_blocks` is to `draw`."""
        if draws_blocks(self, "replace"):
            return self.replace(x, rows, random)
        import torch

        each = rows // len(random.generators)
        starts = range(0, rows, each) if len(x) > 1 else [0] * len(random.generators)
        blocks = zip(starts, random.generators, strict=True)
        return torch.cat([self.replace(x[start:][:each], each, generator) for start, generator in blocks])

    def fill(self, copies: Tensor, x: Tensor, generator: Random) -> None:
        """Fill `copies` with copies of one input."""
        copies.copy_(self.replace_blocks(x[None], len(copies), source(generator)))

    def mean_square(self, dim: int) -> float:
        return float("nan")

    def draw(self, out: Tensor, generator: Random) -> NoReturn:
        raise InputError(f"{self} replaces coordinates, and cannot be added to an input.")
