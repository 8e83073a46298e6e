"""Direct training of the smoothed classifier's likelihood [Yang et al. 2020, appendix D]."""

import dataclasses
from typing import final

import torch
from torch import Tensor, nn

from wulff.attacks import smoothed_loss
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.training.objective import draw


@final
@dataclasses.dataclass(frozen=True)
class Direct:
    """-log of the mean over noisy copies of softmax f(x + Z)_y: the log is outside of the mean.

    Attributes:
        copies: Noisy copies of each input.
    """

    copies: int = 16

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise InputError(f"direct takes copies ≥ 1, got {self.copies}.")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        return smoothed_loss(model, x, y, draw(noise, x, self.copies, generator)).mean()
