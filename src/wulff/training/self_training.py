"""Self-training on unlabelled inputs with pseudo-labels [Carmon et al. 2019; Yang et al. 2020]."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import cast, final

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.noises import Noise
from wulff.smoothing import evaluating
from wulff.training.augmentation import augment
from wulff.training.objective import Objective


@final
@dataclasses.dataclass(frozen=True, eq=False)
class SelfTraining:
    """Another objective, on batches of which half are unlabelled inputs with pseudo-labels.

    Attributes:
        base: The training method.
        images: Unlabelled inputs in [0, 1], of shape (inputs, ...).
        labels: Their pseudo-labels, see `pseudo_labels`.
        augmentation: What is done to them in every step, as to the labelled inputs; see `Schedule`.
    """

    base: Objective
    images: Tensor
    labels: Tensor
    augmentation: str = "none"

    def __post_init__(self) -> None:
        if len(self.images) == 0 or self.labels.shape != self.images.shape[:1]:
            raise InputError(
                f"self-training needs one pseudo-label for each input, got {tuple(self.images.shape)} inputs "
                f"and {tuple(self.labels.shape)} labels."
            )

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        rows = torch.randint(len(self.images), (len(x),), generator=generator, device=x.device)
        rows = rows.to(self.images.device)
        more, labels = self.images[rows].to(x.device), self.labels[rows].to(x.device)
        more = augment(more, self.augmentation, generator)
        return self.base(model, torch.cat([x, more]), torch.cat([y, labels]), noise, generator, epoch)


@torch.inference_mode()
def pseudo_labels(teacher: Callable[[Tensor], Tensor], images: Tensor, batch: int = 256) -> Tensor:
    """The labels that a classifier trained on labelled data gives to inputs without noise.

    Args:
        teacher: Maps inputs in [0, 1] to logits.
        images: Of shape (inputs, ...).
        batch: Inputs classified at once.
    """
    with evaluating(teacher) as fixed:
        parts = cast(Iterable[Tensor], images.split(batch))
        return torch.cat([fixed(part).argmax(dim=1) for part in parts]).clone()
