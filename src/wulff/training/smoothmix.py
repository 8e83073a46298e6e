"""SmoothMix: mix-up with adversaries of the smoothed classifier [Jeong et al. 2021]."""

import dataclasses
from typing import final

import torch
from torch import Tensor, nn

from wulff._domains import check_fields, within
from wulff.attacks import climb, frozen, project, smoothed_loss
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.norms import Norm
from wulff.training.objective import draw, logits_of_copies


@final
@dataclasses.dataclass(frozen=True)
class SmoothMix:
    """Cross-entropy, and less confidence on the way from an input to an adversary of the smoothed classifier.

    The adversary climbs the smoothed loss in l2 without a limit. At a random mix of input and adversary, the
    share λ ≤ ½ of the latter, the label is the same mix of the smoothed prediction and the uniform one; the
    divergence from it counts for inputs that are classified correctly. The same noise is used throughout.

    Attributes:
        steps: Of the attack (T of the paper; on MNIST 2, 4, 8 at sigma .25, .5, 1).
        step_size: Their length in l2, in input units (α of the paper).
        copies: Noisy copies of each input (m of the paper).
        weight: Of the mix-up loss (η of the paper).
        mix_step: The step after which the attack's point takes the place of the input: 0, or 1 for the
            one-step adversary; less than `steps`.
        warmup: Epochs over which `weight`, and the length of `mix_step` steps, grow in equal parts.
    """

    steps: int = dataclasses.field(default=4, metadata=within(at_least=1))
    step_size: float = dataclasses.field(default=1.0, metadata=within(above=0))
    copies: int = dataclasses.field(default=4, metadata=within(at_least=1))
    weight: float = dataclasses.field(default=5.0, metadata=within(at_least=0))
    mix_step: int = dataclasses.field(default=0, metadata=within(at_least=0))
    warmup: int = dataclasses.field(default=10, metadata=within(at_least=1))

    def __post_init__(self) -> None:
        check_fields(self, "smoothmix")
        if not self.mix_step < self.steps:
            raise InputError(f"mix_step must be less than steps={self.steps}, got {self.mix_step}.")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        noises = draw(noise, x, self.copies, generator)
        warm = min(1.0, epoch / self.warmup)
        with frozen(model):
            near, adversary = self._attack(model, x, y, noises, warm)
        logits = logits_of_copies(model, near, noises)
        smoothed = logits.softmax(dim=2).mean(dim=0)
        share = torch.rand(len(x), 1, generator=generator, device=x.device) / 2
        wanted = (1 - share) * smoothed + share / smoothed.shape[1]
        across = share.view(-1, *[1] * (x.ndim - 1))
        mixed = (1 - across) * near + across * adversary
        log_p = logits_of_copies(model, mixed, noises).log_softmax(dim=2)
        divergence = (wanted * (wanted.clamp_min(1e-20).log() - log_p)).sum(dim=2).mean(dim=0)
        correct = smoothed.argmax(dim=1) == y
        likelihood = nn.functional.cross_entropy(logits.flatten(0, 1), y.repeat(self.copies))
        return likelihood + self.weight * warm * (correct * divergence).mean()

    def _attack(
        self, model: nn.Module, x: Tensor, y: Tensor, noises: Tensor, warm: float
    ) -> tuple[Tensor, Tensor]:
        """The point that takes the place of x, and the adversary."""
        length = x.new_full((len(x),), self.step_size)

        def go(start: Tensor, steps: int) -> Tensor:
            return climb(
                lambda z: smoothed_loss(model, z, y, noises),
                x,
                Norm.L2,
                None,
                steps=steps,
                step_size=length,
                start=start,
            )

        first = go(x, self.mix_step)
        near = x + project(first - x, Norm.L2, warm * self.mix_step * length)
        return near.clamp(0, 1), go(first, self.steps - self.mix_step)
