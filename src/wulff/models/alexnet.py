"""AlexNet in its form for CIFAR [Krizhevsky et al. 2012]: five convolutions and one linear layer."""

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.models.normalize import CIFAR10, normalize_images


class AlexNet(nn.Module):
    """Convolutions with 64, 192, 384, 256 and 256 channels, 2×2 max pooling after the 1st, 2nd and 5th.

    For images of 29×29 and more; normalisation is the first layer.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape[1:]) < 29:
            raise InputError(
                f"alexnet needs images (channels, height, width) of 29×29 and more, got {input_shape}."
            )
        channels, height, width = input_shape
        rows, columns = (((side - 1) // 4 + 1) // 8 for side in (height, width))
        self.normalize = normalize_images(channels, CIFAR10)
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, 11, stride=4, padding=5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(256 * rows * columns, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(self.normalize(x)), 1))
