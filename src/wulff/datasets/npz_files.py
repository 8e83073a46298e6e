"""Data sets in .npz files: two arrays, `images` and `labels`."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wulff._quoting import shown
from wulff.datasets.array_files import read_npz
from wulff.datasets.base import Dataset
from wulff.errors import InputError

MOST_CLASSES = 1_000_000
"""A larger label is a mistake, and no network could have an output for each."""


def arrays(path: Path, labelled: bool = True) -> Dataset:
    """Read `images` and `labels` from an .npz file.

    Images are uint8 of shape (n, height, width) or (n, height, width, channels), which become float32 in
    [0, 1] of shape (n, channels, height, width); or floating point in [0, 1] of any shape (n, ...), which
    stay as they are, so that tables of features can be certified too.

    Args:
        path: The file.
        labelled: Whether there must be labels; without them all are 0.

    Raises:
        InputError: The file is missing, is no .npz file, or lacks an array.
    """
    needed = ["images", "labels"] if labelled else ["images"]
    content, found = read_npz(path, ["images", "labels"])
    if not set(needed) <= set(content):
        got = ", ".join(map(shown, found)) or "none"
        raise InputError(f"{path} must hold the arrays {' and '.join(needed)}, got {got}.")
    images = content["images"]
    labels = checked_labels(path, content.get("labels", np.zeros(images.shape[:1], np.int64)))
    pixels = torch.from_numpy(pixels_of(path, images))
    return Dataset(str(path), pixels, labels, num_classes=int(labels.max()) + 1)


def checked_labels(path: Path, labels: np.ndarray) -> Tensor:
    """Labels as a tensor; refuses what cannot be labels.

    Args:
        path: Where they are from.
        labels: The array.
    """
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or len(labels) == 0:
        raise InputError(f"{path}: labels must be integers of shape (n,), got {labels.dtype} {labels.shape}.")
    if int(labels.max()) >= MOST_CLASSES:
        raise InputError(f"{path}: labels must lie below {MOST_CLASSES:,}, got {int(labels.max())}.")
    return torch.from_numpy(labels.astype(np.int64))


def pixels_of(path: Path, images: np.ndarray) -> np.ndarray:
    """Images as float32, channels first; those of 8 bits are divided by 255.

    Args:
        path: Where they are from.
        images: The array, or some of its rows.
    """
    if images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] > 4 and images.shape[1] in (1, 3):
        raise InputError(
            f"{path}: uint8 images have their channels last, (n, h, w, channels), got {images.shape}."
        )
    if images.dtype == np.uint8 and images.ndim in (3, 4):
        images = images[..., None] if images.ndim == 3 else images
        images = np.ascontiguousarray(np.moveaxis(images, -1, 1)).astype(np.float32)
        images /= np.float32(255)
    elif images.dtype.kind != "f":
        raise InputError(
            f"{path}: images must be uint8 (n, h, w[, c]) or floating point, got {images.dtype}."
        )
    elif images.ndim == 4 and images.shape[3] in (1, 3) and min(images.shape[1:3]) > 4:
        raise InputError(
            f"{path}: floating point images have their channels first, (n, channels, h, w), "
            f"got {images.shape}."
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what is infinite then is refused by `Dataset`
        return np.ascontiguousarray(images, dtype=np.float32)
