"""MNIST and Fashion-MNIST in their IDX files [LeCun et al. 1998; Xiao et al. 2017]."""

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import torch

from wulff._reading import AGAIN, check_declared, reading
from wulff.datasets.base import Dataset
from wulff.datasets.locations import file_of, folder_of
from wulff.errors import InputError

SYSTEM_FOLDERS = {
    "mnist": (Path("/usr/share/datasets/mnist"),),
    "fashion-mnist": (Path("/usr/share/datasets/fashion-mnist"),),  # Debian's dataset-fashion-mnist
}
TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
"""The folders in which torchvision puts the files, in one called raw; their names are the same for all."""
FAMILY = (*TORCHVISION.values(), "KMNIST", "EMNIST", "QMNIST")
CLOTHING = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
"""The classes of Fashion-MNIST, as its authors call them; those of MNIST are digits."""
PREFIXES = {"train": "train", "test": "t10k"}
UNSIGNED_BYTE = 0x08


def mnist(split: str, path: str | None = None) -> Dataset:
    """MNIST: 60,000 images for training and 10,000 for tests, 28×28, ten digits."""
    return _read("mnist", split, path)


def fashion_mnist(split: str, path: str | None = None) -> Dataset:
    """Fashion-MNIST: 60,000 images for training and 10,000 for tests, 28×28, ten kinds of clothing."""
    return _read("fashion-mnist", split, path)


def read_idx(path: Path) -> np.ndarray:
    """The array in an IDX file of unsigned bytes, gzipped or not.

    Raises:
        InputError: The file is damaged or holds something else.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with reading(path, "IDX file"), opened(path, "rb") as stream:
        start = stream.read(4)
        if len(start) < 4 or start[:3] != bytes([0, 0, UNSIGNED_BYTE]) or start[3] not in (1, 3):
            raise InputError(f"{path} is not an IDX file of unsigned bytes; {AGAIN}.")
        shape = struct.unpack(f">{start[3]}I", stream.read(4 * start[3]))
        size = math.prod(shape)
        check_declared(path, 5 * size)  # as bytes and as float32
        content = stream.read(size + 1)
        if len(content) != size:
            raise InputError(f"{path} is cut short or too long for its shape {shape}; {AGAIN}.")
        return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read(name: str, split: str, path: str | None) -> Dataset:
    folder = _raw_folder(name, folder_of(name, path, SYSTEM_FOLDERS[name]))
    prefix = PREFIXES[split]
    files = [
        file_of(folder, f"{prefix}-{kind}-idx{axes}-ubyte", f"{prefix}-{kind}.idx{axes}-ubyte")
        for kind, axes in (("images", 3), ("labels", 1))
    ]
    images, labels = (read_idx(file) for file in files)
    if images.ndim != 3 or labels.ndim != 1:
        raise InputError(
            f"{folder}: images and labels must have 3 axes and 1, got {images.ndim} and {labels.ndim}."
        )
    pixels = torch.from_numpy(images.astype(np.float32)).div_(255).unsqueeze(1)
    names = CLOTHING if name == "fashion-mnist" else None
    return Dataset(name, pixels, torch.from_numpy(labels.astype(np.int64)), num_classes=10, class_names=names)


def _raw_folder(name: str, folder: Path) -> Path:
    """The folder of the files: itself, or in it where torchvision puts them, but never those of another."""
    own = TORCHVISION[name]
    for inner in (folder / own / "raw", folder / "raw" if folder.resolve().name == own else None):
        if inner is not None and inner.is_dir():
            return inner
    *_, outer, last = ("", "", *folder.resolve().parts)
    named = outer if last == "raw" else last
    if named in FAMILY and named != own:
        raise InputError(f"{folder} holds {named}, not {name}; give the folder that holds {own}.")
    return folder
