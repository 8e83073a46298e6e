"""From a model's outputs to votes, without waiting for the device."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from wulff.errors import InputError

SMALLEST_BATCH = 16
"""Batches are padded to this size: for smaller ones PyTorch's kernels round differently."""


def not_a_number(copies: Mapping[int, int], *, views: bool = False) -> str:
    """What is to be said of outputs that are not a number.

    Args:
        copies: How many by input, in the order of the inputs.
        views: Whether they are views, and not noisy copies.
    """
    them, count = ("views", "views vote for no class") if views else ("noisy copies", "copies are misses")
    return (
        f"the model's output was not a number for {sum(copies.values()):,} {them} in {len(copies):,} "
        f"inputs, first in input {next(iter(copies))}; such {count}."
    )


class Voter:
    """From a batch to vote bins, by way of a base classifier.

    Bins 0 to num_classes - 1 are labels. `num_classes` collects outputs that are not a number, for any class:
    they count against every label. So do outputs whose largest is infinite: where sums overflow, the
    processor and the batch decide between infinity and NaN. Classes may be ruled out by -∞; of several
    largest logits the first counts. `num_classes + 1` collects labels that do not exist.

    Args:
        num_classes: The number of labels.
        at_least: Smaller batches are padded to so many rows.
    """

    def __init__(self, num_classes: int, at_least: int = SMALLEST_BATCH) -> None:
        self.at_least = at_least
        self.num_classes = num_classes
        self.bins = num_classes + 2

    def __call__(self, model: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        """The bins of a batch of shape (rows, *input shape), as int64 of shape (rows,).

        The model is f, from such a batch to logits or labels.
        """
        rows = len(batch)
        if rows < self.at_least:
            batch = torch.cat([batch, batch[:1].expand(self.at_least - rows, *batch.shape[1:])])
        output = model(batch)
        if not isinstance(output, Tensor) or output.ndim not in (1, 2) or len(output) != len(batch):
            got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise InputError(f"the model must return logits (rows, classes) or labels (rows,), got {got}.")
        votes = self._labels(output) if output.ndim == 1 else self._argmax(output)
        return votes[:rows]

    def _labels(self, output: Tensor) -> Tensor:
        if output.is_floating_point() or output.is_complex():
            raise InputError(
                f"labels must be integers, got {output.dtype}; logits have shape (rows, classes)."
            )
        labels = output.long()
        exists = (labels >= 0) & (labels < self.num_classes)
        return torch.where(exists, labels, self.num_classes + 1)

    def _argmax(self, output: Tensor) -> Tensor:
        if output.is_complex():
            raise InputError(f"logits must be real numbers, got {output.dtype}.")
        if output.shape[1] != self.num_classes:
            remedy = f"set num_classes={output.shape[1]}" if output.shape[1] > 1 else "give each class one"
            raise InputError(
                f"the model returns {output.shape[1]} logits, but num_classes is {self.num_classes}; "
                f"{remedy}, or return labels."
            )
        largest, labels = output.max(dim=1)
        # Zero times a number is 0, but not if that is infinite or NaN: `isfinite` takes more operations.
        return labels.masked_fill_(largest * 0 != 0, self.num_classes)
