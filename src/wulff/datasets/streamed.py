"""Inputs that stay on disk: each is read when it is asked for, and memory never holds all of them."""

import abc
import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, cast

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Streamed(abc.ABC):
    """Inputs on disk; it is indexed like a tensor, whose rows are read when they are asked for.

    Attributes:
        device: Where they are put.
    """

    device: str | torch.device = dataclasses.field(default="cpu", kw_only=True)

    @property
    @abc.abstractmethod
    def shape(self) -> torch.Size:
        """The shape of all of them: (inputs, ...)."""

    @abc.abstractmethod
    def read(self, place: int) -> Tensor:
        """One input, float32 in [0, 1].

        Raises:
            InputError: It is damaged, or lies outside.
        """

    @abc.abstractmethod
    def select(self, positions: Sequence[int]) -> Self:
        """Some of the inputs, still unread."""

    @abc.abstractmethod
    def digest(self) -> bytes:
        """The hash of what the files hold, and of what is done to it.

        Raises:
            InputError: An input is damaged, or lies outside [0, 1].
        """

    def to(self, device: str | torch.device) -> Self:
        """The same, put on another device when they are read."""
        return dataclasses.replace(self, device=device)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self.read(place).to(self.device) for place in range(len(self)))

    def __getitem__(self, rows: Any) -> Tensor:
        """One input for an integer; several for a slice or integers, read by several threads."""
        if isinstance(rows, int):
            return self.read(range(len(self))[rows]).to(self.device)
        places = cast("Sequence[int]", rows.tolist() if isinstance(rows, Tensor) else range(len(self))[rows])
        with ThreadPoolExecutor() as pool:
            return torch.stack(list(pool.map(self.read, places))).to(self.device)
