"""A small convolutional net, for images of any size."""

from torch import nn

from wulff.errors import InputError
from wulff.models.normalize import Normalize


class SmallCNN(nn.Sequential):
    """Two 3×3 convolutions with 16 and 32 channels and max pooling, then a linear layer.

    Takes images in [0, 1]; normalisation is its first layer.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        if len(input_shape) != 3 or min(input_shape[1:]) < 4:
            raise InputError(
                f"cnn needs images (channels, height, width) of 4×4 and more, got {input_shape}."
            )
        channels, height, width = input_shape
        super().__init__(
            Normalize(mean=0.5, std=0.5),
            nn.Conv2d(channels, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * (height // 4) * (width // 4), num_classes),
        )
