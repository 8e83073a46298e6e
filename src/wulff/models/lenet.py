"""LeNet, the net of the published results on MNIST [LeCun et al. 1998; Jeong & Shin 2020]."""

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.models.normalize import Normalize


class LeNet(nn.Module):
    """Two 5×5 convolutions with 20 and 50 channels, each with 2×2 max pooling, then 500 hidden units.

    For images of 16×16 and more. Pixels are taken as they are: the normalisation has mean 0 and deviation 1,
    as in the published results.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape[1:]) < 16:
            raise InputError(
                f"lenet needs images (channels, height, width) of 16×16 and more, got {input_shape}."
            )
        channels, height, width = input_shape
        rows, columns = (((side - 4) // 2 - 4) // 2 for side in (height, width))
        self.normalize = Normalize(mean=0.0, std=1.0)
        self.conv1 = nn.Conv2d(channels, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(50 * rows * columns, 500)
        self.fc2 = nn.Linear(500, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        # ReLU after the pooling gives the same as before it, on a quarter of the values.
        x = nn.functional.max_pool2d(self.conv1(self.normalize(x)), 2).relu()
        x = nn.functional.max_pool2d(self.conv2(x), 2).relu()
        return self.fc2(self.fc1(torch.flatten(x, 1)).relu())
