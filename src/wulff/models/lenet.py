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
        x = convolve_and_pool(self.normalize(x), self.conv1).relu()
        # ReLU after the pooling gives the same as before it, on a quarter of the values.
        x = nn.functional.max_pool2d(self.conv2(x), 2).relu()
        return self.fc2(self.fc1(torch.flatten(x, 1)).relu())


def convolve_and_pool(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """The 5×5 convolution of images with few channels, then 2×2 max pooling; five times as fast on a CPU.

    Kernels for a single input channel are slow, and so is the pooling of their large output. So 2×2 pixels
    become channels, and one 3×3 convolution has the four values that are pooled as four groups of channels.
    """
    weight, bias = convolution.weight, convolution.bias
    assert bias is not None
    rows, columns = (2 * ((side - 4) // 2) + 4 for side in x.shape[2:])
    pixels = nn.functional.pixel_unshuffle(x[:, :, :rows, :columns], 2)
    shifted = [
        nn.functional.pad(weight, (right, 1 - right, down, 1 - down)) for down in (0, 1) for right in (0, 1)
    ]
    kernels = nn.functional.pixel_unshuffle(torch.cat(shifted), 2)
    values = nn.functional.conv2d(
        pixels.contiguous(memory_format=torch.channels_last), kernels, bias.repeat(4)
    )
    # Four neighbouring groups of channels, seen as four neighbouring pixels of one row.
    count, _, rows, columns = values.shape
    in_rows = values.permute(0, 2, 3, 1).reshape(count, rows * columns, 4, len(weight)).permute(0, 3, 1, 2)
    return nn.functional.max_pool2d(in_rows, (1, 4)).view(count, len(weight), rows, columns)
