"""How long, how fast and in which arithmetic to train."""

import dataclasses
import math
import typing
from typing import Any, Literal

import torch

from wulff._checks import one_of
from wulff._domains import check_fields, within
from wulff.smoothing.policy import can_compile, use_device
from wulff.smoothing.tuning import has_bfloat16

MOST_STEPS = 10**6
"""More epochs than this, or inputs in one step, are a slip of the finger."""

WARM_UP = 0.2
"""The part of a one-cycle schedule in which the learning rate rises."""

Decay = Literal["cosine", "step", "one-cycle"]
"""How the learning rate falls."""
Preset = Literal["usual", "fast", "thorough"]
"""Schedules with a name, see `preset`."""
Augmentation = Literal["none", "crop", "crop-flip", "resized-crop"]
"""How training images are varied before noise is added."""
Precision = Literal["fp32", "bf16", "fp16"]
"""The floating-point format of training."""
PRECISIONS: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


_STEPS = within(at_least=1, at_most=MOST_STEPS)


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: Passes over the data.
        batch: Inputs per step; an objective may make several noisy copies of each.
        learning_rate: The largest learning rate, which is that of the first epoch but for `one-cycle`.
        momentum: SGD momentum.
        weight_decay: SGD weight decay.
        seed: Decides the order of the inputs and the noise.
        decay: `cosine`: the learning rate follows a half cosine down to zero. `step`: it is divided by 10
            every `decay_every` epochs. `one-cycle`: it rises along a straight line in the first fifth of the
            training and falls along another one to zero, anew in every step [Smith & Topin 2017].
        decay_every: The epochs between two steps.
        augmentation: `none`; `crop`: random crops after padding by an eighth of the size; `crop-flip`: these,
            and half of the images mirrored; `resized-crop`, usual for ImageNet: crops of 8 to 100 % of the
            area and of proportions from 3:4 to 4:3, enlarged again, half of them mirrored.
        precision: The arithmetic of the forward pass: `fp32`, or mixed precision with `bf16` or `fp16`.
        compile: Whether the model goes through `torch.compile`; on a CPU this needs a C++ compiler.
    """

    epochs: int = dataclasses.field(default=40, metadata=_STEPS)
    batch: int = dataclasses.field(default=64, metadata=_STEPS)
    learning_rate: float = dataclasses.field(default=0.05, metadata=within(above=0))
    momentum: float = dataclasses.field(default=0.9, metadata=within(at_least=0, below=1))
    weight_decay: float = dataclasses.field(default=1e-4, metadata=within(at_least=0))
    seed: int = dataclasses.field(default=0, metadata=within(at_least=0, at_most=2**63 - 1))
    decay: Decay = "cosine"
    decay_every: int = dataclasses.field(default=30, metadata=_STEPS)
    augmentation: Augmentation = "none"
    precision: Precision = "fp32"
    compile: bool = False

    def __post_init__(self) -> None:
        check_fields(self)

    def rate(self, done: float) -> float:
        """The learning rate after some epochs; the fraction of an epoch counts for `one-cycle` alone."""
        if self.decay == "one-cycle":
            share = done / self.epochs
            return self.learning_rate * min(share / WARM_UP, (1 - share) / (1 - WARM_UP))
        whole = math.floor(done)
        if self.decay == "cosine":
            return self.learning_rate * (1 + math.cos(math.pi * whole / self.epochs)) / 2
        return self.learning_rate * 0.1 ** (whole // self.decay_every)


def preset(name: Preset = "usual", device: str = "cpu", **changes: Any) -> Schedule:
    """A schedule by name.

    Args:
        name: `usual`: the defaults of `Schedule`. `fast`: few epochs of large steps, for `resnet9` on images
            such as CIFAR-10. `thorough`: many epochs, for `resnet20` on the same, compiled where that is
            possible. Both are in bf16 where the device has instructions for it.
        device: Where the model will be trained.
        changes: Fields of `Schedule` that are to be others.

    Raises:
        InputError: There is no schedule of that name, or a change is not allowed.
    """
    one_of("schedule", name, typing.get_args(Preset))
    return Schedule(**(_named(name, device) | changes))


def _named(name: Preset, device_name: str) -> dict[str, Any]:
    """What a schedule changes; chosen on the last 5,000 training images of CIFAR-10."""
    if name == "usual":
        return {}
    device = use_device(device_name)
    has_bf16 = torch.cuda.is_bf16_supported() if device.type == "cuda" else has_bfloat16()
    both = {"batch": 128, "weight_decay": 5e-4, "precision": "bf16" if has_bf16 else "fp32"}
    if name == "fast":
        return both | {"epochs": 10, "learning_rate": 0.2, "decay": "one-cycle"}
    return both | {"epochs": 60, "learning_rate": 0.1, "compile": can_compile(device)}
