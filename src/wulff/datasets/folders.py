"""Folders of images with one folder for each class; ImageNet is one [Deng et al. 2009]."""

from pathlib import Path

import torch

from wulff.datasets.base import Dataset
from wulff.datasets.image_files import ENDINGS, ImageFiles
from wulff.datasets.locations import folder_of
from wulff.errors import InputError

SPLIT_NAMES = {"train": ("train", "training"), "test": ("test", "testing", "val", "valid", "validation")}
SIZE = 224
IMAGENET_CLASSES = 1000


def imagenet(split: str, path: str | None = None) -> Dataset:
    """ImageNet in `train` and `val`, each with its 1,000 class folders; shorter side 256, central 224×224."""
    dataset = _read("imagenet", split, path, needs_split=True)
    if dataset.num_classes != IMAGENET_CLASSES:
        raise InputError(
            f"ImageNet has {IMAGENET_CLASSES:,} class folders, got {dataset.num_classes} in {dataset.name}; "
            "give other images as folder:PATH."
        )
    return dataset


def image_folder(split: str, path: str | None = None) -> Dataset:
    """Any folder of class folders, or of `train` and `test` (or `val`) with class folders in them.

    Classes are numbered in the order of their names; those of `train`, where there is one, hold everywhere.

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
    chosen = _split_folder(folder, split)
    if chosen is None:
        splits = [entry.name for entry in _folders(folder) if len(_folders(entry)) > 1]
        if needs_split or splits:
            found = f"; {', '.join(splits)} can be no class, with folders in it" if splits else ""
            wanted = " or ".join(SPLIT_NAMES[split])
            raise InputError(f"{folder} has no folder {wanted} with a folder per class{found}.")
        chosen = folder
    # Labels must mean the same in all splits, even where one lacks a class.
    numbering = _split_folder(folder, "train") or chosen
    return _class_folders(f"{name}:{folder}", chosen, [entry.name for entry in _folders(numbering)], size)


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")


def _split_folder(folder: Path, split: str) -> Path | None:
    """The folder of a split: one with its name that has folders in it, as a class called train has not."""
    named = (folder / part for part in SPLIT_NAMES[split])
    return next((entry for entry in named if entry.is_dir() and _folders(entry)), None)


def _class_folders(name: str, folder: Path, classes: list[str], size: int) -> Dataset:
    if len(classes) < 2:
        raise InputError(f"{folder} must hold a folder of images for each class, got {len(classes)} folders.")
    files: list[Path] = []
    labels: list[int] = []
    for entry in _folders(folder):
        if entry.name not in classes:
            raise InputError(f"the class folder {entry} has no counterpart in the folder train beside it.")
        found = sorted(
            file for file in entry.rglob("*") if file.suffix.lower() in ENDINGS and file.name[0] != "."
        )
        if not found:
            raise InputError(f"the class folder {entry} holds no images ({', '.join(sorted(ENDINGS))}).")
        files += found
        labels += [classes.index(entry.name)] * len(found)
    return Dataset(name, ImageFiles(tuple(files), size), torch.tensor(labels), num_classes=len(classes))
