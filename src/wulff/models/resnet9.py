"""ResNet-9, of the kind of the public records for fast training on CIFAR-10 [Page 2018].

It is narrow, so that a training under noise is a matter of minutes on a CPU. Pooling comes before batch
normalisation, which then has a quarter of the numbers to go through.
"""

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.models.normalize import CIFAR10, normalize_images
from wulff.models.resnet import initialize

WIDTHS = (16, 32, 64, 128)
SCALE = 1 / 8
"""Of the logits, as in the original: without it the first steps at a large learning rate lead astray."""
SMALLEST = 8
"""Three times half of it is one pixel."""


class Convolution(nn.Module):
    """A 3×3 convolution, perhaps with 2×2 max pooling, batch normalisation and ReLU."""

    def __init__(self, channels: int, width: int, *, pool: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.pool(self.conv(x))).relu_()


class Residual(nn.Module):
    """Two convolutions, and a shortcut around them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = Convolution(width, width)
        self.conv2 = Convolution(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x))


class ResNet9(nn.Module):
    """Eight 3×3 convolutions with three poolings, the largest value over all positions, and a linear layer.

    Takes images in [0, 1] of 8×8 and more; normalisation is the first layer.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape[1:]) < SMALLEST:
            raise InputError(
                f"resnet9 needs images (channels, height, width) of {SMALLEST}×{SMALLEST} and more, got "
                f"{input_shape}."
            )
        first, second, third, last = WIDTHS
        self.normalize = normalize_images(input_shape[0], CIFAR10)
        self.stem = Convolution(input_shape[0], first)
        self.layer1 = nn.Sequential(Convolution(first, second, pool=True), Residual(second))
        self.layer2 = Convolution(second, third, pool=True)
        self.layer3 = nn.Sequential(Convolution(third, last, pool=True), Residual(last))
        self.fc = nn.Linear(last, num_classes)
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(self.stem(self.normalize(x)))))
        return SCALE * self.fc(torch.flatten(nn.functional.adaptive_max_pool2d(x, 1), 1))
