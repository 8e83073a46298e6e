"""Folders of images with one folder for each class; ImageNet is one [Deng et al. 2009]."""

from pathlib import Path

import torch

from wulff.datasets.base import Dataset
from wulff.datasets.image_files import ENDINGS, ImageFiles
from wulff.datasets.locations import folder_of
from wulff.errors import InputError

SPLIT_NAMES = {"train": ("train",), "test": ("test", "val", "validation")}
SIZE = 224


def imagenet(split: str, path: str | None = None) -> Dataset:
    """ImageNet in `train` and `val`, a folder for each of the classes; shorter side 256, central 224×224."""
    return _read("imagenet", split, path, needs_split=True)


def image_folder(split: str, path: str | None = None) -> Dataset:
    """Any folder of class folders, or of `train` and `test` (or `val`) with class folders in them.

    Args:
        split: `train` or `test`; the same where the folder has no such folders.
        path: The folder, perhaps with `@SIZE`: images become SIZE×SIZE, by default 224×224.
    """
    if path is None:
        raise InputError("give the folder of images, as in folder:PATH or folder:PATH@64.")
    return _read("folder", split, path, needs_split=False)


def _read(name: str, split: str, path: str | None, *, needs_split: bool) -> Dataset:
    size = SIZE
    if path is not None and path.rpartition("@")[2].isdecimal() and "@" in path:
        path, _, text = path.rpartition("@")
        size = int(text)
    if size < 1:
        raise InputError(f"images must be at least 1×1, got {name}:{path}@{size}.")
    folder = folder_of(name, path)
    chosen = next((folder / part for part in SPLIT_NAMES[split] if (folder / part).is_dir()), None)
    if chosen is None and needs_split:
        raise InputError(f"{folder} has no folder {' or '.join(SPLIT_NAMES[split])} with a folder per class.")
    return _class_folders(f"{name}:{folder}", chosen or folder, size)


def _class_folders(name: str, folder: Path, size: int) -> Dataset:
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")
    if len(classes) < 2:
        raise InputError(f"{folder} must hold a folder of images for each class, got {len(classes)} folders.")
    files: list[Path] = []
    labels: list[int] = []
    for label, entry in enumerate(classes):
        found = sorted(
            file for file in entry.rglob("*") if file.suffix.lower() in ENDINGS and file.name[0] != "."
        )
        if not found:
            raise InputError(f"the class folder {entry} holds no images ({', '.join(sorted(ENDINGS))}).")
        files += found
        labels += [label] * len(found)
    return Dataset(name, ImageFiles(tuple(files), size), torch.tensor(labels), num_classes=len(classes))
