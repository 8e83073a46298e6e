"""Noise augmentation [Lecuyer et al. 2018; Cohen et al. 2019, section 3.3]."""

import dataclasses
from typing import final

import torch
from torch import Tensor, nn

from wulff.noises import Noise


@final
@dataclasses.dataclass(frozen=True)
class NoiseAugmentation:
    """Cross-entropy on one noisy copy of each input: -log softmax f(x + Z)_y."""

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        noisy = x + noise.sample(tuple(x.shape), generator=generator)
        return nn.functional.cross_entropy(model(noisy), y)
