"""Random crops and mirror images, drawn on the device, one for each image."""

import torch
from torch import Tensor

from wulff.errors import InputError


def augment(x: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Images of shape (rows, channels, height, width), each with a crop (and mirrored or not) of its own.

    Args:
        x: Images in [0, 1].
        kind: `none`, `crop` or `crop-flip`.
        generator: The source of randomness, on the device of x.

    Raises:
        InputError: x is not made of images.
    """
    if kind == "none":
        return x
    if x.ndim != 4:
        raise InputError(f"crops need images (rows, channels, height, width), got {tuple(x.shape)}.")
    rows, _, height, width = x.shape
    y_padding, x_padding = height // 8, width // 8
    padded = torch.nn.functional.pad(x, (x_padding, x_padding, y_padding, y_padding))

    def offsets(most: int, size: int) -> Tensor:
        start = torch.randint(most + 1, (rows, 1), generator=generator, device=x.device)
        return start + torch.arange(size, device=x.device)

    down, across = offsets(2 * y_padding, height), offsets(2 * x_padding, width)
    if kind == "crop-flip":
        mirrored = torch.rand(rows, 1, generator=generator, device=x.device) < 0.5
        across = torch.where(mirrored, across.flip(1), across)
    first = torch.arange(rows, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[first, down[:, :, None], across[:, None, :]].permute(0, 3, 1, 2)
