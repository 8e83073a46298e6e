"""Noise on rows of numbers and categories: added to the numbers, and in place of the categories."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, final

from wulff._checks import instance, whole_numbers
from wulff.errors import InputError
from wulff.noises.ablation import Ablation
from wulff.noises.base import Noise
from wulff.noises.catalogue import register_replacement
from wulff.noises.randomness import Random, for_blocks, source
from wulff.noises.replacement import Replacement
from wulff.noises.resampling import Resampling

if TYPE_CHECKING:
    from torch import Tensor


@register_replacement
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Mixed(Replacement):
    """One noise for a row: some columns are categories, which are hidden or drawn again, the others numbers.

    The noises of both are independent. Its threats are steps of a staircase: `l2+1` is a radius of the
    numbers in l2 while up to one category changes.

    Attributes:
        numbers: What is added to the numeric columns, taken together in their order.
        categories: An ablation with a value for NULL, or a resampling, of the categorical columns in the
            order of `columns`.
        columns: Which columns are categories, counted from 0.

    Raises:
        InputError: A noise is of another kind, or the columns do not suit it.
    """

    name: ClassVar[str] = "mixed"

    numbers: Noise
    categories: Noise
    columns: tuple[int, ...]

    def _check_parameters(self) -> None:
        instance("numbers", self.numbers, Noise, "a noise")
        if isinstance(self.numbers, Replacement):
            raise InputError(f"numbers must be noise that is added, got {self.numbers} for {self.name}.")
        if not isinstance(self.categories, Ablation | Resampling):
            raise InputError(f"categories must be an ablation or a resampling, got {self.categories!r}.")
        columns = tuple(whole_numbers("columns", self.columns, least=0))
        if not columns or len(set(columns)) < len(columns):
            raise InputError(
                f"columns must be different ones, and at least one, got {list(columns)}.", "columns"
            )
        object.__setattr__(self, "columns", columns)
        self.categories.in_dim(len(columns))
        if isinstance(self.categories, Ablation) and self.categories.channels > 1:
            raise InputError(
                f"rows have no channels, got {self.categories}; leave out channels.", "categories"
            )
        if self.numbers.dim is not None:
            dim = self.numbers.dim + len(columns)
            if self.dim not in (None, dim):
                raise InputError(
                    f"{self.numbers} and {len(columns)} categories make dim={dim}, got dim={self.dim}."
                )
            object.__setattr__(self, "dim", dim)

    def _wrong_in_dim(self, dim: int) -> str | None:
        if max(self.columns) >= dim or len(self.columns) >= dim:
            return f"columns must lie below {dim}, the number of columns, and leave one for numbers"
        if not self.numbers.exists_in(dim - len(self.columns)):
            return f"numbers must be noise for the {dim - len(self.columns)} columns that are numbers"
        return None

    @property
    def own_units(self) -> bool:
        return True

    @property
    def in_words(self) -> str:
        named = ", ".join(map(str, self.columns[:10])) + (", ..." if len(self.columns) > 10 else "")
        categories = self.of_categories()
        what = categories.hiding("categories") if isinstance(categories, Ablation) else categories.in_words
        return f"Z ~ {self.numbers} is added to the numbers and, in columns {named}, {what}"

    def of_numbers(self) -> Noise:
        """The noise of the numeric columns, with their number; the dimension is known."""
        assert self.dim is not None
        return self.numbers.in_dim(self.dim - len(self.columns))

    def of_categories(self) -> Ablation | Resampling:
        """The noise of the categorical columns, with their number."""
        assert isinstance(self.categories, Ablation | Resampling)
        return self.categories.in_dim(len(self.columns))

    def numeric(self, dim: int) -> list[int]:
        """The columns that are numbers."""
        return sorted(set(range(dim)) - set(self.columns))

    def copy_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 1:
            raise InputError(
                f"mixed noise is for rows of numbers and categories, got inputs of shape {shape}."
            )
        self.in_dim(math.prod(shape))
        if not self.of_categories().own_units:
            raise InputError(
                "a hidden category needs a value of its own: give null=, such as null=-1, got "
                f"{self.categories}."
            )
        return shape

    def check_inputs(self, x: Tensor) -> None:
        categories = x.flatten(1)[:, list(self.columns)]
        try:
            self.of_categories().check_inputs(categories)
        except InputError as error:
            named = ", ".join(map(str, self.columns))
            raise InputError(f"of the categories in columns {named}, {error}") from None

    @for_blocks
    def replace(self, x: Tensor, rows: int, generator: Random) -> Tensor:
        noise, random = self.in_dim(x[0].numel()), source(generator)
        numeric, columns = noise.numeric(x[0].numel()), list(self.columns)
        numbers = noise.of_numbers()
        z = numbers.at_size(numbers.draw_blocks(x.new_empty(rows, len(numeric)), random))
        copies = x.expand(rows, -1).clone()
        copies[:, numeric] += z
        copies[:, columns] = noise.of_categories().replace_blocks(x[:, columns], rows, random)
        return copies
