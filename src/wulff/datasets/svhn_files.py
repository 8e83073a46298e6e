"""SVHN, street view house numbers, in its cropped form [Netzer et al. 2011]."""

import math
from typing import Any, cast

import numpy as np
import torch

from wulff._reading import AGAIN, check_declared, reading
from wulff.datasets.base import Dataset
from wulff.datasets.locations import file_of, folder_of
from wulff.errors import InputError


def svhn(split: str, path: str | None = None) -> Dataset:
    """SVHN: 73,257 images for training and 26,032 for tests, 32×32 in colour, from `train_32x32.mat` etc."""
    from scipy import io  # imported here: it is needed nowhere else

    file = file_of(folder_of("svhn", path), f"{split}_32x32.mat")
    with reading(file, ".mat file with X and y"):
        arrays = cast(list[tuple[str, tuple[int, ...], str]], io.whosmat(file))
        declared = {name: math.prod(shape) for name, shape, _ in arrays}
        check_declared(file, 9 * sum(declared.get(name, 0) for name in ("X", "y")))  # doubles, then float32
        content = cast(dict[str, Any], io.loadmat(file, variable_names=["X", "y"]))
        images, labels = np.asarray(content["X"]), np.asarray(content["y"]).ravel()
    if labels.dtype.kind not in "iuf" or not np.isin(labels, range(11)).all():
        raise InputError(f"{file}: y must hold whole numbers from 0 to 10; {AGAIN}.")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3):
        raise InputError(f"{file}: X must be uint8 (32, 32, 3, n), got {images.dtype} {images.shape}.")
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(3, 2, 0, 1), dtype=np.float32)).div_(255)
    digits = torch.from_numpy(labels.astype(np.int64))
    return Dataset("svhn", pixels, torch.where(digits == 10, 0, digits), num_classes=10)  # 10 stands for 0
