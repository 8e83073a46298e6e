"""Normalisation as the first layer of every model, and the statistics that the field uses."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
"""Mean and standard deviation by channel, as in the published classifiers [Cohen et al. 2019]."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Normalize(nn.Module):
    """(x - mean) / std, as a layer: noise is added before it, in pixel units.

    Args:
        mean: One number, or one for each channel of inputs of shape (rows, channels, height, width).
        std: In the same form.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", _by_channel(mean))
        self.register_buffer("std", _by_channel(std))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def normalize_images(channels: int, statistics: tuple[Sequence[float], Sequence[float]]) -> Normalize:
    """The layer for images: the statistics where they have as many channels, else mean ½ and deviation ¼."""
    mean, std = statistics
    if channels == len(mean):
        return Normalize(mean, std)
    return Normalize([0.5] * channels, [0.25] * channels)


def _by_channel(value: float | Sequence[float]) -> Tensor:
    tensor = torch.tensor(value)
    return tensor.view(-1, 1, 1) if tensor.ndim else tensor
