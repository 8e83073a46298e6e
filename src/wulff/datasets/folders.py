"""Folders of images, with a folder for each class or without; ImageNet is one [Deng et al. 2009]."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from wulff._quoting import shown
from wulff.datasets.base import UNKNOWN, Dataset, printable
from wulff.datasets.image_files import ENDINGS, ImageFiles
from wulff.datasets.locations import expanded, files_below, folder_of
from wulff.errors import InputError

SPLIT_NAMES = {"train": ("train", "training"), "test": ("test", "testing", "val", "valid", "validation")}
SIZE = 224
LARGEST = 10_000
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
    Of a folder that holds images and no folders, true labels are not known.

    Args:
        split: `train` or `test`; the same where the folder has no such folders.
        path: The folder, perhaps with `@SIZE`: images become SIZE×SIZE, by default 224×224. A folder
            whose own name ends in `@3` is given as it is, or with the size behind: `images@3@64`.
    """
    if path is None:
        raise InputError("give the folder of images, as in folder:PATH or folder:PATH@64.")
    return _read("folder", split, path, needs_split=False)


def _read(name: str, split: str, path: str | None, *, needs_split: bool) -> Dataset:
    path, size = path_and_size(name, path)
    folder = folder_of(name, path)
    chosen = _split_folder(folder, split)
    if chosen is None:
        splits = [entry.name for entry in _folders(folder) if len(_folders(entry)) > 1]
        if needs_split or splits:
            found = f"; {', '.join(splits)} can be no class, with folders in it" if splits else ""
            wanted = " or ".join(SPLIT_NAMES[split])
            raise InputError(f"{folder} has no folder {wanted} with a folder per class{found}.")
        chosen = folder
    if not _folders(chosen) and (files := _images(chosen)):
        labels = torch.full((len(files),), UNKNOWN)
        return _dataset(f"{name}:{folder}", chosen, files, labels, size, None)
    # Labels must mean the same in all splits, even where one lacks a class.
    numbering = _split_folder(folder, "train") or chosen
    return _class_folders(f"{name}:{folder}", chosen, [entry.name for entry in _folders(numbering)], size)


def path_and_size(name: str, path: str | None, usual: int = SIZE) -> tuple[str | None, int]:
    """Take @SIZE off a path; a folder whose own name ends like that is read at the usual size."""
    match = re.fullmatch(r"(.*)@([0-9]+)", path or "", re.DOTALL)
    if path is None or match is None:
        return path, usual
    whole, bare = expanded(path), expanded(match[1] or ".")
    exists = os.path.isdir(whole)  # unlike `Path.is_dir` it takes a name of any length
    if exists and match[1] and bare.is_dir():
        raise InputError(
            f"there are both {bare} and {whole}; give {name}:{match[1]}/@{match[2]} for the first at that "
            f"size, or {name}:{path}@{usual or SIZE} for the second."
        )
    if exists:
        return path, usual
    if len(match[2]) > 5 or not 1 <= int(match[2]) <= LARGEST:
        raise InputError(f"images must be from 1×1 to {LARGEST}×{LARGEST}, got @{shown(match[2])}.")
    return match[1], int(match[2])


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")


def _split_folder(folder: Path, split: str) -> Path | None:
    """The folder of a split: one with its name that has folders in it, as a class called train has not."""
    named = (folder / part for part in SPLIT_NAMES[split])
    return next((entry for entry in named if entry.is_dir() and _folders(entry)), None)


def _class_folders(name: str, folder: Path, classes: list[str], size: int) -> Dataset:
    if len(classes) < 2:
        raise InputError(
            f"{folder} must hold a folder of images for each class, or images alone, which have no labels "
            f"then; got {len(classes)} folders."
        )
    files: list[Path] = []
    labels: list[int] = []
    for entry in _folders(folder):
        if entry.name not in classes:
            raise InputError(f"the class folder {entry} has no counterpart in the folder train beside it.")
        if entry.resolve() in (folder.resolve(), *folder.resolve().parents):
            raise InputError(f"the class folder {entry} is a link to a folder that contains it; remove it.")
        found = _images(entry)
        if not found:
            raise InputError(f"the class folder {entry} holds no images ({', '.join(sorted(ENDINGS))}).")
        files += found
        labels += [classes.index(entry.name)] * len(found)
    return _dataset(name, folder, files, torch.tensor(labels), size, classes)


def _images(folder: Path) -> list[Path]:
    """The images in a folder and below it."""
    found = [file for file in files_below(folder) if file.suffix.lower() in ENDINGS and file.name[0] != "."]
    broken = [file for file in found if not file.is_file()]
    if broken:
        raise InputError(f"{broken[0]} is a link that leads to no file; remove it or mend it.")
    return found


def _dataset(
    name: str, folder: Path, files: Sequence[Path], labels: Tensor, size: int, classes: Sequence[str] | None
) -> Dataset:
    return Dataset(
        name,
        ImageFiles(tuple(files), size),
        labels,
        num_classes=len(classes or [""]),
        class_names=None if classes is None else printable(classes),
        file_names=printable([file.relative_to(folder).as_posix() for file in files]),
    )
