"""Threats in the box for inputs at hand: how far each of their coordinates can move."""

import torch
from torch import Tensor

from wulff.norms import Box, Room, Threat
from wulff.smoothing.samplers import Grid


def own_boxes(x: Tensor, threat: Box, grid: Grid | None = None) -> list[Box]:
    """The threat for each input, with its room.

    Args:
        x: Inputs in [0, 1], of shape (inputs, ...).
        threat: The box, and how perturbations are measured.
        grid: The grid of exact sampling, whose points the inputs stand for.

    Raises:
        InputError: An input is not in the box.
    """
    x = x.detach().to("cpu", torch.float64)
    Room.of(x)  # refuses inputs outside the box
    exact = x if grid is None else (x * grid.levels).round() / grid.levels
    return [Box(threat.norm, Room.of(one)) for one in exact]


def check_in_box(x: Tensor, threats: list[Threat]) -> None:
    """Refuse inputs outside the box, if one of the threats is in the box.

    Raises:
        InputError: An input is not in the box.
    """
    if any(isinstance(threat, Box) for threat in threats):
        Room.of(x.detach().to("cpu", torch.float64))
