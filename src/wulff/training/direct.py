"""Direct training of the smoothed classifier's likelihood [Yang et al. 2020, appendix D]."""

import dataclasses
from typing import final

import torch
from torch import Tensor, nn

from wulff._domains import check_fields, within
from wulff.attacks import smoothed_loss
from wulff.noises import Noise
from wulff.training.objective import draw


@final
@dataclasses.dataclass(frozen=True)
class Direct:
    """-log of the mean over noisy copies of softmax f(x + Z)_y: the log is outside of the mean.

    Attributes:
        copies: Noisy copies of each input.
    """

    copies: int = dataclasses.field(default=16, metadata=within(at_least=1))

    def __post_init__(self) -> None:
        check_fields(self, "direct")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        return smoothed_loss(model, x, y, draw(noise, x, self.copies, generator)).mean()
