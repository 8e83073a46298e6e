"""A training method, an architecture and an engine."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, final

from torch import Tensor, nn

from wulff import engines, models, training
from wulff.engines import LocalEngine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch

    from wulff.noises import Noise
    from wulff.smoothing import Quota, Smoothed, Votes


@training.register("margin")
@final
@dataclasses.dataclass(frozen=True)
class Margin:
    """The multi-class hinge loss of one noisy copy.

    Attributes:
        width: The margin that is asked for.
        squared: Whether the hinge is squared.
    """

    width: float = dataclasses.field(default=1.0, metadata=training.within(above=0))
    squared: bool = False

    def __post_init__(self) -> None:
        training.check_fields(self, "margin")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        logits = model(x + noise.sample(tuple(x.shape), generator=generator))
        power = 2 if self.squared else 1
        return nn.functional.multi_margin_loss(logits, y, p=power, margin=self.width)


@models.register("linear")
def linear(input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """One linear layer on pixels between -1 and 1."""
    size = 1
    for length in input_shape:
        size *= length
    layer = nn.Linear(size, num_classes)
    return nn.Sequential(nn.Flatten(), layer)


@engines.register
class OneByOne:
    """Counts the votes of one input after another, in this process."""

    name = "one-by-one"

    def map(
        self, smoothed: Smoothed, quota: Quota, seed: int, inputs: Iterable[tuple[int, Tensor]]
    ) -> Iterator[Votes]:
        for pair in inputs:
            yield from LocalEngine().map(smoothed, quota, seed, [pair])
