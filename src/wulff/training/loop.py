"""The training loop: SGD with momentum, weight decay and a cosine schedule."""

import dataclasses
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.noises import Noise
from wulff.training.noise_augmentation import NoiseAugmentation
from wulff.training.objective import Objective


@dataclasses.dataclass(frozen=True)
class Epoch:
    """The state of training after one epoch."""

    number: int
    loss: float
    noisy_accuracy: float


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: Passes over the data.
        batch: Inputs per step.
        learning_rate: At the start; it follows a half cosine down to zero.
        momentum: Of SGD.
        weight_decay: Of SGD.
        seed: Decides the order of the inputs and the noise.
    """

    epochs: int = 40
    batch: int = 64
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise InputError(f"epochs and batch must be at least 1, got {self.epochs} and {self.batch}.")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"the learning rate must be positive, got {self.learning_rate}.")


def train(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    noise: Noise,
    objective: Objective = NoiseAugmentation(),  # noqa: B008 (frozen)
    schedule: Schedule = Schedule(),
) -> Iterator[Epoch]:
    """Train a base classifier in place for classification under noise; yields after every epoch.

    Args:
        model: Maps inputs in [0, 1] to logits; it is trained where it is.
        images: Inputs in [0, 1], of shape (inputs, ...).
        labels: int64 of shape (inputs,).
        noise: The noise that the smoothed classifier will use.
        objective: The training method; noise augmentation by default.
        schedule: Length, speed and seed.

    Raises:
        InputError: The loss is not a number any more.
    """
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(schedule.seed)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=schedule.learning_rate,
        momentum=schedule.momentum,
        weight_decay=schedule.weight_decay,
    )
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.epochs)
    images, labels = images.to(device), labels.to(device)
    for number in range(1, schedule.epochs + 1):
        model.train()
        total = torch.zeros((), device=device)
        for rows in torch.randperm(len(images), generator=generator, device=device).split(schedule.batch):
            optimizer.zero_grad()
            loss = objective(model, images[rows], labels[rows], noise, generator)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        cosine.step()
        mean_loss = float(total) / len(images)
        if not math.isfinite(mean_loss):
            raise InputError(f"the loss became {mean_loss} in epoch {number}; lower the learning rate.")
        yield Epoch(number, mean_loss, noisy_accuracy(model, images, labels, noise, generator))
    model.eval()


@torch.inference_mode()
def noisy_accuracy(
    model: nn.Module, images: Tensor, labels: Tensor, noise: Noise, generator: torch.Generator
) -> float:
    """The share of inputs that the model classifies correctly on one noisy copy each, at most 1,000."""
    model.eval()
    x, y = images[:1000], labels[:1000]
    noisy = x + noise.sample(tuple(x.shape), generator=generator)
    return float((model(noisy).argmax(dim=1) == y).float().mean())
