"""What a training method is: a loss on one batch, given a noise."""

from typing import Protocol

import torch
from torch import Tensor, nn

from wulff.noises import Noise, Replacement
from wulff.views import Views


class Objective(Protocol):
    """A training method; a member is a frozen dataclass in a file of its own, with its paper.

    Its fields are its hyperparameters; their defaults are the published ones.
    """

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, noise: Noise, generator: torch.Generator, epoch: int
    ) -> Tensor:
        """The scalar loss of a batch.

        Args:
            model: The base classifier, in training mode; it returns logits.
            x: Inputs in [0, 1], of shape (rows, ...).
            y: Labels, of shape (rows,).
            noise: The noise that the smoothed classifier will use.
            generator: The source of all randomness.
            epoch: The number of the epoch, from 1, for methods that warm up.
        """
        ...


def draw(noise: Noise, x: Tensor, copies: int, generator: torch.Generator) -> Tensor:
    """Independent noise for several copies of a batch, of shape (copies, *x.shape)."""
    return noise.sample((copies * len(x), *x.shape[1:]), generator=generator).view(copies, *x.shape)


def copies_of(noise: Noise | Views, x: Tensor, copies: int, generator: torch.Generator) -> Tensor:
    """Noisy copies of a batch, or random ones of its views, of shape (copies, rows, *shape of a copy)."""
    if isinstance(noise, Replacement):
        rows = torch.cat([x] * copies)
        found = noise.replace(rows, len(rows), generator)
        return found.reshape(copies, len(x), *found.shape[1:])
    if isinstance(noise, Noise):
        return x + draw(noise, x, copies, generator)
    count = noise.count(tuple(x.shape[1:]))
    which = torch.randint(count, (copies * len(x),), generator=generator, device=x.device)
    views = noise.random_views(torch.cat([x] * copies), which)
    return views.reshape(copies, len(x), *views.shape[1:])


def logits_of_copies(model: nn.Module, x: Tensor, noises: Tensor) -> Tensor:
    """The logits of x plus each noise in one forward pass, of shape (copies, rows, classes)."""
    return model((x + noises).flatten(0, 1)).view(len(noises), len(x), -1)
