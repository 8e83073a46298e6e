"""Where data sets are looked for: a path in the name, a folder of the user's, and the default one."""

import os
from collections.abc import Sequence
from pathlib import Path

from wulff.datasets.sources import SOURCES
from wulff.errors import InputError

VARIABLE = "WULFF_DATA"
"""The environment variable that names the folder with one folder for each data set."""


def home() -> Path:
    """The folder of all data sets: $WULFF_DATA, or ~/.cache/wulff."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".cache" / "wulff")


def folder_of(name: str, path: str | None, also: Sequence[Path] = ()) -> Path:
    """The folder of a data set.

    Args:
        name: The data set.
        path: Where the user says that it is; None to look for it.
        also: Where else it may be.

    Raises:
        InputError: There is no such folder; the message says where it was looked for.
    """
    places = [Path(path).expanduser()] if path else [home() / name, *also]
    for place in places:
        if place.is_dir():
            return place
    looked = ", ".join(map(str, places))
    get = f", or run `wulff download {name}`" if name in SOURCES else ""
    remedy = "check the path" if path else f"give {name}:PATH, set {VARIABLE}{get}"
    raise InputError(f"{name} is not in {looked}; {remedy}.")


def file_of(folder: Path, *names: str) -> Path:
    """The first of several file names that is in a folder, as it is or gzipped.

    Raises:
        InputError: None of them is.
    """
    for name in names:
        for candidate in (folder / name, folder / f"{name}.gz"):
            if candidate.is_file():
                return candidate
    raise InputError(f"{folder} lacks {' and '.join(names)}, gzipped or not; check the folder.")
