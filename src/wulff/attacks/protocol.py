"""What an attack is: it proposes inputs, and others judge them."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from wulff.noises import Noise
from wulff.norms import Norm


class Attack(Protocol):
    """Proposes inputs near others at which the smoothed classifier's label may be another."""

    @property
    def copies(self) -> int:
        """How many noisy copies of each input have their gradients computed at once."""
        ...

    def __call__(
        self,
        model: Callable[[Tensor], Tensor],
        noise: Noise,
        x: Tensor,
        y: Tensor,
        norm: Norm,
        radius: Tensor,
        *,
        generator: torch.Generator,
    ) -> Tensor:
        """Inputs in [0, 1] that are nearer to x than the radius, at which label y is less likely.

        Args:
            model: The base classifier; returns logits.
            noise: The noise of the smoothed classifier.
            x: Inputs in [0, 1], of shape (rows, ...).
            y: The labels to be changed, of shape (rows,).
            norm: In which the distance is measured.
            radius: Of shape (rows,); distances are smaller than it, in float64.
            generator: The source of randomness, on the device of x.
        """
        ...
