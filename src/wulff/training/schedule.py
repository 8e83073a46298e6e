"""How long, how fast and in which arithmetic to train."""

import dataclasses
from typing import Literal

import torch

from wulff._domains import check_fields, within

MOST_STEPS = 10**6
"""More epochs than this, or inputs in one step, are a slip of the finger."""

Decay = Literal["cosine", "step"]
"""How the learning rate falls."""
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
        learning_rate: The learning rate of the first epoch.
        momentum: SGD momentum.
        weight_decay: SGD weight decay.
        seed: Decides the order of the inputs and the noise.
        decay: `cosine`: the learning rate follows a half cosine down to zero. `step`: it is divided by 10
            every `decay_every` epochs.
        decay_every: The epochs between two steps.
        augmentation: `none`; `crop`: random crops after padding by an eighth of the size; `crop-flip`: these,
            and half of the images mirrored; `resized-crop`, usual for ImageNet: crops of 8 to 100 % of the
            area and of proportions from 3:4 to 4:3, enlarged again, half of them mirrored.
        precision: The arithmetic of the forward pass: `fp32`, or mixed precision with `bf16` or `fp16`.
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

    def __post_init__(self) -> None:
        check_fields(self)

    def scheduler(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        """What sets the learning rate after each epoch."""
        if self.decay == "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs)
        return torch.optim.lr_scheduler.StepLR(optimizer, self.decay_every, gamma=0.1)
