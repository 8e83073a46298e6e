"""Data sets: everything in [0, 1], with labels."""

from collections.abc import Callable
from pathlib import Path

from wulff.datasets.arrays import arrays
from wulff.datasets.base import Dataset
from wulff.datasets.digits import digits
from wulff.errors import InputError

DATASETS: dict[str, Callable[[str], Dataset]] = {"digits": digits}
"""Loaders by name; each takes `train` or `test`."""


def load(name: str, split: str = "test") -> Dataset:
    """The data set of that name, or in the .npz file of that path."""
    if name in DATASETS:
        return DATASETS[name](split)
    if name.endswith(".npz"):
        return arrays(Path(name))
    raise InputError(f"unknown data set {name!r}; give {', '.join(DATASETS)} or the path of an .npz file.")


__all__ = ["DATASETS", "Dataset", "arrays", "digits", "load"]
