"""Wide residual networks for CIFAR [Zagoruyko & Komodakis 2016]."""

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.models.normalize import CIFAR10, normalize_images
from wulff.models.resnet import initialize


class PreActivationBlock(nn.Module):
    """Two 3×3 convolutions, each after normalisation and ReLU, and a shortcut around them."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        changes = stride != 1 or channels != width
        self.downsample = nn.Conv2d(channels, width, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        active = self.bn1(x).relu_()
        out = self.conv2(self.bn2(self.conv1(active)).relu_())
        return out + (x if self.downsample is None else self.downsample(active))


class WideResNet(nn.Module):
    """A 3×3 convolution, three stages of blocks, the mean over all positions, and a linear layer.

    Takes images in [0, 1] of any size; normalisation is the first layer. The number of blocks of each stage
    is (depth - 4) / 6.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, depth: int, widen: int) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape) < 1:
            raise InputError(f"a wide resnet needs images (channels, height, width), got {input_shape}.")
        self.normalize = normalize_images(input_shape[0], CIFAR10)
        self.conv1 = nn.Conv2d(input_shape[0], 16, 3, padding=1, bias=False)
        channels = 16
        stages: list[nn.Sequential] = []
        for stage, width in enumerate((16 * widen, 32 * widen, 64 * widen)):
            blocks = [
                PreActivationBlock(
                    channels if number == 0 else width, width, 2 if stage and number == 0 else 1
                )
                for number in range((depth - 4) // 6)
            ]
            stages.append(nn.Sequential(*blocks))
            channels = width
        self.block1, self.block2, self.block3 = stages
        self.bn1 = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, num_classes)
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(self.normalize(x)))))
        x = nn.functional.adaptive_avg_pool2d(self.bn1(x).relu_(), 1)
        return self.fc(torch.flatten(x, 1))


def wrn40_2(input_shape: tuple[int, ...], num_classes: int) -> WideResNet:
    """WRN-40-2: 2.24 million parameters."""
    return WideResNet(input_shape, num_classes, depth=40, widen=2)
