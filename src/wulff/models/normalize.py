"""Normalisation as the first layer of every model, and the statistics that the field uses."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Self, cast, final

import numpy as np
import torch
from torch import Tensor, nn

from wulff._quoting import shown
from wulff.errors import InputError

CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
"""Mean and standard deviation by channel, as in the published classifiers [Cohen et al. 2019]."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

NAMED = {"none": ((0.0,), (1.0,)), "imagenet": IMAGENET, "cifar10": CIFAR10}
"""Statistics by the names that users give."""

ALLOWED = "none, imagenet, cifar10, or MEAN/STD with a number for each channel or one for all: 0.5/0.25"


class Normalize(nn.Module):
    """(x - mean) / std, as a layer: noise is added before it, in pixel units.

    Args:
        mean: One number, or one for each channel of inputs of shape (rows, channels, height, width).
        std: In the same form.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", _by_channel(mean))
        self.register_buffer("std", _by_channel(std))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


@final
@dataclasses.dataclass(frozen=True)
class Normalisation:
    """What is subtracted from each channel, and what divides it, as users and records write it: MEAN/STD.

    Attributes:
        mean: A number for each channel, or one for all.
        std: In the same form.

    Raises:
        InputError: They are no statistics of inputs.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        mean, std = _as_weights(self.mean), _as_weights(self.std)
        if len(mean) == len(std) and len(set(mean)) == len(set(std)) == 1:
            mean, std = mean[:1], std[:1]  # one number stands for channels that are all alike
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", std)
        good = len(self.mean) == len(self.std) >= 1 and all(map(math.isfinite, (*self.mean, *self.std)))
        if not good or min(self.std) <= 0:
            raise InputError(f"normalisation must be {ALLOWED}, got {shown(self._numbers)}.", "normalisation")

    @classmethod
    def parse(cls, text: str) -> Self:
        """What a user says: a name, or MEAN/STD.

        Raises:
            InputError: It is none of these.
        """
        try:
            means, _, deviations = text.partition("/")
            found = NAMED.get(text) or tuple(
                tuple(map(float, part.split(","))) for part in (means, deviations)
            )
        except (ValueError, AttributeError):
            raise InputError(
                f"normalisation must be {ALLOWED}, got {shown(text)}.", "normalisation"
            ) from None
        return cls(*found)

    @classmethod
    def of(cls, layer: Normalize) -> Self:
        """What a layer does."""
        return cls(*(tuple(tensor.flatten().tolist()) for tensor in (layer.mean, layer.std)))

    def layer(self) -> Normalize:
        """A layer that does it."""
        return Normalize(*(part[0] if len(part) == 1 else part for part in (self.mean, self.std)))

    def check(self, input_shape: tuple[int, ...]) -> None:
        """Refuse statistics that are not those of inputs of this shape, with pixels in [0, 1].

        Raises:
            InputError: There are more or fewer of them than channels, or they are those of pixels up to 255.
        """
        channels = input_shape[0] if len(input_shape) == 3 else 1
        if len(self.mean) not in (1, channels):
            raise InputError(
                f"normalisation has {len(self.mean)} numbers, but inputs of shape {input_shape} have "
                f"{channels} channel{'s' * (channels > 1)}; give one for each, or one for all.",
                "normalisation",
            )
        if len(input_shape) == 3 and not all(0 <= number <= 1 for number in self.mean):
            raise InputError(
                f"normalisation of pixels in [0, 1] has means from 0 to 1, got {shown(self._numbers)}; "
                "divide statistics of 8-bit pixels by 255.",
                "normalisation",
            )

    def __str__(self) -> str:
        same = (name for name, statistics in NAMED.items() if statistics == (self.mean, self.std))
        return next(same, self._numbers)

    @property
    def _numbers(self) -> str:
        return "/".join(",".join(f"{number:.9g}" for number in part) for part in (self.mean, self.std))


def normalize_images(channels: int, statistics: tuple[Sequence[float], Sequence[float]]) -> Normalize:
    """The layer for images: the statistics where they have as many channels, else mean ½ and deviation ¼."""
    mean, std = statistics
    if channels == len(mean):
        return Normalize(mean, std)
    return Normalize([0.5] * channels, [0.25] * channels)


def normalisations(model: nn.Module) -> dict[str, Normalize]:
    """The layers of a model that normalise, by their names; buffers of other modules are not theirs."""
    modules = cast(Iterable[tuple[str, nn.Module]], model.named_modules())
    return {name: module for name, module in modules if isinstance(module, Normalize)}


def _as_weights(numbers: Sequence[float]) -> tuple[float, ...]:
    """Numbers as a layer has them, with no more digits than single precision distinguishes."""
    with np.errstate(over="ignore"):
        return tuple(float(str(np.float32(number))) for number in numbers)


def _by_channel(value: float | Sequence[float]) -> Tensor:
    tensor = torch.tensor(value)
    return tensor.view(-1, 1, 1) if tensor.ndim else tensor
