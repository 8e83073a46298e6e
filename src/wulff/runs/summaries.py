"""The summary of a finished run: what is worth knowing at a glance, without reading its records."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wulff.errors import WulffError
from wulff.runs.columns import NO_N
from wulff.runs.document import NOT_IDENTIFIED, checksum_key
from wulff.runs.journal import RECORDS, SUMMARY, stored_document
from wulff.runs.run import Run
from wulff.stats import ABSTAIN


@dataclasses.dataclass(frozen=True)
class Summary:
    """A finished run at a glance.

    Attributes:
        inputs: How many there are.
        correct: On how many of them the label is right; None where true labels are not known.
        average_certified_radius: By norm; wrong and abstained inputs count as zero.
        not_a_number: For how many copies the model's output was not a number.
        not_a_number_since: The first input with such copies, if there is one.
    """

    inputs: int
    correct: int | None
    average_certified_radius: Mapping[str, float]
    not_a_number: int = 0
    not_a_number_since: int | None = None


def summary(run: Run) -> dict[str, Any]:
    """What summary.json says of a run."""
    columns = run.columns
    scored = run.scored
    lost = run.not_a_number
    return {
        "inputs": len(scored),
        **({"correct": int(scored.sum())} if run.facts.labelled else {}),
        **({} if run.facts.identified else {"classifier": NOT_IDENTIFIED}),
        "abstained": int((columns.predict == ABSTAIN).sum()),
        "average_certified_radius": {
            norm: float(np.where(scored, run.radii(norm), 0.0).mean()) for norm in run.norms
        },
        **({"not_a_number": sum(lost.values()), "not_a_number_since": next(iter(lost))} if lost else {}),
        "samples": int(columns.n[columns.n != NO_N].sum()),
        "seconds": round(float(columns.seconds.sum()), 3),
        "document": checksum_key(run.document).hex(),
        "records": fingerprint(run.folder / RECORDS),
    }


def fingerprint(records: Path) -> dict[str, Any]:
    """By what the summary knows the journal that it is of."""
    with records.open("rb") as content:
        digest = hashlib.file_digest(content, "blake2b").hexdigest()
    return {"bytes": records.stat().st_size, "blake2b": digest}


def read_summary(folder: Path) -> Summary | None:
    """The summary of a run, if it is of the document and the records that the run has now, else None.

    It is where no record was written after it, or the records still have their fingerprint.
    """
    try:
        found = json.loads((folder / SUMMARY).read_text())
        written, journal = (folder / SUMMARY).stat(), (folder / RECORDS).stat()
        known = found["records"]
        document = stored_document(folder)
        if document is None or checksum_key(document).hex() != found["document"]:
            return None
        if journal.st_size != known["bytes"]:
            return None
        if journal.st_mtime_ns > written.st_mtime_ns and fingerprint(folder / RECORDS) != known:
            return None
        averages = found["average_certified_radius"]
        return Summary(
            int(found["inputs"]),
            int(found["correct"]) if "correct" in found else None,
            {str(norm): float(radius) for norm, radius in averages.items()},
            int(found.get("not_a_number", 0)),
            found.get("not_a_number_since"),
        )
    except (OSError, WulffError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
