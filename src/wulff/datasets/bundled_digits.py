"""Handwritten digits, 8×8, bundled with scikit-learn: 1,797 real images [Alpaydin & Kaynak 1998]."""

from typing import Any, cast

import numpy as np
import torch

from wulff.datasets.base import Dataset
from wulff.errors import InputError


def digits(split: str, path: str | None = None) -> Dataset:
    """Every fourth image is held out as `test` (450); the other 1,347 are `train`."""
    from sklearn.datasets import load_digits  # imported here: it takes a second

    if path is not None:
        raise InputError(f"digits are bundled and need no path, got {path!r}.")
    pixels, labels = cast(Any, load_digits(return_X_y=True))
    held_out = np.arange(len(labels)) % 4 == 0
    chosen = held_out if split == "test" else ~held_out
    images = torch.as_tensor(pixels[chosen] / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    return Dataset("digits", images, torch.as_tensor(labels[chosen], dtype=torch.int64), num_classes=10)
