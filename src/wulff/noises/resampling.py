"""Categories that are drawn again, now and then [Lee et al. 2019]."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, final

from wulff._checks import whole_number, whole_numbers
from wulff._domains import within
from wulff.errors import InputError
from wulff.noises.catalogue import register_replacement
from wulff.noises.randomness import Random, for_blocks, source
from wulff.noises.replacement import DIGITS, Replacement

if TYPE_CHECKING:
    from torch import Tensor

MOST_VALUES = 2**24
"""More values than float32 has whole numbers for."""


@register_replacement
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Resampling(Replacement):
    """Each feature keeps its value with some probability, and else has one of its other values at random.

    Features are categories, as whole numbers from 0.

    Attributes:
        keep: The probability of the value itself; larger than that of each other value.
        values: How many values a feature has: one number for all features, or one for each.

    Raises:
        InputError: A parameter is outside its range.
    """

    name: ClassVar[str] = "resampling"

    keep: float = dataclasses.field(metadata=within(above=0, below=1))
    values: int | tuple[int, ...]

    def _check_parameters(self) -> None:
        if isinstance(self.values, int | float):
            each = whole_number("values", self.values, least=2, most=MOST_VALUES)
            fewest = each
        else:
            each = tuple(whole_numbers("values", self.values, self.dim, least=2, most=MOST_VALUES))
            if not each:
                raise InputError("values must say how many values each feature has, got none.", "values")
            fewest = min(each)
            object.__setattr__(self, "dim", len(each))
        object.__setattr__(self, "values", each)
        if not self.keep * fewest > 1:
            self._refuse(f"keep must be above 1/{fewest}, or another value would be as likely as the own one")

    @property
    def own_units(self) -> bool:
        return True

    @property
    def in_words(self) -> str:
        return f"each feature has its own value with probability {self.keep!r}, else another at random"

    def values_of(self, dim: int) -> list[int]:
        """How many values each of so many features has."""
        return [self.values] * dim if isinstance(self.values, int) else list(self.values)

    def check_inputs(self, x: Tensor) -> None:
        import torch

        most = torch.tensor(self.values_of(x[0].numel()), device=x.device).view(x.shape[1:])
        wrong = (x != x.round()) | (x < 0) | (x >= most)
        if bool(wrong.any()):
            first, place = map(int, wrong.flatten(1).nonzero()[0])
            value = float(x.flatten(1)[first, place])
            raise InputError(
                f"input {first} has {value:g} as feature {place}, which is no whole number from 0 to "
                f"{self.values_of(x[0].numel())[place] - 1}."
            )

    @for_blocks
    def replace(self, x: Tensor, rows: int, generator: Random) -> Tensor:
        import torch

        random = source(generator)
        most = torch.tensor(self.values_of(x[0].numel()), device=x.device).view(x.shape[1:])
        bits = torch.empty(rows, *x.shape[1:], dtype=torch.int64, device=x.device)
        # Kept never more often than the probability says.
        kept = random.below(bits, 2**DIGITS) < int(self.keep * 2**DIGITS)
        other = random.below(bits, 2**DIGITS) % (most - 1) + 1
        return torch.where(kept, x, ((x + other) % most).to(x.dtype))
