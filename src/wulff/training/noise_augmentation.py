"""Noise augmentation [Lecuyer et al. 2018; Cohen et al. 2019, section 3.3]."""

import dataclasses
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from wulff.noises import Noise
from wulff.training.objective import copies_of
from wulff.views import Views


@final
@dataclasses.dataclass(frozen=True)
class NoiseAugmentation:
    """Cross-entropy on one noisy copy, or view, of each input: -log softmax f(x + Z)_y."""

    takes_views: ClassVar[bool] = True

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        noise: Noise | Views,
        generator: torch.Generator,
        epoch: int,
    ) -> Tensor:
        return nn.functional.cross_entropy(model(copies_of(noise, x, 1, generator)[0]), y)
