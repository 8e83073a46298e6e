"""Disjoint parts of a training set against poisoning: n classifiers vote [Levine & Feizi 2021b].

An inserted or removed example touches one part, hence one classifier: k of them change at most k votes. A
changed example is one removed and one inserted.
"""

import dataclasses
import hashlib
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wulff._checks import instance, numbers, whole_number
from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.views.base import Reach, Views, check_shape, check_views
from wulff.views.exact_counts import label_and_slack


@final
@dataclasses.dataclass(frozen=True)
class Partitions(Views):
    """One view for each part of the training set: the input with the number of the classifier that answers.

    That number is in a channel of its own, or in one more feature, so that n classifiers are one function;
    see `wulff.models.Partitioned`.

    Attributes:
        parts: The number n of parts.
    """

    name: ClassVar[str] = "partitions"
    threat: ClassVar[str] = "poisoning"
    parts: int

    def __post_init__(self) -> None:
        whole_number("parts", self.parts, most=100_000)

    def check(self, shape: tuple[int, ...]) -> None:
        check_shape(shape)

    def count(self, shape: tuple[int, ...]) -> int:
        self.check(shape)
        return self.parts

    def view_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        shape = check_shape(shape)
        return (shape[0] + 1, *shape[1:])

    def views(self, x: Tensor, which: Tensor) -> Tensor:
        check_views(x, which)
        return self._numbered(x.expand(len(which), *x.shape), which)

    def random_views(self, x: Tensor, which: Tensor) -> Tensor:
        check_views(x, which)
        return self._numbered(x, which)

    def reach(self, slack: int, shape: tuple[int, ...]) -> Reach:
        self.check(shape)
        return Reach(float(whole_number("slack", slack, least=0)), inclusive=True)

    def statement(self) -> str:
        return (
            "g(x') is the label for x' = x and every training set that differs from the one that was used in "
            "at most r examples, inserted or removed (a changed one is both); r is the radius. This is "
            f"certain: all {self.parts:,} classifiers answered, and each was trained on its own part alone."
        )

    def in_tables(self) -> str:
        return "count training examples that were inserted or removed; one that was changed counts twice"

    def check_training(self, trained: Views) -> None:
        if trained != self:
            raise InputError(f"the classifiers were trained on {trained}, not on {self}; certify with those.")

    @staticmethod
    def _numbered(x: Tensor, which: Tensor) -> Tensor:
        number = which.to(x.device, torch.float32).view(-1, *[1] * (x.ndim - 1))
        return torch.cat([x.to(torch.float32), number.expand(len(x), 1, *x.shape[2:])], dim=1)


def partition(images: Tensor, parts: int) -> IntArray:
    """The part of each training example, shape (examples,): a hash of its content, wherever it stands.

    Args:
        images: The examples, of shape (examples, ...).
        parts: The number n of parts.

    Raises:
        InputError: n is not a positive integer.
    """
    parts = whole_number("parts", parts)
    instance("images", images, Tensor, "a tensor of shape (examples, ...)")
    rows = images.detach().cpu().to(torch.float32).contiguous().numpy()
    digests = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
    return np.array([int.from_bytes(digest, "big") % parts for digest in digests], dtype=np.int64)


def certify_partitions(answers: npt.ArrayLike, num_classes: int) -> tuple[IntArray, IntArray]:
    """The label of each input, and how many training examples may be inserted or removed without changing it.

    Args:
        answers: The labels that the n classifiers give, integers of shape (n, inputs); -1 abstains.
        num_classes: The number of classes.

    Raises:
        InputError: The answers are no labels.
    """
    given = numbers("answers", answers, "iu")
    num_classes = whole_number("num_classes", num_classes, most=10**6)
    if given.ndim != 2 or (given < -1).any() or (given >= num_classes).any():
        raise InputError(
            f"answers must be labels from -1 to {num_classes - 1}, of shape (classifiers, inputs), got "
            f"{given.dtype} {given.shape}."
        )
    votes = (given[:, :, None] == np.arange(num_classes)).sum(axis=0)
    return label_and_slack(votes)
