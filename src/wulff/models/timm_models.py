"""Architectures of the package timm, by the name `timm:NAME`; the only file that imports it."""

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
    try:
        import timm  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError) as error:  # a torchvision of another torch raises the latter
        raise InputError(
            f"{PREFIX}{name} needs the package timm and what it needs ({error}); "
            "pip install 'wulff[timm]' with the torchvision that belongs to your torch."
        ) from None
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
