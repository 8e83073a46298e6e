"""Where data sets are looked for: a path in the name, a folder of the user's, and the default one."""

import os
from collections.abc import Sequence
from pathlib import Path

from wulff._quoting import shown
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
    places = [expanded(path)] if path else [home() / name, *also]
    for place in places:
        if os.path.isdir(place):  # unlike `Path.is_dir` it takes a name of any length
            return place
    looked = ", ".join(map(str, places))
    get = f", or run `wulff download {name}`" if name in SOURCES else ""
    remedy = "check the path" if path else f"give {name}:PATH, set {VARIABLE}{get}"
    raise InputError(f"{name} is not in {looked}; {remedy}.")


def expanded(path: str) -> Path:
    """A path whose ~ is somebody's home.

    Raises:
        InputError: There is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"{shown(path)} names the home of nobody here; give the whole path.") from None


def files_below(folder: Path) -> list[Path]:
    """The files in a folder and all folders in it, sorted; links are followed, and none is read twice."""
    files: list[Path] = []
    seen: set[tuple[int, int]] = set()
    left = [folder]
    while left:
        inner = left.pop()
        status = inner.stat()
        if (status.st_dev, status.st_ino) in seen:  # a link to a folder that contains it, or a second link
            continue
        seen.add((status.st_dev, status.st_ino))
        entries = sorted(inner.iterdir())
        files += [entry for entry in entries if not entry.is_dir()]
        left += reversed([entry for entry in entries if entry.is_dir()])
    return sorted(files)


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
