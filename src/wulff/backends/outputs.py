"""What models return, as logits or labels: probabilities, one score for two classes, names of classes."""

import dataclasses
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from wulff.errors import InputError


@final
@dataclasses.dataclass(frozen=True)
class Decoder:
    """From the outputs of a model for a batch to logits (rows, classes) or integer labels (rows,).

    Attributes:
        class_names: Names by label, for models that return names.
        threshold: For models that return one score a row: above it the label is 1, else 0.
    """

    class_names: tuple[str, ...] | None = None
    threshold: float | None = None

    def __call__(self, output: Any, rows: int, device: torch.device) -> Tensor:
        """Decode the outputs of a batch of so many rows.

        Raises:
            InputError: They are neither logits nor probabilities, scores or labels.
        """
        values = _values(output)
        if isinstance(values, np.ndarray) and values.dtype.kind in "OUS":
            return self._named(values).to(device)
        decoded = values if isinstance(values, Tensor) else _tensor(values)
        if decoded.is_complex():
            raise InputError(f"the model must return real numbers, got {decoded.dtype}.")
        if decoded.ndim not in (1, 2) or len(decoded) != rows:
            raise InputError(
                f"the model must return logits (rows, classes) or labels (rows,) for {rows} rows, got "
                f"{tuple(decoded.shape)}."
            )
        if decoded.dtype == torch.bool:
            decoded = decoded.long()
        if decoded.is_floating_point() and (decoded.ndim == 1 or decoded.shape[1] == 1):
            return self._scores(decoded.reshape(-1)).to(device)
        if not decoded.is_floating_point() and decoded.ndim == 2 and decoded.shape[1] == 1:
            decoded = decoded[:, 0]
        return decoded.to(device)

    def _scores(self, scores: Tensor) -> Tensor:
        if self.threshold is None:
            raise InputError(
                "the model returns one score for each input; say above which the label is 1: threshold=0 for "
                "a logit, threshold=0.5 for a probability."
            )
        # A score that is not a number makes both logits so: the copy counts as a miss.
        return torch.stack([torch.full_like(scores, self.threshold) + 0 * scores, scores], dim=1)

    def _named(self, names: np.ndarray) -> Tensor:
        if names.ndim != 1:
            raise InputError(f"names of classes must have the shape (rows,), got {names.shape}.")
        if self.class_names is None:
            raise InputError(
                f"the model returns names such as {str(names[0])!r}; have it return the numbers of the "
                "labels, or in Python give class_names=[...] in their order."
            )
        number = {name: label for label, name in enumerate(self.class_names)}
        # A name that is not on the list is a label that does not exist.
        return torch.tensor([number.get(str(name), len(number)) for name in names])


def _values(output: Any) -> Any:
    """The tensor, array or list of answers inside the containers that libraries wrap around it."""
    found: Any = output  # of no kind that is known, whatever the checks say
    if isinstance(output, Tensor | np.ndarray):
        return found
    if isinstance(output, Mapping) and "logits" in output:
        return found["logits"]
    if (logits := getattr(output, "logits", None)) is not None:
        return logits
    if isinstance(output, tuple) and len(found) == 1:
        return found[0]
    if isinstance(output, list):
        return np.asarray(found)
    if (to_numpy := getattr(output, "to_numpy", None)) is not None:  # series and frames
        return to_numpy()
    raise InputError(
        f"the model must return logits (rows, classes) or labels (rows,), got {type(output).__name__}."
    )


def _tensor(values: np.ndarray) -> Tensor:
    if values.dtype.kind not in "fiub":
        raise InputError(f"the model must return numbers, got {values.dtype}.")
    return writable(values.astype(values.dtype.newbyteorder("="), copy=False))


def writable(values: Any) -> Tensor:
    """An array as a tensor, copied where it may not be written to: tensors can be."""
    return torch.from_numpy(np.require(values, requirements=("C_CONTIGUOUS", "WRITEABLE")))
