"""Attacks on a smoothed classifier, in expectation over its noise [Athalye et al. 2018]."""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from wulff._checks import whole_number
from wulff.attacks.ascent import climb, smoothed_loss
from wulff.attacks.geometry import project, random_point, size
from wulff.noises import Noise
from wulff.norms import Norm
from wulff.smoothing import evaluating

MOST_STEPS = 10**6
"""An attack with more steps, copies or restarts than this would never be done."""


@dataclasses.dataclass(frozen=True)
class EOTPGD:
    """Projected gradient ascent on the smoothed loss -log E softmax f(x + Z)_y, fresh noise in each step.

    It proposes; whether the smoothed classifier's label changes is for `Smoothed.predict` to say, on noise of
    its own.

    Attributes:
        steps: Of ascent, each of length 2.5 radius / steps [Madry et al. 2018].
        copies: Noisy copies of each input in a step.
        restarts: Attempts: the first from the input, the others from random points of the ball; against l1,
            every other one ends with steps along single coordinates. The one with the highest loss on other
            noise is returned.
    """

    steps: int = 20
    copies: int = 32
    restarts: int = 2

    def __post_init__(self) -> None:
        for name in ("steps", "copies", "restarts"):
            whole_number(name, getattr(self, name), most=MOST_STEPS)

    def __call__(
        self,
        model: Callable[[Tensor], Tensor],
        noise: Noise,
        x: Tensor,
        y: Tensor,
        norm: Norm | str,
        radius: Tensor,
        *,
        generator: torch.Generator,
    ) -> Tensor:
        """Inputs in [0, 1] that are nearer to x than the radius, at which label y is less likely.

        Args:
            model: The base classifier; returns logits. A copy in evaluation mode is attacked.
            noise: The noise of the smoothed classifier.
            x: Inputs in [0, 1], of shape (rows, ...).
            y: The labels to be changed, of shape (rows,).
            norm: In which the distance is measured.
            radius: Of shape (rows,); distances are smaller than it, in float64.
            generator: The source of randomness, on the device of x.
        """
        norm = Norm.parse(norm)
        radius = radius.to(x.device, torch.float64)

        def draw(copies: int) -> Tensor:
            sample = noise.sample((copies * len(x), *x.shape[1:]), generator=generator, dtype=x.dtype)
            return sample.view(copies, *x.shape)

        with evaluating(model) as fixed:
            judge = draw(2 * self.copies)
            best, highest = x, torch.full((len(x),), -torch.inf, device=x.device)
            for attempt in range(self.restarts):
                start = x if attempt == 0 else (x + random_point(x, norm, radius, generator)).clamp(0, 1)
                candidate = climb(
                    lambda z: smoothed_loss(fixed, z, y, draw(self.copies)),
                    x,
                    norm,
                    radius,
                    steps=self.steps,
                    step_size=2.5 * radius.to(x) / self.steps,
                    start=start,
                    keep_step=True,
                    narrow=attempt % 2 == 1,
                )
                candidate = _strictly_inside(candidate, x, norm, radius)
                with torch.no_grad():
                    loss = smoothed_loss(fixed, candidate, y, judge)
                better = loss > highest
                highest = torch.where(better, loss, highest)
                best = torch.where(better.view(-1, *[1] * (x.ndim - 1)), candidate, best)
        return best


def _strictly_inside(candidate: Tensor, x: Tensor, norm: Norm, radius: Tensor) -> Tensor:
    """The candidate, or x itself where rounding has led out of the open ball."""
    shift = candidate.double() - x.double()
    # The sum is rounded to the type of x, by at most this much in every coordinate that moves.
    rounding = size((shift != 0) * float(torch.finfo(x.dtype).eps), norm)
    nearer = (x.double() + project(shift, norm, (radius - rounding).clamp_min(0))).to(x.dtype)
    outside = size(shift, norm) >= radius
    candidate = torch.where(outside.view(-1, *[1] * (x.ndim - 1)), nearer, candidate)
    still = size(candidate.double() - x.double(), norm) >= radius
    return torch.where(still.view(-1, *[1] * (x.ndim - 1)), x, candidate)
