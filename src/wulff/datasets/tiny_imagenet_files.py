"""Tiny ImageNet [Le & Yang 2015] as its authors lay it out: 200 classes, 64×64 in colour."""

from pathlib import Path

import torch

from wulff._quoting import shown
from wulff._reading import reading
from wulff.datasets.base import Dataset, printable
from wulff.datasets.folders import path_and_size
from wulff.datasets.image_files import ImageFiles
from wulff.datasets.locations import folder_of
from wulff.errors import InputError

SIDE = 64
SPLITS = {"train": "train", "test": "val"}
"""Its own test set has no labels: `folder:PATH/test/images@SIZE` reads it."""


def tiny_imagenet(split: str, path: str | None = None) -> Dataset:
    """Tiny ImageNet: `train` and, as test, `val`, whose labels are in `val/val_annotations.txt`.

    Classes are numbered in the order of their WordNet ids, as for folders.

    Args:
        split: `train` or `test`.
        path: The folder with `wnids.txt`, perhaps with `@SIZE`: images then become SIZE×SIZE as those of
            other folders do; by default they stay as they are, 64×64.
    """
    path, size = path_and_size("tiny-imagenet", path, usual=0)
    folder = folder_of("tiny-imagenet", path)
    with reading(folder / "wnids.txt", "list of classes"):
        classes = sorted((folder / "wnids.txt").read_text().split())
    found = _train(folder, classes) if split == "train" else _val(folder, classes)
    if not found or len(set(classes)) != len(classes):
        raise InputError(f"{folder} holds no images of the classes in wnids.txt; check the folder.")
    files = [file for file, _ in found]
    return Dataset(
        f"tiny-imagenet in {folder}",
        ImageFiles(tuple(files), size or SIDE, as_they_are=not size),
        torch.tensor([label for _, label in found]),
        num_classes=len(classes),
        class_names=printable(classes),
        file_names=printable([file.relative_to(folder).as_posix() for file in files]),
    )


def _train(folder: Path, classes: list[str]) -> list[tuple[Path, int]]:
    """Images in train/CLASS/images."""
    found: list[tuple[Path, int]] = []
    for label, name in enumerate(classes):
        inner = folder / SPLITS["train"] / name / "images"
        if not inner.is_dir():
            raise InputError(f"{inner} is missing; check the folder.")
        found += [(file, label) for file in sorted(inner.glob("*.JPEG"))]
    return found


def _val(folder: Path, classes: list[str]) -> list[tuple[Path, int]]:
    """Images in val/images, with the class of each in a line of val_annotations.txt."""
    annotations = folder / SPLITS["test"] / "val_annotations.txt"
    with reading(annotations, "list of labels"):
        lines = [line.split("\t") for line in annotations.read_text().splitlines() if line.strip()]
    numbers = {name: label for label, name in enumerate(classes)}
    found: list[tuple[Path, int]] = []
    for line in lines:
        file = folder / SPLITS["test"] / "images" / line[0]
        if len(line) < 2 or line[1] not in numbers:
            raise InputError(
                f"{annotations} has no class of wnids.txt behind {shown(line[0])}; get the file again."
            )
        if not file.is_file():
            raise InputError(f"{file} is missing, which {annotations.name} names; check the folder.")
        found.append((file, numbers[line[1]]))
    return found
