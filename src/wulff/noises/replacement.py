"""Noise that is not added: it makes copies in which whole coordinates are replaced."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, NoReturn

from wulff.errors import InputError
from wulff.noises.base import Noise

if TYPE_CHECKING:
    from torch import Tensor

    from wulff.noises.randomness import Random


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
            generator: The source of randomness, on the device of x; or those of blocks of rows.

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

    def fill(self, copies: Tensor, x: Tensor, generator: Random) -> None:
        """Fill `copies` with copies of one input."""
        copies.copy_(self.replace(x[None], len(copies), generator))

    def mean_square(self, dim: int) -> float:
        return float("nan")

    def draw(self, out: Tensor, generator: Random) -> NoReturn:
        raise InputError(f"{self} replaces coordinates, and cannot be added to an input.")
