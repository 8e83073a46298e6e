"""Architectures of the package timm, by the name `timm:NAME`; the only file that imports it."""

import importlib.util
from typing import Any

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.models.normalize import IMAGENET, Normalize, normalize_images

PREFIX = "timm:"


def build_timm(name: str, input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """The architecture `name` of timm with random weights, and with its normalisation as first layer.

    Raises:
        InputError: timm cannot be imported, does not know the name, or refuses the shape.
    """
    timm = imported_timm(name)
    if len(input_shape) != 3:
        raise InputError(f"{PREFIX}{name} needs images (channels, height, width), got {input_shape}.")
    chosen: dict[str, Any] = {"pretrained": False, "num_classes": num_classes, "in_chans": input_shape[0]}
    try:
        net = timm.create_model(name, **chosen)
        config: dict[str, Any] = getattr(net, "default_cfg", None) or {}
        # Transformers are made for one size of images.
        if config.get("fixed_input_size") and config["input_size"][1:] != input_shape[1:]:
            net = timm.create_model(name, **chosen, img_size=input_shape[1:])
        with torch.no_grad():
            found = net.eval()(torch.zeros(1, *input_shape)).shape
    except Exception as error:  # timm raises whatever the architecture raises
        raise InputError(f"timm cannot build {name!r} for {input_shape}: {_first_line(error)}.") from None
    if found != (1, num_classes):
        raise InputError(f"timm's {name!r} gives outputs of shape {tuple(found)}, not logits.")
    net.train()
    statistics = (config.get("mean", IMAGENET[0]), config.get("std", IMAGENET[1]))
    return TimmModel(normalize_images(input_shape[0], statistics), net)


def imported_timm(name: str) -> Any:
    """The package timm.

    Args:
        name: The network that it is needed for.

    Raises:
        InputError: It is not installed, or its torchvision is missing or made for another torch.
    """
    try:
        import timm  # pyright: ignore[reportMissingImports]

        return timm
    except (ImportError, RuntimeError, OSError) as error:  # the latter of a torchvision for another torch
        said = _first_line(error)
    if importlib.util.find_spec("timm") is None:
        raise InputError(f"{PREFIX}{name} needs the package timm; pip install 'wulff[timm]'.")
    raise InputError(
        f"{PREFIX}{name} cannot be made, since timm does not work here ({said}); it needs the torchvision "
        f"that is made for torch {torch.__version__}: pip install it from where this torch is from, as "
        "https://pytorch.org/get-started says."
    )


class TimmModel(nn.Module):
    """Normalisation, then a model of timm."""

    def __init__(self, normalize: Normalize, model: nn.Module) -> None:
        super().__init__()
        self.normalize = normalize
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(self.normalize(x))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
