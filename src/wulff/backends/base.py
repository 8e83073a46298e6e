"""A base classifier f, wherever it comes from, in the one form that the rest of wulff knows."""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

Function = Callable[[Tensor], Tensor]
"""From a batch of inputs (rows, ...), float32, to logits (rows, classes) or integer labels (rows,)."""


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Classifier:
    """A base classifier f with what the record of a run needs to know of it.

    Attributes:
        function: f: an `nn.Module`, which can be moved, cast and compiled, or any other function from a batch
            of inputs to logits or integer labels.
        num_classes: The number of labels; None where only an answer can tell.
        class_names: The names of the labels, in their order; None where the model does not say.
        input_shape: The shape of one input; None where the model takes several, or does not say.
        identity: What tells this classifier from others: a hash of its weights, or what the user says it is;
            None if there is neither.
        normalisation: What the model is known to do to its inputs first: `none`, `imagenet`, `cifar10` or
            MEAN/STD; None where that is its own affair.
        libraries: The packages that compute its outputs, but for torch, by the names that import them.
    """

    function: Function
    num_classes: int | None = None
    class_names: tuple[str, ...] | None = None
    input_shape: tuple[int, ...] | None = None
    identity: str | None = None
    normalisation: str | None = None
    libraries: tuple[str, ...] = ()

    def __call__(self, batch: Tensor) -> Tensor:
        """Logits (rows, classes) or integer labels (rows,) of a batch of inputs."""
        return self.function(batch)


def identity_of_module(module: nn.Module) -> str:
    """The class name of a module and a hash of its parameters and buffers, with their names and types."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict(keep_vars=False).items()):
        if isinstance(value, Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return f"{type(module).__qualname__} sha256:{digest.hexdigest()}"


def rows_of(batch: Tensor) -> np.ndarray:
    """A batch as an array, for models that do not know tensors."""
    return batch.detach().cpu().numpy()


def flat_rows(batch: Tensor) -> np.ndarray:
    """A batch as an array of shape (rows, features)."""
    return rows_of(batch).reshape(len(batch), -1)


def two_sided_scores(scores: np.ndarray) -> np.ndarray:
    """Scores by class, of shape (rows, classes); one score a row is that of the second of two classes."""
    if scores.ndim == 2 and scores.shape[1] > 1:
        return scores
    one = scores.reshape(-1)
    return np.stack([-one, one], axis=1)


def to_logits(scores: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor on the device of the batch that was asked about."""
    return torch.from_numpy(np.ascontiguousarray(scores)).to(device)


def first_line(error: BaseException) -> str:
    """The first line of what an exception of other people's code says, without its full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].rstrip(".")
