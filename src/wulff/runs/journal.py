"""The run folder: a document, an append-only journal of records, and a summary.

A run that was killed at any moment can be resumed: records are appended one by one, a torn last line is
dropped, and nothing is written before the spec is known to be the stored one.
"""

import contextlib
import dataclasses
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import tomli_w
from filelock import FileLock

from wulff import _files
from wulff._typing import IntArray
from wulff._version import __version__, what_changed
from wulff.errors import RunError
from wulff.runs.columns import Columns, columns_of, has_twice, paused_collector, read_rows, without_counts
from wulff.runs.document import Facts, Made, from_document, to_document
from wulff.runs.fit import Fit
from wulff.runs.folder import RECORDS, SPEC, SUMMARY, checksum_key, stored_document
from wulff.runs.records import Record, check_lines
from wulff.runs.stored import KEPT, Lines, Records

TOGETHER = 1000
"""Records that are written together where all are known."""
BLOCK = 1 << 17
"""Bytes of records that are read together."""
MAY_CHANGE = ("engine", "format", "plugins")
"""What decides no number, so that a resumed run may differ in it."""

LATER = ("of", "class_names")
"""What was not written from the beginning: `of` in format 0, names of classes before wulff 0.2."""


class Journal:
    """A run folder opened for writing; use it as a context manager.

    Where an error ends it before there is a record, what it has made is removed.

    Args:
        folder: Created where it does not exist.
        document: The complete document; it must equal the stored one, but for the engine, and for a version
            of wulff whose numbers are the same.

    Raises:
        RunError: The folder belongs to another spec, to another process, or is not a run.
    """

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self.folder = folder
        self.document = document
        self.records = Records()

    def __enter__(self) -> Self:
        stored = stored_document(self.folder)
        if stored is not None:
            accept(self.folder, stored, self.document)
        self._made = _files.absent(self.folder)
        with _files.made(self.folder):
            self._open()
        return self

    def _open(self) -> None:
        self._lock: FileLock = _files.claim(self.folder)
        try:
            for name in (SPEC, RECORDS, SUMMARY):
                _files.refuse_link(self.folder / name)
            stored = stored_document(self.folder)  # once more: another process may have been faster
            self._is_new = stored is None
            if stored is None:
                _files.write(self.folder / SPEC, tomli_w.dumps(self.document))
                stored = self.document
            else:
                accept(self.folder, stored, self.document)
            path = self.folder / RECORDS
            spec, facts = from_document(stored, self.folder / SPEC)
            self._key = checksum_key(stored)
            found = read_records(path, Fit(spec, facts), self._key, needs_checksums=facts.format > 0)
            self.records = found.records
            self._file = _files.appending(path)
            self._file.truncate(found.complete_bytes)
            self._size = found.complete_bytes
        except BaseException:
            self._lock.release()
            raise

    def append(self, *records: Record) -> None:
        """Write records; they are with the operating system when this returns.

        Raises:
            RunError: The disk is full, or the folder is not there any more.
        """
        lines = b"".join(record.to_line(self._key) for record in records)
        try:
            if not os.path.samestat(os.stat(self.folder / RECORDS), os.fstat(self._file.fileno())):
                raise FileNotFoundError
            _files.write_all(self._file, lines)
        except FileNotFoundError:
            raise RunError(
                f"{self.folder} was deleted or moved while the run was at work; start the run again."
            ) from None
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._size)  # a part of a line would be a torn one
            raise RunError(resumable(self.folder, error)) from None
        self._size += len(lines)
        for record in records:
            self.records.append(record)

    def append_missing(self, records: Iterable[Record]) -> None:
        """Write those of the records whose inputs have none yet."""
        done = set(self.records.columns.index.tolist())
        missing = [record for record in records if record.index not in done]
        for start in range(0, len(missing), TOGETHER):
            self.append(*missing[start : start + TOGETHER])

    def summarize(self, summary: dict[str, Any]) -> None:
        """Write the summary of a finished run."""
        _files.write(self.folder / SUMMARY, json.dumps(summary, indent=2) + "\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        unused = self._is_new and isinstance(error, Exception) and not self.records
        if unused:
            for name in (SPEC, RECORDS):
                (self.folder / name).unlink(missing_ok=True)
        self._lock.release()
        if unused:
            _files.remove_made(self._made)


class Unstored:
    """The journal of a run that lives in memory."""

    def __init__(self) -> None:
        self.records = Records()

    def append(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(record)

    def summarize(self, summary: dict[str, Any]) -> None:
        """Nothing: a run in memory has no summary."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def stored_run(folder: Path) -> Made | None:
    """What the run in a folder is made of; None if there is no folder, or nothing in it."""
    document = stored_document(folder)
    return None if document is None else from_document(document, folder / SPEC)


def accept(folder: Path, stored: dict[str, Any], given: dict[str, Any]) -> None:
    """Raise RunError where a stored document is of another run, or of a version with other numbers."""
    old, new = from_document(stored, folder / SPEC), from_document(given, folder / SPEC)
    refuse_other_version(folder, old.facts, new.facts)
    refuse_other_document(folder, to_document(*old), to_document(*new))


def refuse_other_document(folder: Path, stored: dict[str, Any], given: dict[str, Any]) -> None:
    """Raise RunError where two documents differ in anything that decides numbers.

    The version of wulff itself is for `refuse_other_version`; older runs lack what is in `LATER`.
    """
    for table in sorted({*stored, *given} - set(MAY_CHANGE)):
        old, new = stored.get(table, {}), given.get(table, {})
        for key in sorted({*old, *new} - ({"wulff"} if table == "versions" else set())):
            if old.get(key) != new.get(key) and not (key in LATER and key not in old):
                raise RunError(
                    f"{folder} holds a run with {key} = {old.get(key)!r}, but this one has {new.get(key)!r}; "
                    "give another folder, or the same parameters to resume."
                )


def refuse_other_version(folder: Path, stored: Facts, given: Facts) -> None:
    """Raise RunError where another version began a run, and its votes or radii are other ones."""
    made, now = stored.versions.get("wulff", "0.0.0"), given.versions.get("wulff", __version__)
    why = what_changed(made, now)
    if why is not None:
        raise RunError(
            f"{folder} was begun by wulff {made}, and this is wulff {now}: {why}; finish it "
            f"with wulff {made}, or give another folder."
        )


@dataclasses.dataclass(frozen=True)
class Found:
    """What a journal holds.

    Attributes:
        records: Its complete records.
        complete_bytes: The bytes that they take; a torn last line is left out.
        checked: Whether each of them has a checksum.
    """

    records: Records
    complete_bytes: int
    checked: bool


def read_records(path: Path, fit: Fit, key: bytes, *, needs_checksums: bool) -> Found:
    """The complete records of a journal.

    Args:
        path: The journal.
        fit: What the records have to obey.
        key: The key of their checksums.
        needs_checksums: Whether a line without a checksum is refused.

    Raises:
        RunError: A line before the last is not a record, was changed, does not fit, or an input has two.
    """
    blocks: list[Columns] = []
    no_starts = np.empty(0, dtype=np.int64)
    starts: list[IntArray] = []
    kept: list[bytes] = []
    number, end, checked = 1, 0, True
    with paused_collector(), path.open("rb") if path.exists() else io.BytesIO() as journal:
        while lines := journal.readlines(BLOCK):
            if not lines[-1].endswith(b"\n"):
                lines.pop()  # torn
            block, has_sums = _read_block(path, number, lines, fit, key, needs_checksums)
            checked &= has_sums
            blocks.append(block)
            ends = end + np.cumsum([0, *map(len, lines)], dtype=np.int64)
            starts.append(ends[:-1])
            number, end = number + len(lines), int(ends[-1])
            kept.extend(lines if end <= KEPT else [])
    columns = Columns.joined(blocks) if blocks else Columns.of([])
    if has_twice(columns.index):
        raise RunError(f"{path} has two records of one input; delete one of them.")
    lines_read = Lines(path, np.concatenate([*starts, no_starts]), kept if end <= KEPT else None)
    return Found(Records(lines=lines_read, stored=columns, fit=fit), end, checked)


def _read_block(
    path: Path, first: int, lines: list[bytes], fit: Fit, key: bytes, needs_checksums: bool
) -> tuple[Columns, bool]:
    """The columns of some lines, and whether each of them has a checksum."""
    right = check_lines(lines, key)
    block = rows = None
    all_right = set(right) == {True}
    if all_right:  # then the counts are as they were written; who uses them looks at them
        rows = read_rows([without_counts(line) for line in lines])
    elif False not in right and not needs_checksums:
        rows = read_rows(lines)
    if rows is not None:
        block = columns_of(rows, fit, with_counts=not all_right)
    if block is None:  # something is wrong, or unusual: line by line, to say what
        block = Columns.of(
            [
                _read_line(path, number, line, sum_is_right, fit, needs_checksums)
                for number, (line, sum_is_right) in enumerate(zip(lines, right, strict=True), first)
            ]
        )
    return block, None not in right


def _read_line(
    path: Path, number: int, line: bytes, right: bool | None, fit: Fit, needs_checksums: bool
) -> Record:
    """The record in a line, or why it is none."""
    try:
        record = Record.from_json(line.decode())
    except (RunError, UnicodeDecodeError):
        raise RunError(
            f"line {number} of {path} is damaged; delete that line to do the input again, or see "
            f"`wulff verify {path.parent}`."
        ) from None
    fault = fit.fault(record)
    if fault is None and right is False:
        fault = f"its checksum is wrong: it, or {SPEC}, was changed"
    elif fault is None and right is None and needs_checksums:
        fault = "it has no checksum"
    if fault is not None:
        raise RunError(
            f"line {number} of {path} does not fit its run: {fault}; delete that line to do the input "
            f"again, or see `wulff verify {path.parent}`."
        )
    return record


def resumable(folder: Path, error: OSError) -> str:
    """That a run could not be written on, and that nothing is lost."""
    return (
        f"{folder} cannot be written: {(error.strerror or str(error)).lower()}; "
        "mend that, and the same command goes on where it stopped."
    )
