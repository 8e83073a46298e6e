"""Ablation: all but a few coordinates are hidden [Levine & Feizi 2020a]."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, final

from wulff._domains import within
from wulff.errors import InputError
from wulff.noises.base import UNKNOWN
from wulff.noises.catalogue import register_replacement
from wulff.noises.randomness import Random, Randomness, for_blocks, source
from wulff.noises.replacement import DIGITS, Replacement

if TYPE_CHECKING:
    from torch import Tensor


@register_replacement
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Ablation(Replacement):
    """Some coordinates are kept, drawn at random; the others are NULL.

    A coordinate is a number of a row, or a pixel with all its channels. Give one of `keep` and
    `keep_probability`.

    Attributes:
        keep: How many are kept, all choices being equally likely.
        keep_probability: With which probability each is kept, independently of the others.
        channels: How many numbers at the same place of an image are one coordinate.
        null: What takes the place of a hidden number. Without it the channels of a copy are doubled,
            (x, 1 - x), and NULL is (0, 0), which no number is.

    Raises:
        InputError: Both or neither are given, or one is outside its range.
    """

    name: ClassVar[str] = "ablation"

    keep: int = dataclasses.field(default=0, metadata=within(at_least=0))
    keep_probability: float = dataclasses.field(default=0.0, metadata=within(at_least=0, below=1))
    channels: int = dataclasses.field(default=1, metadata=within(at_least=1))
    null: float = UNKNOWN  # a finite number, where one is given

    def _check_parameters(self) -> None:
        if (self.keep > 0) == (self.keep_probability > 0):
            raise InputError(
                f"{self.name} needs exactly one of keep= and keep_probability=, above 0, got keep="
                f"{self.keep} and keep_probability={self.keep_probability:g}."
            )
        if self.null is not UNKNOWN and not abs(self.null) < float("inf"):
            raise InputError(f"null must be a finite number, got {self.null!r} for {self.name}.")

    def _wrong_in_dim(self, dim: int) -> str | None:
        if dim % self.channels:
            return f"channels must divide the number of input coordinates, {dim}"
        if self.keep > dim // self.channels:
            return f"keep must be at most the {dim // self.channels} coordinates of an input"
        return None

    @property
    def own_units(self) -> bool:
        return self.null is not UNKNOWN

    @property
    def in_words(self) -> str:
        return self.hiding("numbers" if self.channels == 1 else f"pixels of {self.channels} channels")

    def hiding(self, what: str) -> str:
        """What is done to coordinates that are called so."""
        hidden = "hidden" if self.null is UNKNOWN else f"replaced by {self.null:g}"
        if self.keep:
            return f"all {what} but {self.keep}, drawn uniformly, are {hidden}"
        return f"all {what} are {hidden}, but for each with probability {self.keep_probability!r}"

    def copy_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        self.in_dim(math.prod(shape))
        if len(shape) > 1 and shape[0] != self.channels:
            raise InputError(
                f"a pixel is one coordinate with all its channels: give channels={shape[0]} for inputs of "
                f"shape {shape}, got {self}."
            )
        if len(shape) == 1 and self.channels > 1:
            raise InputError(f"rows of numbers have no channels, got {self}; leave out channels.")
        return shape if self.own_units or not shape else (2 * shape[0], *shape[1:])

    @for_blocks
    def replace(self, x: Tensor, rows: int, generator: Random) -> Tensor:
        import torch

        shape = self.copy_shape(tuple(x.shape[1:]))
        places = x[0].numel() // self.channels
        kept = self._kept(torch.empty(rows, places, dtype=torch.int64, device=x.device), source(generator))
        flat = x.reshape(len(x), self.channels, places)
        if self.own_units:
            return torch.where(kept[:, None], flat, self.null).reshape(rows, *shape)
        return (torch.cat([flat, 1 - flat], dim=1) * kept[:, None]).reshape(rows, *shape)

    def _kept(self, bits: Tensor, random: Randomness) -> Tensor:
        """Which coordinates are kept, bool in the shape of `bits`, which are overwritten."""
        if self.keep:
            # The places of the largest random numbers; of 63 bits, so that no two of them are equal.
            best = random.below(bits, None).topk(self.keep, dim=1, sorted=False).indices
            return bits.zero_().scatter_(1, best, 1).bool()
        # Never more often than the probability says.
        return random.below(bits, 2**DIGITS) < int(self.keep_probability * 2**DIGITS)
