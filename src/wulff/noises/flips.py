"""Bits that flip, the ones and the zeros with rates of their own [Bojchevski et al. 2020]."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, final

from wulff._domains import within
from wulff.errors import InputError
from wulff.noises.catalogue import register_replacement
from wulff.noises.randomness import Random, for_blocks, source
from wulff.noises.replacement import DIGITS, Replacement

if TYPE_CHECKING:
    from torch import Tensor


@register_replacement
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Flips(Replacement):
    """Each 0 becomes 1 with one probability, each 1 becomes 0 with another: for sparse binary features.

    A small rate of additions keeps copies sparse, and a large one of removals hides what was there.

    Attributes:
        added: The probability with which a 0 becomes 1.
        removed: The probability with which a 1 becomes 0; less than 1 with the other one.

    Raises:
        InputError: A rate is outside its range.
    """

    name: ClassVar[str] = "flips"

    added: float = dataclasses.field(metadata=within(above=0, below=1))
    removed: float = dataclasses.field(metadata=within(above=0, below=1, also="added + removed < 1"))

    def _check_parameters(self) -> None:
        if not self.added + self.removed < 1:
            self._refuse("added + removed must be below 1, or copies would tell the opposite")

    @property
    def own_units(self) -> bool:
        return True

    @property
    def in_words(self) -> str:
        return f"each 0 becomes 1 with probability {self.added!r}, each 1 becomes 0 with {self.removed!r}"

    def check_inputs(self, x: Tensor) -> None:
        wrong = (x != 0) & (x != 1)
        if bool(wrong.any()):
            first, place = map(int, wrong.flatten(1).nonzero()[0])
            value = float(x.flatten(1)[first, place])
            raise InputError(f"input {first} has {value:g} as feature {place}, which is neither 0 nor 1.")

    @for_blocks
    def replace(self, x: Tensor, rows: int, generator: Random) -> Tensor:
        import torch

        bits = torch.empty(rows, *x.shape[1:], dtype=torch.int64, device=x.device)
        source(generator).below(bits, 2**DIGITS)
        # Flipped never more seldom than the probability says.
        added, removed = (bits >= int((1 - rate) * 2**DIGITS) for rate in (self.added, self.removed))
        return torch.where(x == 1, ~removed, added).to(x.dtype)
