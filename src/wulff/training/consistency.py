"""Consistency regularisation [Jeong & Shin 2020]."""

import dataclasses
from typing import final

import torch
from torch import Tensor, nn

from wulff._domains import check_fields, within
from wulff.noises import Noise
from wulff.training.objective import draw, logits_of_copies


@final
@dataclasses.dataclass(frozen=True)
class Consistency:
    """The mean over noisy copies of -log p_y + weight · KL(p̄ ‖ p), p̄ their mean, plus entropy · H(p̄).

    Attributes:
        copies: Noisy copies of each input (m of the paper).
        weight: Of the divergence (λ of the paper; on MNIST 10, 5, 5 at sigma .25, .5, 1).
        entropy: Of the entropy of the mean (η of the paper).
    """

    copies: int = dataclasses.field(default=2, metadata=within(at_least=2))
    weight: float = dataclasses.field(default=10.0, metadata=within(at_least=0))
    entropy: float = dataclasses.field(default=0.5, metadata=within(at_least=0))

    def __post_init__(self) -> None:
        check_fields(self, "consistency")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        logits = logits_of_copies(model, x, draw(noise, x, self.copies, generator))
        log_p = logits.log_softmax(dim=2)
        mean = log_p.exp().mean(dim=0)
        log_mean = mean.clamp_min(1e-20).log()
        likelihood = nn.functional.cross_entropy(logits.flatten(0, 1), y.repeat(self.copies))
        divergence = (mean * (log_mean - log_p)).sum(dim=2).mean()
        return likelihood + self.weight * divergence - self.entropy * (mean * log_mean).sum(dim=1).mean()
