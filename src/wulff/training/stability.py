"""Stability training [Zheng et al. 2016; Li et al. 2019; Yang et al. 2020, section 5]."""

import dataclasses
from typing import Literal, final

import torch
from torch import Tensor, nn

from wulff._domains import check_fields, within
from wulff.noises import Noise
from wulff.training.objective import copies_of, draw
from wulff.views import Views


@final
@dataclasses.dataclass(frozen=True)
class Stability:
    """Cross-entropy, and a penalty for predictions that differ between two copies of an input.

    Attributes:
        weight: Of the penalty.
        reference: `noisy`: -log p(x + Z)_y + weight · KL(p(x + Z) ‖ p(x + Z')), of two noisy copies
            [Yang et al. 2020]. `clean`: -log p(x)_y - weight · Σ p(x) log p(x + Z), of the input itself and
            one noisy copy [Li et al. 2019]; the published results on MNIST have weight 2.
    """

    weight: float = dataclasses.field(default=6.0, metadata=within(at_least=0))
    reference: Literal["noisy", "clean"] = "noisy"

    @property
    def takes_views(self) -> bool:
        """Whether it is defined for views: an input itself is none."""
        return self.reference == "noisy"

    def __post_init__(self) -> None:
        check_fields(self, "stability")

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        noise: Noise | Views,
        generator: torch.Generator,
        epoch: int,
    ) -> Tensor:
        if self.reference == "noisy":
            copies = copies_of(noise, x, 2, generator)
        else:
            assert isinstance(noise, Noise)
            copies = x + torch.cat([torch.zeros_like(x)[None], draw(noise, x, 1, generator)])
        logits = model(copies.flatten(0, 1)).view(2, len(x), -1)
        log_p, log_q = logits.log_softmax(dim=2)
        p = log_p.exp()
        compared = log_p - log_q if self.reference == "noisy" else -log_q
        return nn.functional.cross_entropy(logits[0], y) + self.weight * (p * compared).sum(dim=1).mean()
