"""Attacks on the classifier of all views of an input: patches that are optimised, and steps on the grid."""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from wulff._checks import whole_number
from wulff.attacks.eot import MOST_STEPS
from wulff.errors import InputError
from wulff.smoothing import evaluating
from wulff.views import Splitting, Views

Classifier = Callable[[Tensor], Tensor]


@dataclasses.dataclass(frozen=True)
class ViewAscent:
    """Gradient ascent on the mean loss over random views, within what an adversary of that size can do.

    A patch begins with random pixels at a random place. On the grid of splitting, the steps of the budget go
    one after the other to the coordinates with the largest gradients; a view has the gradient that its input
    would have if it were shown itself.

    Attributes:
        steps: Of ascent.
        copies: Views in a step.
        restarts: Attempts, each of which is judged by all views.
    """

    steps: int = 20
    copies: int = 32
    restarts: int = 2

    def __post_init__(self) -> None:
        for name in ("steps", "copies", "restarts"):
            whole_number(name, getattr(self, name), most=MOST_STEPS)

    def __call__(
        self, model: Classifier, views: Views, x: Tensor, y: int, size: int, *, generator: torch.Generator
    ) -> Tensor:
        """Inputs that an adversary of that size can show, of shape (restarts, ...).

        Args:
            model: The base classifier of views; returns logits.
            views: The family.
            x: One input in [0, 1].
            y: The label that is to be changed.
            size: The side of a square, in pixels; of splitting, how many steps of 1/levels are taken.
            generator: The source of randomness, on the device of x.

        Raises:
            InputError: The square is larger than the image.
        """
        with evaluating(model) as fixed:
            attempts = [self._attempt(fixed, views, x, y, size, generator) for _ in range(self.restarts)]
        return torch.stack(attempts)

    def _attempt(
        self, model: Classifier, views: Views, x: Tensor, y: int, size: int, generator: torch.Generator
    ) -> Tensor:
        if isinstance(views, Splitting):
            return self._steps(model, views, x, y, size, generator)
        return self._patch(model, views, x, y, size, generator)

    def _patch(
        self, model: Classifier, views: Views, x: Tensor, y: int, side: int, generator: torch.Generator
    ) -> Tensor:
        height, width = x.shape[1:]
        if side > max(height, width):
            raise InputError(f"a patch of side {side} is larger than the images of {height}×{width} pixels.")
        top, left = (int(_draw(max(0, limit - side) + 1, 1, generator)) for limit in (height, width))
        inside = torch.zeros_like(x, dtype=torch.bool)
        inside[:, top : top + side, left : left + side] = True
        shown = torch.where(inside, torch.rand(x.shape, generator=generator, device=x.device), x)
        for step in range(self.steps):
            shown.requires_grad_()
            with torch.enable_grad():
                seen = views.views(shown, self._some(views, x, generator))
                (gradient,) = torch.autograd.grad(_loss(model, seen, y), [shown])
            length = 0.25 * (1 - step / self.steps)
            moved = (shown.detach() + length * gradient.sign()).clamp(0, 1)
            shown = torch.where(inside, moved, x)
        return shown

    def _steps(
        self, model: Classifier, views: Splitting, x: Tensor, y: int, budget: int, generator: torch.Generator
    ) -> Tensor:
        levels = views.levels
        at = views.steps(x)
        weight = torch.rand(at.shape, generator=generator, device=x.device)  # another order in each attempt
        for step in range(self.steps):
            wanted = budget * (step + 1) // self.steps - budget * step // self.steps
            seen = views.views((at / levels).to(x).view_as(x), self._some(views, x, generator))
            with torch.enable_grad():
                (by_view,) = torch.autograd.grad(_loss(model, seen.requires_grad_(), y), [seen])
            gradient = by_view.sum(dim=0).flatten()
            room = torch.where(gradient > 0, levels - at, at)
            order = (gradient.abs() * (0.5 + weight) * (room > 0)).argsort(descending=True)
            taken = (wanted - (room[order].cumsum(0) - room[order])).clamp_min(0).minimum(room[order])
            at = at.index_add(0, order, taken * gradient[order].sign().to(at.dtype))
        return (at / levels).to(x).view_as(x)

    def _some(self, views: Views, x: Tensor, generator: torch.Generator) -> Tensor:
        """The numbers of the views of a step: all of them where there are no more."""
        count = views.count(tuple(x.shape))
        if count <= self.copies:
            return torch.arange(count, device=x.device)
        return _draw(count, self.copies, generator)


def _draw(below: int, many: int, generator: torch.Generator) -> Tensor:
    return torch.randint(below, (many,), generator=generator, device=generator.device)


def _loss(model: Classifier, seen: Tensor, y: int) -> Tensor:
    """The mean over views of -log softmax f(view)_y."""
    labels = torch.full((len(seen),), y, device=seen.device)
    return functional.cross_entropy(model(seen), labels)
