"""What runs there are under some folders, one line each; PyTorch is loaded only where records are read."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from wulff import reports, runs
from wulff._checks import file_path, sequence_of
from wulff._numerics.rounding import decimal_down
from wulff.errors import InputError, WulffError
from wulff.reports.grids import Grid
from wulff.runs.folder import SPEC
from wulff.runs.headlines import read_headline

HEADS = ["run", "task", "noise", "data", "inputs", "accuracy at radius 0", "average radius", "state"]


def listing(folders: Sequence[str | Path]) -> Grid:
    """The runs in folders and below them, with their headline: heads first, then a line for each run.

    Raises:
        InputError: A folder does not exist.
    """
    grid = [HEADS]
    for given in sequence_of("folders", folders, (str, os.PathLike), "['runs']"):
        folder = file_path("each of folders", given)
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}.")
        grid += [found if isinstance(found, list) else _line(found) for found in _runs(folder)]
    return grid


def _runs(folder: Path) -> Iterator[Path | list[str]]:
    """Run folders, in alphabetical order, and lines for folders that cannot be read.

    Nothing is looked for inside a run, or in hidden folders.
    """
    try:
        if (folder / SPEC).is_file():
            yield folder
            return
        children = sorted(folder.iterdir())
    except OSError as error:
        yield _unread(folder, f"cannot be read: {error.strerror}")
        return
    for child in children:
        if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
            yield from _runs(child)


def _unread(folder: Path, why: str) -> list[str]:
    return [str(folder), *[""] * (len(HEADS) - 2), why]


def _line(folder: Path) -> list[str]:
    try:
        if (line := _known(folder)) is not None:
            return line
        run = runs.load(folder)
    except WulffError as error:
        return _unread(folder, f"damaged: {error}")
    except OSError as error:
        return _unread(folder, f"cannot be read: {error.strerror}")
    done, expected = len(run.records), run.expected
    accuracy = f"{run.scored.mean():.3f}" if done and run.facts.labelled else ""
    state = "finished" if done >= expected else "unfinished"
    if lost := run.not_a_number:
        state += _said(sum(lost.values()), next(iter(lost)))
    what = [run.spec.task, _noise(run.spec.noise), run.spec.dataset or ""]
    return [str(folder), *what, f"{done:,} of {expected:,}", accuracy, _averages(run), state]


def _known(folder: Path) -> list[str] | None:
    """The line of a finished run by its summary, which is read a thousand times faster than its records."""
    known = read_headline(folder)
    if known is None:
        return None
    averages = [f"{n} {decimal_down(r, 3)}" for n, r in known.average_certified_radius.items()]
    return [
        *(str(folder), known.task, _noise(known.noise), known.dataset or ""),
        f"{known.inputs:,} of {known.inputs:,}",
        "" if known.correct is None else f"{known.correct / known.inputs:.3f}",
        ", ".join(averages),
        "finished" + (_said(known.not_a_number, known.not_a_number_since) if known.not_a_number else ""),
    ]


def _noise(spec: str | None) -> str:
    """A noise in one line: of more than three scales or other numbers of its columns the first ones."""
    return re.sub(r"\[([^\],]*,[^\],]*),[^\],]*,[^\]]*\]", r"[\1, ...]", spec or "")


def _said(copies: int, since: int | None) -> str:
    return f"; {copies:,} copies not a number since input {since}"


def _averages(run: "runs.Run") -> str:
    if not run.records:
        return ""
    return ", ".join(
        f"{norm} {decimal_down(reports.curve(run, norm).average_certified_radius, 3)}" for norm in run.norms
    )
