"""Views: a finite family of versions of an input, all of which are classified.

Where noise is sampled, views are enumerated: counts are exact, and so is what follows from them. There is
no alpha and no n to choose.
"""

import abc
import dataclasses
from typing import ClassVar

import torch
from torch import Tensor

from wulff._checks import instance, refuse, whole_numbers
from wulff.errors import InputError


@dataclasses.dataclass(frozen=True)
class Reach:
    """What K changed views are worth, in words that a threat is measured in.

    Attributes:
        radius: The size of the perturbations that are certified.
        inclusive: Whether perturbations of exactly that size are, too.
    """

    radius: float
    inclusive: bool


def check_shape(shape: object) -> tuple[int, ...]:
    """The shape of one input; refuses what is none."""
    return tuple(whole_numbers("shape", shape, least=1))


def check_views(x: object, which: object) -> None:
    """Refuse inputs that are no tensor, and numbers of views that are none."""
    instance("x", x, Tensor, "a tensor")
    if not isinstance(which, Tensor) or which.ndim != 1 or which.dtype not in (torch.int32, torch.int64):
        refuse("which", "be a tensor of integers of shape (views,)", which)


class Views(abc.ABC):
    """A family of views of inputs of one shape.

    A member is one frozen dataclass; its fields are what its spec string names. `views` makes them, `reach`
    says what perturbation can change at most K of them.
    """

    name: ClassVar[str]
    threat: ClassVar[str]
    """What perturbations are measured by: `l1`, `patch` for the side of a square, or `poisoning`."""

    @abc.abstractmethod
    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse inputs of a shape that the family is not for.

        Raises:
            InputError: The shape does not fit.
        """

    def check_inputs(self, x: Tensor) -> None:
        """Refuse inputs of shape (inputs, ...) that have no views of this family.

        Raises:
            InputError: A value is not allowed.
        """
        outside = x[(x < 0) | (x > 1)]
        if outside.numel():
            raise InputError(f"{self} needs inputs in [0, 1], got {float(outside[0]):g}; scale them.")

    @abc.abstractmethod
    def count(self, shape: tuple[int, ...]) -> int:
        """The number of views of an input of that shape."""

    @abc.abstractmethod
    def view_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one view."""

    @abc.abstractmethod
    def views(self, x: Tensor, which: Tensor) -> Tensor:
        """The views of one input with the numbers `which`, as float32 of shape (len(which), *view shape).

        Equal views of different inputs are bit-identical: certificates rest on it.
        """

    @abc.abstractmethod
    def random_views(self, x: Tensor, which: Tensor) -> Tensor:
        """For training: view number which[i] of x[i], of shape (rows, *view shape)."""

    @abc.abstractmethod
    def reach(self, slack: int, shape: tuple[int, ...]) -> Reach:
        """The largest perturbation that changes at most `slack` views."""

    @abc.abstractmethod
    def statement(self) -> str:
        """What the radius means, in words."""

    @abc.abstractmethod
    def in_tables(self) -> str:
        """How the radii in a table are to be read, as the end of a sentence about them."""

    def check_training(self, trained: "Views") -> None:  # noqa: B027 (most families take any model)
        """Refuse a model that was trained on other views, where its answers to these would mean nothing.

        Raises:
            InputError: It was.
        """

    def __str__(self) -> str:
        names = [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        return f"{self.name}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"
