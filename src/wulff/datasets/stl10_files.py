"""STL-10 [Coates et al. 2011] in its binary form: pixels and labels in two files for each split."""

import numpy as np
import torch

from wulff._reading import AGAIN, check_declared, reading
from wulff.datasets.base import Dataset
from wulff.datasets.cifar10_files import find
from wulff.datasets.locations import folder_of
from wulff.errors import InputError

SIDE = 96
PIXELS = 3 * SIDE * SIDE
CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
"""As its authors call them, in their order, which is not that of CIFAR-10."""


def stl10(split: str, path: str | None = None) -> Dataset:
    """STL-10: 5,000 labelled images for training and 8,000 for tests, 96×96 in colour, ten classes.

    The folder holds, itself or in a folder of it, `train_X.bin`, `train_y.bin`, `test_X.bin`, `test_y.bin`.
    """
    folder = folder_of("stl10", path)
    files = [find(folder, f"{split}_{part}.bin") for part in ("X", "y")]
    if files[0] is None or files[1] is None:
        raise InputError(f"{folder} lacks {split}_X.bin or {split}_y.bin of STL-10; check the folder.")
    with reading(files[0], "file of pixels"):
        check_declared(files[0], 9 * files[0].stat().st_size)  # bytes, and float32 twice
        pixels = np.frombuffer(files[0].read_bytes(), dtype=np.uint8)
    with reading(files[1], "file of labels"):
        check_declared(files[1], 9 * files[1].stat().st_size)
        labels = np.frombuffer(files[1].read_bytes(), dtype=np.uint8)
    if pixels.size == 0 or pixels.size % PIXELS:
        raise InputError(f"{files[0]} is not made of rows of {PIXELS:,} bytes; {AGAIN}.")
    if labels.size != pixels.size // PIXELS or labels.min() < 1 or labels.max() > 10:
        raise InputError(
            f"{files[1]} must hold {pixels.size // PIXELS:,} labels from 1 to 10, got {labels.size:,} from "
            f"{labels.min(initial=255)} to {labels.max(initial=0)}; {AGAIN}."
        )
    columns_first = pixels.reshape(-1, 3, SIDE, SIDE)
    images = np.ascontiguousarray(columns_first.transpose(0, 1, 3, 2), dtype=np.float32)
    classes = torch.from_numpy(labels.astype(np.int64) - 1)
    scaled = torch.from_numpy(images).div_(255)
    return Dataset(f"stl10 in {folder}", scaled, classes, num_classes=10, class_names=CLASSES)
