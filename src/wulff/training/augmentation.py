"""Random crops and mirror images, drawn on the device, one for each image."""

import torch
from torch import Tensor, nn

from wulff.errors import InputError

SMALLEST_AREA = 0.08
"""Of a resized crop, as a share of the image [Szegedy et al. 2015]."""

WIDEST = 4 / 3
"""The proportions of a resized crop, those of the image being 1."""


def augment(x: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Images of shape (rows, channels, height, width), each with a crop (and mirrored or not) of its own.

    Args:
        x: Images in [0, 1].
        kind: `none`, `crop`, `crop-flip` or `resized-crop`, see `Schedule`.
        generator: The source of randomness, on the device of x.

    Raises:
        InputError: x is not made of images.
    """
    if kind == "none":
        return x
    if x.ndim != 4:
        raise InputError(f"crops need images (rows, channels, height, width), got {tuple(x.shape)}.")
    if kind == "resized-crop":
        return _resized_crops(x, generator)
    rows, _, height, width = x.shape
    y_padding, x_padding = height // 8, width // 8
    padded = nn.functional.pad(x, (x_padding, x_padding, y_padding, y_padding))

    def offsets(most: int, size: int) -> Tensor:
        start = torch.randint(most + 1, (rows, 1), generator=generator, device=x.device)
        return start + torch.arange(size, device=x.device)

    down, across = offsets(2 * y_padding, height), offsets(2 * x_padding, width)
    if kind == "crop-flip":
        mirrored = torch.rand(rows, 1, generator=generator, device=x.device) < 0.5
        across = torch.where(mirrored, across.flip(1), across)
    first = torch.arange(rows, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[first, down[:, :, None], across[:, None, :]].permute(0, 3, 1, 2)


def _resized_crops(x: Tensor, generator: torch.Generator) -> Tensor:
    """Crops of random area and proportions, enlarged to the size of x; half of them mirrored."""
    area, proportion, down, across, side = torch.rand(5, len(x), generator=generator, device=x.device)
    area = SMALLEST_AREA + (1 - SMALLEST_AREA) * area
    proportion = WIDEST ** (2 * proportion - 1)
    height = (area / proportion).sqrt().clamp(max=1)
    width = (area * proportion).sqrt().clamp(max=1)
    turn = torch.where(side < 0.5, -1.0, 1.0)
    # Where each pixel comes from, in coordinates that run from -1 to 1 over the image.
    rows = torch.stack([torch.zeros_like(height), height, (1 - height) * (2 * down - 1)], dim=1)
    columns = torch.stack([turn * width, torch.zeros_like(width), (1 - width) * (2 * across - 1)], dim=1)
    places = nn.functional.affine_grid(
        torch.stack([columns, rows], dim=1), list(x.shape), align_corners=False
    )
    return nn.functional.grid_sample(x, places, padding_mode="border", align_corners=False)
