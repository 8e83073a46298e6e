"""SmoothAdv: adversarial training of the smoothed classifier [Salman et al. 2019]."""

import dataclasses
from typing import final

import torch
from torch import Tensor, nn

from wulff._domains import check_fields, within
from wulff.attacks import climb, frozen, smoothed_loss
from wulff.noises import Noise
from wulff.norms import Norm
from wulff.training.objective import draw, logits_of_copies


@final
@dataclasses.dataclass(frozen=True)
class SmoothAdv:
    """Cross-entropy on noisy copies of an input at which the smoothed classifier's loss is high.

    The same noise is used in all steps of the attack and in the loss. The defaults are those of the published
    results on MNIST.

    Attributes:
        norm: Of the attack.
        epsilon: Its radius, in input units.
        steps: Of projected gradient ascent, each of length 2 epsilon / steps.
        copies: Noisy copies of each input (m of the paper).
        warmup: Epochs over which the radius grows to epsilon in equal parts.
    """

    norm: str = "l2"
    epsilon: float = dataclasses.field(default=1.0, metadata=within(above=0, below=1e30))
    steps: int = dataclasses.field(default=10, metadata=within(at_least=1))
    copies: int = dataclasses.field(default=4, metadata=within(at_least=1))
    warmup: int = dataclasses.field(default=10, metadata=within(at_least=1))

    def __post_init__(self) -> None:
        check_fields(self, "smoothadv")
        Norm.parse(self.norm)

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        noises = draw(noise, x, self.copies, generator)
        radius = x.new_full((len(x),), self.epsilon * min(1.0, epoch / self.warmup))
        with frozen(model):
            adversary = climb(
                lambda z: smoothed_loss(model, z, y, noises),
                x,
                Norm.parse(self.norm),
                radius,
                steps=self.steps,
                step_size=2 * radius / self.steps,
            )
        logits = logits_of_copies(model, adversary, noises)
        return nn.functional.cross_entropy(logits.flatten(0, 1), y.repeat(self.copies))
