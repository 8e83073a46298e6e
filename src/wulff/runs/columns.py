"""Many records at once, column by column: a million of them are checked and held as arrays."""

import contextlib
import dataclasses
import gc
import json
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import chain
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from wulff._typing import FloatArray, IntArray
from wulff.datasets import UNKNOWN
from wulff.runs.fit import Fit
from wulff.runs.records import Record
from wulff.stats import ABSTAIN

NO_N = -1
"""In the column n, where a record has none."""
_ALWAYS = {"index", "predict", "seconds"}
_SOMETIMES = {"label", "n", "error", "draw", "counts", "radii", "file", "checksum"}
_OF_A_RADIUS = {"radius", "method", "tight"}

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Columns:
    """What reports need of many records.

    Attributes:
        index: Positions in the data set.
        label: True labels; `UNKNOWN` where nobody has told them.
        predict: Labels of the smoothed classifier; -1 where it abstains.
        n: How many samples bounded each error, or made the prediction; `NO_N` where that is not known.
        seconds: The time that each input took.
        lost: For how many copies the model's output was not a number.
        radii: Certified radii by norm.
        published: The radii of imported logs by norm, as they were printed; elsewhere the same as `radii`.
        has_error: Whether there is a bound on any error.
    """

    index: IntArray
    label: IntArray
    predict: IntArray
    n: IntArray
    seconds: FloatArray
    lost: IntArray
    radii: Mapping[str, FloatArray]
    published: Mapping[str, FloatArray]
    has_error: bool

    @classmethod
    def of(cls, records: Sequence[Record]) -> Self:
        """The columns of records in memory."""
        norms = list(records[0].radii) if records else []
        found = {norm: [record.radii[norm] for record in records] for norm in norms}
        certified = {norm: np.array([r.radius for r in radii]) for norm, radii in found.items()}
        printed = certified
        if any(r.published is not None for radii in found.values() for r in radii):
            printed = {
                norm: np.array([r.radius if r.published is None else r.published for r in radii])
                for norm, radii in found.items()
            }
        return cls(
            np.array([record.index for record in records], np.int64),
            np.array([record.label for record in records], np.int64),
            np.array([record.predict for record in records], np.int64),
            np.array([NO_N if record.n is None else record.n for record in records], np.int64),
            np.array([record.seconds for record in records], np.float64),
            np.array([sum(record.not_a_number.values()) for record in records], np.int64),
            certified,
            printed,
            any(record.error is not None for record in records),
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Columns one below the other; the norms are those of the first."""
        parts = [part for part in parts if len(part.index)] or list(parts[:1])
        if len(parts) == 1:
            return parts[0]
        norms = list(parts[0].radii)

        def join(column: Callable[[Self], npt.NDArray[Any]]) -> Any:
            return np.concatenate([column(part) for part in parts])

        radii = {norm: join(lambda part, norm=norm: part.radii[norm]) for norm in norms}
        as_radii = all(part.published is part.radii for part in parts)
        return cls(
            join(lambda part: part.index),
            join(lambda part: part.label),
            join(lambda part: part.predict),
            join(lambda part: part.n),
            join(lambda part: part.seconds),
            join(lambda part: part.lost),
            radii,
            radii if as_radii else {n: join(lambda part, n=n: part.published[n]) for n in norms},
            any(part.has_error for part in parts),
        )


@contextlib.contextmanager
def paused_collector() -> Generator[None]:
    """No search for circular garbage: among millions of new dictionaries, which have none, it takes longer
    than all else."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def without_counts(line: bytes) -> bytes:
    """A line as wulff wrote it, without its counts, which take half of the time to parse."""
    before, found, rest = line.partition(b'"counts": {')
    _, ended, after = rest.partition(b"}}, ")
    return before + after if found and ended else line


def read_rows(lines: Sequence[bytes]) -> list[Row] | None:
    """The JSON objects in lines, read together; None where a line is no object of its own."""
    if not all(line.startswith(b'{"') and line.endswith(b"}\n") for line in lines):
        return None
    try:
        rows = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        return None
    return rows if len(rows) == len(lines) and set(map(type, rows)) == {dict} else None


def columns_of(rows: Sequence[Row], fit: Fit, *, with_counts: bool = True) -> Columns | None:
    """The columns of rows if all of them are records that fit their run, else None.

    Nothing that `Record.from_json` and `Fit.fault` refuse is accepted here; what is not is for them to name.

    Args:
        rows: The records as JSON objects.
        fit: What they have to obey.
        with_counts: Whether they have their counts; see `without_counts`.
    """
    try:
        return _columns(rows, fit, with_counts)
    except (TypeError, ValueError, AttributeError, LookupError, OverflowError):
        return None


class _Refused(ValueError):
    """A row is no record, or does not fit."""


def _columns(rows: Sequence[Row], fit: Fit, with_counts: bool) -> Columns:
    keys = {tuple(row) for row in rows}
    has = set(chain.from_iterable(keys))
    _need(has >= _ALWAYS and has <= _ALWAYS | _SOMETIMES and len(keys) == 1)
    _need(("label" in has) == fit.labelled)
    index, predict = (_whole([row[name] for row in rows]) for name in ("index", "predict"))
    label = _whole([row["label"] for row in rows]) if fit.labelled else np.full(len(rows), UNKNOWN)
    seconds = _numbers([row["seconds"] for row in rows])
    _need("file" not in has or set(map(type, (row["file"] for row in rows))) == {str})
    n = _whole([row["n"] for row in rows]) if "n" in has else np.full(len(rows), NO_N)
    _need(index.min() >= 0 and (fit.places is None or bool(_in_range(index, fit.places).all())))
    _need(not fit.labelled or (label.min() >= 0 and label.max() < fit.classes))
    _need(predict.min() >= ABSTAIN and predict.max() < fit.classes)
    _need("n" not in has or n.min() >= 0)
    for name in ("error", "draw"):
        if name in has:
            _need(_numbers([row[name] for row in rows]).max() <= 1)
    _need(not fit.phases or ("n" in has and bool(((n == fit.n) if fit.fixed else (n <= (fit.n or 0))).all())))
    if with_counts:
        _check_counts(rows, n, fit, has)
    radii, published = _radii(rows, fit, has)
    for values in radii.values():
        _need(not fit.phases or not values[predict == ABSTAIN].any())
    lost = np.zeros(len(rows), np.int64)  # rows that have some are for `Fit.fault`
    return Columns(index, label, predict, n, seconds, lost, radii, published, "error" in has)


def _check_counts(rows: Sequence[Row], n: IntArray, fit: Fit, has: set[str]) -> None:
    """Whether the counts are those of the run's phases, and no more than there were samples."""
    _need(("counts" in has) == bool(fit.phases))
    if not fit.phases:
        return
    _need({tuple(row["counts"]) for row in rows} == {fit.phases})
    for phase in fit.phases:
        counts: list[dict[str, int]] = [row["counts"][phase] for row in rows]
        for name in set[str]().union(*counts):
            _need(str(int(name)) == name and 0 <= int(name) < fit.classes)
        votes = [list(count.values()) for count in counts]
        _need(set(map(type, chain.from_iterable(votes))) <= {int})
        _need(min(chain.from_iterable(votes), default=0) >= 0)
        sums = np.array(list(map(sum, votes)), dtype=np.int64)
        size = fit.n0 if phase == "selection" else n
        assert size is not None
        _need(bool((sums == size).all() if fit.all_views else (sums <= size).all()))


def _radii(
    rows: Sequence[Row], fit: Fit, has: set[str]
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """The radii by norm, and those that were printed; the same object where none were."""
    _need(("radii" in has) == bool(fit.norms))
    if not fit.norms:
        return {}, {}
    _need({tuple(row["radii"]) for row in rows} == {tuple(fit.norms)})
    radii: dict[str, FloatArray] = {}
    published: dict[str, FloatArray] = {}
    for norm in fit.norms:
        found = [row["radii"][norm] for row in rows]
        (keys,) = {frozenset[str](radius) for radius in found}
        _need(set(keys) - {"published"} == _OF_A_RADIUS)
        _need(set(map(type, (radius["method"] for radius in found))) == {str})
        _need(set(map(type, (radius["tight"] for radius in found))) == {bool})
        radii[norm] = _numbers([radius["radius"] for radius in found])
        if "published" in keys:
            published[norm] = _numbers([radius["published"] for radius in found])
    _need(not published or published.keys() == radii.keys())
    return radii, published or radii


def _need(condition: bool | np.bool_) -> None:
    if not condition:
        raise _Refused


def _whole(values: list[Any]) -> IntArray:
    """Integers as an array; neither 1.0 nor True is one."""
    _need(set(map(type, values)) == {int})
    return np.array(values, dtype=np.int64)


def _numbers(values: list[Any]) -> FloatArray:
    """Finite numbers of at least 0 as an array."""
    _need(set(map(type, values)) <= {float, int})
    column = np.array(values, dtype=np.float64)
    _need(column.min() >= 0 and column.max() < math.inf)  # of NaN, neither holds
    return column


def _in_range(index: IntArray, places: range) -> npt.NDArray[np.bool_]:
    if not places:
        return np.zeros(len(index), dtype=bool)
    first, last = min(places[0], places[-1]), max(places[0], places[-1])
    return (index >= first) & (index <= last) & ((index - first) % abs(places.step) == 0)


def has_twice(index: IntArray) -> bool:
    """Whether an input occurs twice."""
    ordered = np.sort(index)
    return bool((ordered[1:] == ordered[:-1]).any())
