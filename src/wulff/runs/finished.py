"""Runs whose records are all known at once: imported ones and recertified ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wulff.runs.execute import finished, summary
from wulff.runs.journal import Journal
from wulff.runs.records import Record
from wulff.runs.run import Run, load


def store_finished(store: str | Path, document: dict[str, Any], records: Sequence[Record]) -> Run:
    """Write a whole run, or what an earlier process left of it to be written."""
    done = finished(Path(store), document, {record.index for record in records})
    if done is not None:
        return done
    with Journal(Path(store), document) as journal:
        journal.append_missing(records)
        run = load(store)
        journal.summarize(summary(run))
    return run
