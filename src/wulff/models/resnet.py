"""Residual networks [He et al. 2016]: ResNet-20, -110 and -18 for CIFAR, ResNet-50 for ImageNet.

Layers have the names that public checkpoints use. Where a block changes the number of channels, its shortcut
is a 1×1 convolution, as in the classifiers of Cohen et al. 2019.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.models.normalize import CIFAR10, IMAGENET, normalize_images


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut around them."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x)).relu_()
        return (self.bn2(self.conv2(out)) + self.downsample(x)).relu_()


class Bottleneck(nn.Module):
    """A 3×3 convolution between two 1×1 convolutions, and a shortcut around them."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(channels, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x)).relu_()
        out = self.bn2(self.conv2(out)).relu_()
        return (self.bn3(self.conv3(out)) + self.downsample(x)).relu_()


class ResNet(nn.Module):
    """A stem, three or four stages of blocks, the mean over all positions, and a linear layer.

    Takes images in [0, 1] of any size; normalisation is the first layer.

    Args:
        input_shape: (channels, height, width).
        num_classes: The number of logits.
        block: The kind of block.
        widths: Channels of each stage; all but the first halve height and width.
        depths: Blocks of each stage.
        imagenet: The stem for large images: a 7×7 convolution and max pooling, each with stride 2.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        block: type[BasicBlock] | type[Bottleneck],
        widths: Sequence[int],
        depths: Sequence[int],
        imagenet: bool = False,
    ) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape) < 1:
            raise InputError(f"a resnet needs images (channels, height, width), got {input_shape}.")
        self.normalize = normalize_images(input_shape[0], IMAGENET if imagenet else CIFAR10)
        size, stride = (7, 2) if imagenet else (3, 1)
        self.conv1 = nn.Conv2d(input_shape[0], widths[0], size, stride, padding=size // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if imagenet else nn.Identity()
        channels = widths[0]
        self.stages = len(widths)
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), start=1):
            blocks: list[nn.Module] = []
            for number in range(depth):
                blocks.append(block(channels, width, 2 if stage > 1 and number == 0 else 1))
                channels = width * block.expansion
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, num_classes)
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.bn1(self.conv1(self.normalize(x))).relu_())
        for stage in range(1, self.stages + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


def resnet20(input_shape: tuple[int, ...], num_classes: int) -> ResNet:
    """ResNet-20 for CIFAR: .27 million parameters."""
    return ResNet(input_shape, num_classes, BasicBlock, (16, 32, 64), (3, 3, 3))


def resnet110(input_shape: tuple[int, ...], num_classes: int) -> ResNet:
    """ResNet-110 for CIFAR: 1.7 million parameters."""
    return ResNet(input_shape, num_classes, BasicBlock, (16, 32, 64), (18, 18, 18))


def resnet18(input_shape: tuple[int, ...], num_classes: int) -> ResNet:
    """ResNet-18 with the stem for CIFAR: 11.2 million parameters."""
    return ResNet(input_shape, num_classes, BasicBlock, (64, 128, 256, 512), (2, 2, 2, 2))


def resnet50(input_shape: tuple[int, ...], num_classes: int) -> ResNet:
    """ResNet-50 for ImageNet, with the stride in the 3×3 convolutions: 25.6 million parameters."""
    return ResNet(input_shape, num_classes, Bottleneck, (64, 128, 256, 512), (3, 4, 6, 3), imagenet=True)


def initialize(model: nn.Module) -> None:
    """Normal weights that keep the size of gradients [He et al. 2015, equation 14]."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _shortcut(channels: int, width: int, stride: int) -> nn.Module:
    if stride == 1 and channels == width:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))
