"""The run folder: a spec, an append-only journal of records, and a summary.

A run that was killed at any moment can be resumed: records are appended one by one, a torn last line is
dropped, and nothing is written before the spec is known to be the stored one.
"""

import contextlib
import json
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tomli_w
from filelock import FileLock

from wulff import _files
from wulff.errors import RunError
from wulff.runs.records import Record

SPEC = "spec.toml"
RECORDS = "records.jsonl"
SUMMARY = "summary.json"
MAY_CHANGE = ("engine",)
"""Tables of the spec that decide no number, so that a resumed run may differ in them."""


class Journal:
    """A run folder opened for writing; use it as a context manager.

    Args:
        folder: Created where it does not exist.
        document: The complete spec; it must equal the stored one, but for the engine.

    Raises:
        RunError: The folder belongs to another spec, to another process, or is not a run.
    """

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self.folder = folder
        self.document = document
        self.records: list[Record] = []

    def __enter__(self) -> Self:
        stored = stored_spec(self.folder)
        if stored is not None:
            refuse_other_spec(self.folder, stored, self.document)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock: FileLock = _files.claim(self.folder)
        try:
            for name in (SPEC, RECORDS, SUMMARY):
                _files.refuse_link(self.folder / name)
            stored = stored_spec(self.folder)  # once more: another process may have been faster
            if stored is None:
                _files.write(self.folder / SPEC, tomli_w.dumps(self.document))
            else:
                refuse_other_spec(self.folder, stored, self.document)
            path = self.folder / RECORDS
            self.records, complete_bytes = read_records(path)
            self._file = _files.appending(path)
            self._file.truncate(complete_bytes)
            self._size = complete_bytes
        except BaseException:
            self._lock.release()
            raise
        return self

    def append(self, record: Record) -> None:
        """Write a record; it is with the operating system when this returns.

        Raises:
            RunError: The disk is full, or the folder is not there any more.
        """
        line = record.to_json().encode() + b"\n"
        try:
            if not os.path.samestat(os.stat(self.folder / RECORDS), os.fstat(self._file.fileno())):
                raise FileNotFoundError
            _files.write_all(self._file, line)
        except FileNotFoundError:
            raise RunError(
                f"{self.folder} was deleted or moved while the run was at work; start the run again."
            ) from None
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._size)  # a part of a line would be a torn one
            raise RunError(resumable(self.folder, error)) from None
        self._size += len(line)
        self.records.append(record)

    def append_missing(self, records: Iterable[Record]) -> None:
        """Write those of the records whose inputs have none yet."""
        done = {record.index for record in self.records}
        for record in records:
            if record.index not in done:
                self.append(record)

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
        self._lock.release()


def stored_spec(folder: Path) -> dict[str, Any] | None:
    """The spec in a folder; None if there is no folder, or nothing in it."""
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; give a folder for the run.")
    if not (folder / SPEC).is_file():
        if folder.is_dir() and any(not file.name.startswith(".") for file in folder.iterdir()):
            raise RunError(f"{folder} is not a run (it has no {SPEC}) and not empty; give another folder.")
        return None
    try:
        return tomllib.loads((folder / SPEC).read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{folder / SPEC} is damaged: {error}.") from None


def refuse_other_spec(folder: Path, stored: dict[str, Any], given: dict[str, Any]) -> None:
    """Raise RunError where two specs differ in anything that decides numbers."""
    for table in sorted({*stored, *given} - set(MAY_CHANGE)):
        old, new = stored.get(table, {}), given.get(table, {})
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                raise RunError(
                    f"{folder} holds a run with {key} = {old.get(key)!r}, but this one has {new.get(key)!r}; "
                    "give another folder, or the same parameters to resume."
                )


def read_records(path: Path) -> tuple[list[Record], int]:
    """The complete records of a journal, and the bytes that they take; a torn last line is left out.

    Raises:
        RunError: A line before the last is not a record, or an input has two.
    """
    content = path.read_bytes() if path.exists() else b""
    complete = content.rfind(b"\n") + 1
    records: list[Record] = []
    for number, line in enumerate(content[:complete].splitlines(), start=1):
        try:
            records.append(Record.from_json(line.decode()))
        except (RunError, UnicodeDecodeError):
            raise RunError(
                f"line {number} of {path} is damaged; delete that line to do the input again."
            ) from None
    if len({record.index for record in records}) < len(records):
        raise RunError(f"{path} has two records of one input; delete one of them.")
    return records, complete


def resumable(folder: Path, error: OSError) -> str:
    """That a run could not be written on, and that nothing is lost."""
    return (
        f"{folder} cannot be written: {(error.strerror or str(error)).lower()}; "
        "mend that, and the same command goes on where it stopped."
    )
