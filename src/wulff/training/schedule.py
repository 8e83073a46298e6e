"""How long, how fast and in which arithmetic to train."""

import dataclasses
import math
from typing import Literal, get_args

import torch

from wulff._quoting import shown
from wulff.errors import InputError
from wulff.stats import check_sample_size

MOST_STEPS = 10**6
"""More epochs than this, or inputs in one step, are a slip of the finger."""

Decay = Literal["cosine", "step"]
Augmentation = Literal["none", "crop", "crop-flip", "resized-crop"]
Precision = Literal["fp32", "bf16", "fp16"]
DECAYS = get_args(Decay)
AUGMENTATIONS = get_args(Augmentation)
PRECISIONS: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


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

    epochs: int = 40
    batch: int = 64
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0
    decay: Decay = "cosine"
    decay_every: int = 30
    augmentation: Augmentation = "none"
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "decay_every"):
            check_sample_size(getattr(self, name), name, MOST_STEPS)
        if not 0 <= self.seed < 2**63:
            raise InputError(
                f"the seed must be an integer from 0 to 2^63 - 1, got {shown(self.seed)}.", "seed"
            )
        if not 0 < self.learning_rate < math.inf:
            raise InputError(
                f"the learning rate must be positive, got {self.learning_rate}.", "learning_rate"
            )
        if not 0 <= self.momentum < 1 or not 0 <= self.weight_decay < math.inf:
            raise InputError(
                "momentum must lie in [0, 1) and weight decay be at least 0, "
                f"got {self.momentum} and {self.weight_decay}.",
                "momentum",
                "weight_decay",
            )
        for name, allowed in (
            ("decay", DECAYS),
            ("augmentation", AUGMENTATIONS),
            ("precision", tuple(PRECISIONS)),
        ):
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} must be {', '.join(allowed)}, got {getattr(self, name)!r}.", name)

    def scheduler(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        """What sets the learning rate after each epoch."""
        if self.decay == "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs)
        return torch.optim.lr_scheduler.StepLR(optimizer, self.decay_every, gamma=0.1)
