"""The training loop: SGD with momentum and a falling learning rate; it can be taken up again."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.noises import Noise, Replacement
from wulff.smoothing.policy import check_compiler, compiling
from wulff.training.augmentation import augment
from wulff.training.batches import Inputs, fetch
from wulff.training.noise_augmentation import NoiseAugmentation
from wulff.training.objective import Objective, copies_of
from wulff.training.processes import average, rank_and_world
from wulff.training.schedule import PRECISIONS, Schedule
from wulff.views import Views

SMALLEST_CHANNELS_LAST = 16
"""Smaller images gain nothing from the memory format that is nearly twice as fast for others on a CPU."""

ROWS_ON_A_GPU = 100
"""Noisy copies that are classified at once to measure accuracy."""


@dataclasses.dataclass(frozen=True)
class Epoch:
    """The state of training after one epoch."""

    number: int
    loss: float
    noisy_accuracy: float


class Training:
    """A training in progress: a model, and everything that its next step depends on.

    Under `torchrun` every process takes its share of each batch, with noise of its own, and gradients are
    averaged; the schedule's batch is that of all processes together.

    Args:
        model: Maps inputs in [0, 1] to logits; it is trained where it is.
        noise: The noise that the smoothed classifier will use, or its views.
        objective: The training method; noise augmentation by default.
        schedule: Length, speed and seed.
    """

    def __init__(
        self,
        model: nn.Module,
        noise: Noise | Views,
        objective: Objective = NoiseAugmentation(),  # noqa: B008 (frozen)
        schedule: Schedule = Schedule(),  # noqa: B008
    ) -> None:
        if isinstance(noise, Views | Replacement) and not getattr(objective, "takes_views", False):
            raise InputError(
                f"{type(objective).__name__} is defined for noise that is added, not for {noise}; use the "
                "objective augment or stability.",
                "objective",
            )
        self.model = model
        self.noise: Any = noise  # views go to objectives that take them
        self.objective = objective
        self.schedule = schedule
        self.device = next(model.parameters()).device
        if schedule.compile:
            check_compiler(self.device)
        self.done = 0
        self.rank, self.world = rank_and_world(self.device)
        self.generator = torch.Generator(self.device).manual_seed(schedule.seed)
        self.optimizer = torch.optim.SGD(
            model.parameters(),
            lr=schedule.learning_rate,
            momentum=schedule.momentum,
            weight_decay=schedule.weight_decay,
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=schedule.precision == "fp16")

    def run(
        self, images: Inputs, labels: Tensor, on_step: Callable[[float], None] | None = None
    ) -> Iterator[Epoch]:
        """Train for the epochs that are left; yields after every one.

        Args:
            images: Inputs in [0, 1], of shape (inputs, ...).
            labels: int64 of shape (inputs,).
            on_step: Called after every step with the epochs done, as a fraction.

        Raises:
            InputError: The loss is not a number any more.
        """
        images, labels = images.to(self.device), labels.to(self.device)
        if images.ndim == 4 and min(images.shape[2:]) >= SMALLEST_CHANNELS_LAST:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network = Compiled(self.model) if self.schedule.compile else self.model
        if self.schedule.precision != "fp32":
            network = Autocast(network, self.device, PRECISIONS[self.schedule.precision])
        while self.done < self.schedule.epochs:
            self.model.train()
            total = torch.zeros((), device=self.device)
            seen = 0
            order = torch.randperm(len(images), generator=self._order(), device=self.device)
            batches = list(order.split(self.schedule.batch))
            if len(batches) > 1 and len(batches[-1]) == 1:  # batch normalisation has no use for one input
                batches[-2:] = [torch.cat(batches[-2:])]
            mine = [rows[self.rank :: self.world] if len(rows) >= self.world else rows for rows in batches]
            for rows, own, x in zip(batches, mine, fetch(images, mine), strict=True):
                self._set_rate(self.done + (seen + len(rows) / 2) / len(images))
                total += self._step(network, x, labels[own]) * len(rows)
                seen += len(rows)
                if on_step:
                    on_step(self.done + seen / len(images))
            self.done += 1
            if self.world > 1:
                average([total, *(buffer for buffer in self.model.buffers() if buffer.is_floating_point())])
            mean_loss = float(total) / len(images)
            if not math.isfinite(mean_loss):
                raise InputError(
                    f"the loss became {mean_loss} in epoch {self.done}; lower the learning rate."
                )
            accuracy = noisy_accuracy(self.model, images, labels, self.noise, self.generator)
            yield Epoch(self.done, mean_loss, accuracy)
        self.model.eval()

    def _set_rate(self, done: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate(done)

    def _step(self, network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        x = augment(x, self.schedule.augmentation, self.generator)
        loss = self.objective(network, x, y, self.noise, self.generator, self.done + 1)
        self.scaler.scale(loss).backward()
        if self.world > 1:
            average(p.grad for p in self.model.parameters() if p.grad is not None)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def _order(self) -> torch.Generator:
        """What the order of the inputs comes from: the same in all processes, whose noise differs."""
        if self.world == 1:
            return self.generator
        epoch_seed = (self.schedule.seed * 1_000_003 + self.done * (self.world + 1)) % 2**63
        self.generator.manual_seed(epoch_seed + self.rank)
        return torch.Generator(self.device).manual_seed(epoch_seed + self.world)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, as tensors and plain values."""
        return {
            "done": self.done,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generator": self.generator.get_state(),
            "torch": torch.random.get_rng_state(),  # for dropout
            "cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the state was taken; the rest is then the same to the last digit on a CPU."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.generator.set_state(state["generator"].cpu())
        torch.random.set_rng_state(state["torch"].cpu())
        if state.get("cuda") is not None:
            torch.cuda.set_rng_state(state["cuda"].cpu(), self.device)
        self.done = state["done"]


class Compiled(nn.Module):
    """A model that goes through `torch.compile`, which shares its weights; once for each shape of a batch."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        with compiling(freezing=False):
            self.run = cast(Callable[[Tensor], Tensor], torch.compile(model, dynamic=False))

    def forward(self, x: Tensor) -> Tensor:
        with compiling(freezing=False):
            return self.run(x)


class Autocast(nn.Module):
    """A model whose forward pass is in mixed precision, with logits in float32."""

    def __init__(self, model: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self.model = model
        self.device = device
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(self.device.type, dtype=self.dtype):
            return self.model(x).float()


def train(
    model: nn.Module,
    images: Inputs,
    labels: Tensor,
    noise: Noise | Views,
    objective: Objective = NoiseAugmentation(),  # noqa: B008 (frozen)
    schedule: Schedule = Schedule(),  # noqa: B008
) -> Iterator[Epoch]:
    """Train a base classifier in place for classification under noise; yields after every epoch.

    Args:
        model: Maps inputs in [0, 1] to logits; it is trained where it is.
        images: Inputs in [0, 1], of shape (inputs, ...).
        labels: int64 of shape (inputs,).
        noise: The noise that the smoothed classifier will use, or its views.
        objective: The training method; noise augmentation by default.
        schedule: Length, speed and seed.

    Raises:
        InputError: The loss is not a number any more.
    """
    return Training(model, noise, objective, schedule).run(images, labels)


@torch.inference_mode()
def noisy_accuracy(
    model: nn.Module, images: Inputs, labels: Tensor, noise: Noise | Views, generator: torch.Generator
) -> float:
    """The share of inputs that the model classifies correctly on one noisy copy each.

    Of more than 1,000 inputs, as many are taken at even distances: files are often sorted by class.
    """
    model.eval()
    count = min(1000, len(images))
    rows = torch.arange(count, device=labels.device) * len(images) // count
    x, y = images[rows], labels[rows]
    noisy = copies_of(noise, x, 1, generator)[0]
    # A GPU whose memory just holds a batch may not hold a thousand inputs.
    batch = len(x) if x.device.type == "cpu" else ROWS_ON_A_GPU
    parts = cast(Iterable[Tensor], noisy.split(batch))
    found = torch.cat([model(part).argmax(dim=1) for part in parts])
    return float((found == y).float().mean())
