"""The headline of a finished run, read from its summary and not from its records."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wulff.errors import WulffError
from wulff.runs.folder import FORMAT, RECORDS, SUMMARY, checksum_key, stored_document


@dataclasses.dataclass(frozen=True)
class Headline:
    """A finished run at a glance.

    Attributes:
        task: What was done: certify, predict, ...
        noise: Its spec string, if it is known.
        dataset: Where the inputs are from, if it is known.
        inputs: How many there are.
        correct: On how many of them the label is right; None where true labels are not known.
        average_certified_radius: By norm; wrong and abstained inputs count as zero.
        not_a_number: For how many copies the model's output was not a number.
        not_a_number_since: The first input with such copies, if there is one.
    """

    task: str
    noise: str | None
    dataset: str | None
    inputs: int
    correct: int | None
    average_certified_radius: Mapping[str, float]
    not_a_number: int = 0
    not_a_number_since: int | None = None


def fingerprint(records: Path) -> dict[str, Any]:
    """By what the summary knows the journal that it is of."""
    with records.open("rb") as content:
        digest = hashlib.file_digest(content, "blake2b").hexdigest()
    return {"bytes": records.stat().st_size, "blake2b": digest}


def read_headline(folder: Path) -> Headline | None:
    """The headline of a run, if its summary is of the document and the records that are there now, else None.

    It is where no record was written after it, or the records still have their fingerprint.
    """
    try:
        found = json.loads((folder / SUMMARY).read_text())
        written, journal = (folder / SUMMARY).stat(), (folder / RECORDS).stat()
        known = found["records"]
        document = stored_document(folder)
        if found["format"] != FORMAT or document is None or checksum_key(document).hex() != found["document"]:
            return None
        if journal.st_size != known["bytes"]:
            return None
        if journal.st_mtime_ns > written.st_mtime_ns and fingerprint(folder / RECORDS) != known:
            return None
        averages = found["average_certified_radius"]
        task, noise, dataset = found["task"], found["noise"], found["dataset"]
        if not found["inputs"] > 0 or not all(isinstance(x, str | None) for x in (task, noise, dataset)):
            return None
        return Headline(
            task,
            noise,
            dataset,
            int(found["inputs"]),
            int(found["correct"]) if "correct" in found else None,
            {str(norm): float(radius) for norm, radius in averages.items()},
            int(found.get("not_a_number", 0)),
            found.get("not_a_number_since"),
        )
    except (OSError, WulffError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
