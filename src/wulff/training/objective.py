"""What a training method is: a loss on one batch, given a noise."""

from typing import Protocol

import torch
from torch import Tensor, nn

from wulff.noises import Noise


class Objective(Protocol):
    """A training method; a member is a frozen dataclass in a file of its own, with its paper."""

    @property
    def name(self) -> str:
        """The name by which the command line selects it."""
        ...

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator
    ) -> Tensor:
        """The scalar loss of a batch: x in [0, 1] of shape (rows, ...), y of shape (rows,)."""
        ...
