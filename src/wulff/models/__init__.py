"""Architectures, all with normalisation inside, and their weights."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from wulff.errors import InputError
from wulff.models import weights
from wulff.models.cnn import Normalize, SmallCNN
from wulff.models.weights import Description

ARCHITECTURES: dict[str, Callable[[tuple[int, ...], int], nn.Module]] = {"cnn": SmallCNN}
"""Architectures by name; each takes (input shape, number of classes)."""


@dataclasses.dataclass(frozen=True)
class Model:
    """A model read from disk, with what the record of a run needs to know of it."""

    module: nn.Module
    description: Description
    sha256: str


def build(architecture: str, input_shape: tuple[int, ...], num_classes: int, seed: int = 0) -> nn.Module:
    """A model with random weights that the seed decides.

    Raises:
        InputError: The architecture is not known or cannot take inputs of that shape.
    """
    if architecture not in ARCHITECTURES:
        raise InputError(f"unknown architecture {architecture!r}; there is {', '.join(ARCHITECTURES)}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ARCHITECTURES[architecture](input_shape, num_classes)


def load(path: str | Path, fallback: Description | None = None) -> Model:
    """The model whose weights are in a file or in the folder of a training.

    Args:
        path: A .safetensors or .pt file, or a folder that holds weights.safetensors.
        fallback: What the model is, for files that do not say it themselves.

    Raises:
        InputError: The weights are missing or damaged, or do not fit the architecture.
    """
    file = Path(path)
    if file.is_dir():
        file = file / weights.FILE_NAME
    state, description = weights.read(file)
    description = description or fallback
    if description is None:
        raise InputError(f"{file} does not say what model it is for; give --architecture.")
    module = build(description.architecture, description.input_shape, description.num_classes)
    try:
        module.load_state_dict(state)
    except RuntimeError:
        raise InputError(
            f"the weights at {file} do not fit {description.architecture} for inputs of shape "
            f"{description.input_shape} and {description.num_classes} classes."
        ) from None
    return Model(module.eval(), description, weights.sha256(file))


__all__ = ["ARCHITECTURES", "Description", "Model", "Normalize", "SmallCNN", "build", "load", "weights"]
