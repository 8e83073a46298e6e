"""The records of a run: columns in memory, whole records read from the journal when they are asked for."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from wulff._typing import IntArray
from wulff.errors import RunError
from wulff.runs.columns import Columns
from wulff.runs.fit import Fit
from wulff.runs.records import Record

KEPT = 1 << 23
"""Bytes of records that are kept in memory as they were read; longer journals are read again."""


class Lines:
    """The complete lines of a journal.

    Args:
        path: The journal.
        starts: Where each line starts in it.
        kept: The lines themselves, if they are kept.
    """

    def __init__(self, path: Path, starts: IntArray, kept: Sequence[bytes] | None) -> None:
        self.path, self.starts, self.kept = path, starts, kept

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, place: int) -> bytes:
        if self.kept is not None:
            return self.kept[place]
        with self.path.open("rb") as journal:
            journal.seek(int(self.starts[place]))
            return journal.readline()

    def __iter__(self) -> Iterator[bytes]:
        if self.kept is not None:
            yield from self.kept
            return
        with self.path.open("rb") as journal:
            yield from islice(journal, len(self))


class Records(Sequence[Record]):
    """The records of a run, in the order in which they were made.

    Args:
        records: Those in memory.
        lines: Those in a journal, which come before them.
        stored: Their columns.
        fit: What they have to obey; whole records are looked at when they are read.
    """

    def __init__(
        self,
        records: Iterable[Record] = (),
        lines: Lines | None = None,
        stored: Columns | None = None,
        fit: Fit | None = None,
    ) -> None:
        self._fit = fit
        self._lines, self._stored = lines, stored
        self._before = 0 if lines is None else len(lines)
        self._new = list(records)
        self._joined: tuple[int, Columns] | None = None

    @property
    def columns(self) -> Columns:
        """All records, column by column."""
        if self._joined is None or self._joined[0] != len(self):
            parts = [self._stored] if self._stored is not None else []
            self._joined = (len(self), Columns.joined([*parts, Columns.of(self._new)]))
        return self._joined[1]

    def append(self, record: Record) -> None:
        """Add a record that the journal has from now on."""
        self._new.append(record)

    def where(self, wanted: npt.NDArray[np.bool_]) -> Iterator[Record]:
        """The records in the places that are wanted; the others are not read."""
        if self._lines is not None:
            for place in compress(enumerate(self._lines), wanted.tolist()):
                yield self._read(*place)
        yield from compress(self._new, wanted[self._before :].tolist())

    def __len__(self) -> int:
        return self._before + len(self._new)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> list[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | list[Record]:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        place = range(len(self))[place]
        if self._lines is None or place >= self._before:
            return self._new[place - self._before]
        return self._read(place, self._lines[place])

    def __iter__(self) -> Iterator[Record]:
        return self.where(np.ones(len(self), dtype=bool))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Records({list(islice(self, 3))}{', ...' if len(self) > 3 else ''})"

    def _read(self, place: int, line: bytes) -> Record:
        assert self._stored is not None
        record = Record.from_json(line.decode())
        if record.index != self._stored.index[place]:
            raise RunError("the journal was changed while it was read; read the run again.")
        if self._fit is not None and (fault := self._fit.fault(record)) is not None:
            raise RunError(
                f"the record of input {record.index} does not fit its run: {fault}; delete its line."
            )
        return record
