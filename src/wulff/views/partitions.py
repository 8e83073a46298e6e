"""Disjoint parts of a training set against poisoning: n classifiers vote [Levine & Feizi 2021b].

An inserted or removed example touches one part, hence one classifier: k of them change at most k votes. A
changed example is one removed and one inserted.
"""

import hashlib

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wulff._checks import instance, numbers, whole_number
from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.views.exact_counts import label_and_slack


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
