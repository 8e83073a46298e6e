"""How long, how fast and in which arithmetic to train."""

import dataclasses
import math
from typing import Literal

import torch

from wulff.errors import InputError

DECAYS = ("cosine", "step")
AUGMENTATIONS = ("none", "crop", "crop-flip", "resized-crop")
PRECISIONS: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: Passes over the data.
        batch: Inputs per step; an objective may make several noisy copies of each.
        learning_rate: At the start.
        momentum: Of SGD.
        weight_decay: Of SGD.
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
    decay: Literal["cosine", "step"] = "cosine"
    decay_every: int = 30
    augmentation: Literal["none", "crop", "crop-flip", "resized-crop"] = "none"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.decay_every) < 1:
            raise InputError(
                "epochs, batch and decay_every must be at least 1, "
                f"got {self.epochs}, {self.batch} and {self.decay_every}."
            )
        if not 0 <= self.seed < 2**63:
            raise InputError(f"the seed must be an integer from 0 to 2^63 - 1, got {self.seed}.")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"the learning rate must be positive, got {self.learning_rate}.")
        if not 0 <= self.momentum < 1 or not 0 <= self.weight_decay < math.inf:
            raise InputError(
                "momentum must lie in [0, 1) and weight decay be at least 0, "
                f"got {self.momentum} and {self.weight_decay}."
            )
        for name, allowed in (
            ("decay", DECAYS),
            ("augmentation", AUGMENTATIONS),
            ("precision", tuple(PRECISIONS)),
        ):
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} must be {', '.join(allowed)}, got {getattr(self, name)!r}.")

    def scheduler(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        """What sets the learning rate after each epoch."""
        if self.decay == "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs)
        return torch.optim.lr_scheduler.StepLR(optimizer, self.decay_every, gamma=0.1)
