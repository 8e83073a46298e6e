"""Data sets: images in [0, 1] and tables in their own units, with labels where they are known."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from wulff._checks import instance, one_of
from wulff._registry import Registry
from wulff.datasets.base import UNKNOWN, Dataset
from wulff.datasets.bundled_digits import digits
from wulff.datasets.cifar10_files import cifar10
from wulff.datasets.cifar100_files import cifar100
from wulff.datasets.class_maps import ClassMap, check_class_map, onto_model, read_class_map
from wulff.datasets.downloading import download
from wulff.datasets.folders import image_folder, imagenet
from wulff.datasets.hugging_face_tables import hugging_face
from wulff.datasets.idx import fashion_mnist, mnist
from wulff.datasets.image_files import ImageFiles
from wulff.datasets.npm_package import cifar10_from_npm
from wulff.datasets.npy_files import array_pair
from wulff.datasets.npz_files import arrays
from wulff.datasets.sources import SOURCES
from wulff.datasets.stl10_files import stl10
from wulff.datasets.streamed import Streamed
from wulff.datasets.svhn_files import svhn
from wulff.datasets.table_files import PREFIX as TABLE
from wulff.datasets.table_files import read_table
from wulff.datasets.tiny_imagenet_files import tiny_imagenet
from wulff.errors import InputError
from wulff.tables import Feature, Layout, layout_of, read_scales

SPLITS = ("train", "test")
"""The two parts of a data set."""


class Loader(Protocol):
    """Reads one split of a data set; `path` says where it is, None that it is to be looked for."""

    def __call__(self, split: str, path: str | None = None) -> Dataset: ...


Reader = TypeVar("Reader", bound=Loader)

DATASETS: Registry[Loader] = Registry(
    "data set",
    {
        "digits": digits,
        "mnist": mnist,
        "fashion-mnist": fashion_mnist,
        "cifar10": cifar10,
        "cifar100": cifar100,
        "stl10": stl10,
        "svhn": svhn,
        "imagenet": imagenet,
        "tiny-imagenet": tiny_imagenet,
        "folder": image_folder,
        "hf-dataset": hugging_face,
    },
)
"""Loaders by name."""


def register(name: str) -> Callable[[Reader], Reader]:
    """A decorator that enters a loader of data under a name.

    Raises:
        InputError: The name is taken, or ends like that of one split.
    """
    if without_split(name) != name:
        raise InputError(f"a data set has both splits under one name without -train or -test, got {name!r}.")
    return DATASETS.register(name)


def load(name: str, split: str = "test", *, labelled: bool = True, table: Layout | None = None) -> Dataset:
    """The data set that a name stands for.

    Args:
        name: A name in `DATASETS`, perhaps with `-train` or `-test` for one split whatever is asked for, and
            perhaps with `:PATH` for the folder it is in; or the path of an .npz file, or the paths
            `IMAGES.npy,LABELS.npy`, of which the second may be left out; or `table:FILE`, a CSV or Parquet
            file, of which both splits are all rows.
        split: `train` or `test`.
        labelled: Whether an .npz file must have labels; without them all are 0.
        table: The columns of a table, which `layout_of` finds in its training rows.

    Raises:
        InputError: The name is unknown, or the data are missing or damaged.
    """
    one_of("split", split, SPLITS)
    known, _, path = instance("name", name, str, "the name of a data set, or of an .npz file").partition(":")
    if known == "table" and path:
        if table is None:
            raise InputError(f"{name} is a table; say which column holds the classes: target.", "target")
        return dataclasses.replace(read_table(path, table), name=name)
    if table is not None:
        raise InputError(f"columns are those of a table, as in table:FILE.csv, got {name}.", "dataset")
    if name.endswith(".npz") and without_split(known) not in DATASETS:
        return arrays(Path(name), labelled)
    if name.endswith(".npy") and without_split(known) not in DATASETS:
        return array_pair(name)
    fixed = re.fullmatch(rf"(.+)-({'|'.join(SPLITS)})", known)
    if fixed and fixed[1] in DATASETS:
        known, split = fixed.groups()
    loader = DATASETS.find(
        known,
        ", NAME:PATH, table:FILE.csv, an .npz file's path, IMAGES.npy,LABELS.npy, and what a --plugin MODULE "
        "brings",
    )
    return dataclasses.replace(loader(split, path or None), name=name)


USUAL_AUGMENTATION = {
    "cifar10": "crop-flip",
    "cifar100": "crop-flip",
    "imagenet": "resized-crop",
    "tiny-imagenet": "crop-flip",
    "svhn": "crop",
}
"""How images of a data set are usually changed for training; house numbers cannot be mirrored."""


def usual_augmentation(name: str) -> str:
    """The usual augmentation for a data set that `load` knows; `none` for others than natural images."""
    return USUAL_AUGMENTATION.get(without_split(name.partition(":")[0]), "none")


def without_split(name: str) -> str:
    """The name of a data set without `-train` or `-test`."""
    return name.removesuffix("-train").removesuffix("-test")


__all__ = [
    "DATASETS",
    "SOURCES",
    "SPLITS",
    "TABLE",
    "UNKNOWN",
    "ClassMap",
    "Dataset",
    "Feature",
    "ImageFiles",
    "Layout",
    "Loader",
    "Streamed",
    "array_pair",
    "arrays",
    "check_class_map",
    "cifar10",
    "cifar10_from_npm",
    "cifar100",
    "digits",
    "download",
    "fashion_mnist",
    "hugging_face",
    "image_folder",
    "imagenet",
    "layout_of",
    "load",
    "mnist",
    "onto_model",
    "read_class_map",
    "read_scales",
    "read_table",
    "register",
    "stl10",
    "svhn",
    "tiny_imagenet",
    "usual_augmentation",
    "without_split",
]
