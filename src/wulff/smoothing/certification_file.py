"""Certifications on disk: one JSON file with terms, votes and radii, and a checksum over all of it."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any, cast

import numpy as np

from wulff import _files, noises
from wulff._reading import check_declared, reading
from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.smoothing.samplers import Grid
from wulff.smoothing.terms import Terms
from wulff.stats import Anytime

FORMAT = 1
KIND = "file of a certification"
_REMEDY = "get the file again, or certify again"


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the content, of numbers, text and lists, with its checksum."""
    text = json.dumps(content, sort_keys=True)
    whole = {"format": FORMAT, "content": content, "checksum": _checksum(text)}
    _files.write(path, json.dumps(whole) + "\n")


def read(path: Path) -> dict[str, Any]:
    """The content of a file.

    Raises:
        InputError: It is missing, damaged, changed, or of a later version.
    """
    with reading(path, KIND, _REMEDY):
        check_declared(path, 10 * path.stat().st_size)
        found = json.loads(path.read_bytes())
        if not isinstance(found, dict) or not isinstance(found.get("content"), dict):
            raise ValueError("it holds something else")
        if found.get("format") != FORMAT:
            raise ValueError(f"its format is {found.get('format')!r}, and this version reads {FORMAT}")
        if found.get("checksum") != _checksum(json.dumps(found["content"], sort_keys=True)):
            raise ValueError("its checksum is another one: it was changed")
    return cast(dict[str, Any], found["content"])


def _checksum(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def of_terms(terms: Terms) -> dict[str, Any]:
    """Terms as numbers and text.

    Raises:
        InputError: Their noise was made in Python, and no spec string stands for it.
    """
    name = str(terms.noise)
    try:
        same = noises.parse(name) == terms.noise
    except InputError:
        same = False
    if not same:
        raise InputError(f"the noise {name} cannot be written: no spec string stands for it.")
    stop = terms.stop
    return {
        "noise": name,
        **{key: getattr(terms, key) for key in ("n0", "n", "alpha", "seed", "bound", "estimator", "top")},
        "stop": None
        if stop is None
        else {
            "radii": list(stop.radii),
            "relative": stop.relative,
            "beta": stop.beta,
            "skip_incorrect": stop.skip_incorrect,
        },
        "levels": None if terms.grid is None else terms.grid.levels,
    }


def to_terms(document: dict[str, Any]) -> Terms:
    """The terms that `of_terms` wrote."""
    kept = dict(document)
    noise, stop, levels = (kept.pop(name) for name in ("noise", "stop", "levels"))
    return Terms(
        **kept,
        noise=noises.parse(noise),
        stop=None if stop is None else Anytime(**stop | {"radii": tuple(stop["radii"])}),
        grid=None if levels is None else Grid(levels),
    )


def of_votes(votes: IntArray) -> list[list[list[int]]]:
    """Votes by class for each input, without the classes that have none."""
    return [[[int(c), int(row[c])] for c in row.nonzero()[0]] for row in votes]


def to_votes(rows: list[list[list[int]]], classes: int) -> IntArray:
    """The votes that `of_votes` wrote."""
    check_declared("the file", 8 * math.prod((len(rows), classes)))
    votes = np.zeros((len(rows), classes), dtype=np.int64)
    for row, pairs in zip(votes, rows, strict=True):
        for label, count in pairs:
            row[label] = count
    return votes
