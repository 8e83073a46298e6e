"""Runs that were changed by hand, and runs as wulff 0.1 wrote them."""

import re
from collections.abc import Sequence
from pathlib import Path

from wulff.runs import Record
from wulff.runs.folder import RECORDS, SPEC, checksum_key, stored_document


def write_records(folder: Path, records: Sequence[Record]) -> None:
    """Replace the journal of a run, with checksums that are right: only a look at the content can tell."""
    document = stored_document(folder)
    assert document is not None
    key = checksum_key(document)
    (folder / RECORDS).write_bytes(b"".join(record.to_line(key) for record in records))


def to_format_0(folder: Path) -> None:
    """Make a run what wulff 0.1.0 would have made of it: no format, no checksums."""
    text = (folder / SPEC).read_text()
    text = re.sub(r"format = 1\n+", "", text)
    text = re.sub(r"\nof = \d+", "", text)
    (folder / SPEC).write_text(re.sub(r'wulff = ".*"', 'wulff = "0.1.0"', text))
    journal = (folder / RECORDS).read_text()
    (folder / RECORDS).write_text(re.sub(r', "checksum": "[0-9a-f]+"', "", journal))
