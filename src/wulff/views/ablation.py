"""Bands and blocks of an image against patches: all that lies outside is NULL [Levine & Feizi 2020b]."""

import abc
import dataclasses
from typing import ClassVar, final

import torch
from torch import Tensor

from wulff._checks import whole_number
from wulff.errors import InputError
from wulff.views.base import Reach, Views, check_shape, check_views


class _Windows(Views):
    """Windows at every place of an image, around its edges; an ablated pixel is NULL.

    Channels are doubled, (x, 1 - x), so that NULL = (0, 0) is none of the pixels.
    """

    threat: ClassVar[str] = "patch"

    @abc.abstractmethod
    def window(self, height: int, width: int) -> tuple[int, int]:
        """The height and width of what is kept."""

    @abc.abstractmethod
    def changed(self, side: int, height: int, width: int) -> int:
        """How many views a square patch of that side changes."""

    @abc.abstractmethod
    def place(self, which: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """The top row and left column of each view."""

    def check(self, shape: tuple[int, ...]) -> None:
        if len(check_shape(shape)) != 3:
            raise InputError(f"{self} needs images of shape (channels, height, width), got {shape}.")
        kept = self.window(*shape[1:])
        if kept[0] > shape[1] or kept[1] > shape[2]:
            raise InputError(
                f"{self} keeps {kept[0]}×{kept[1]} pixels, but the images have {shape[1]}×{shape[2]}."
            )

    def view_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        self.check(shape)
        return (2 * shape[0], *shape[1:])

    def views(self, x: Tensor, which: Tensor) -> Tensor:
        check_views(x, which)
        self.check(tuple(x.shape))
        return self._doubled(x[None]) * self._mask(which, x.shape[1], x.shape[2])

    def random_views(self, x: Tensor, which: Tensor) -> Tensor:
        check_views(x, which)
        self.check(tuple(x.shape[1:]))
        return self._doubled(x) * self._mask(which, x.shape[2], x.shape[3])

    def reach(self, slack: int, shape: tuple[int, ...]) -> Reach:
        self.check(shape)
        slack = whole_number("slack", slack, least=0)
        height, width = shape[1:]
        side = 0
        while side < max(height, width) and self.changed(side + 1, height, width) <= slack:
            side += 1
        return Reach(float(side), inclusive=True)

    def statement(self) -> str:
        return (
            "g(x') is the label for every x' that differs from x in one square of r×r pixels at most, "
            "wherever it is; r is the radius, and 0 means none. This is certain: all views were classified."
        )

    def in_tables(self) -> str:
        return "are sides of squares: the label stays whatever is shown within one of them, wherever it is"

    @staticmethod
    def _doubled(x: Tensor) -> Tensor:
        x = x.to(torch.float32)
        return torch.cat([x, 1 - x], dim=1)

    def _mask(self, which: Tensor, height: int, width: int) -> Tensor:
        kept_rows, kept_columns = self.window(height, width)
        top, left = self.place(which, width)
        rows = (torch.arange(height, device=which.device)[None] - top[:, None]) % height < kept_rows
        columns = (torch.arange(width, device=which.device)[None] - left[:, None]) % width < kept_columns
        return (rows[:, None, :, None] & columns[:, None, None, :]).to(torch.float32)


@final
@dataclasses.dataclass(frozen=True)
class Bands(_Windows):
    """A band of whole columns, at each of the w columns; a patch of side m changes min(w, m + width - 1)
    views.

    Attributes:
        width: The columns that are kept.
    """

    name: ClassVar[str] = "bands"
    width: int

    def __post_init__(self) -> None:
        whole_number("width", self.width)

    def window(self, height: int, width: int) -> tuple[int, int]:
        return height, self.width

    def changed(self, side: int, height: int, width: int) -> int:
        return min(width, side + self.width - 1)

    def count(self, shape: tuple[int, ...]) -> int:
        self.check(shape)
        return shape[2]

    def place(self, which: Tensor, width: int) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(which), which


@final
@dataclasses.dataclass(frozen=True)
class Blocks(_Windows):
    """A square block at each pixel; a patch of side m changes min(h, m + size - 1) · min(w, m + size - 1)
    views.

    Attributes:
        size: The side of the block that is kept.
    """

    name: ClassVar[str] = "blocks"
    size: int

    def __post_init__(self) -> None:
        whole_number("size", self.size)

    def window(self, height: int, width: int) -> tuple[int, int]:
        return self.size, self.size

    def changed(self, side: int, height: int, width: int) -> int:
        return min(height, side + self.size - 1) * min(width, side + self.size - 1)

    def count(self, shape: tuple[int, ...]) -> int:
        self.check(shape)
        return shape[1] * shape[2]

    def place(self, which: Tensor, width: int) -> tuple[Tensor, Tensor]:
        return which // width, which % width
