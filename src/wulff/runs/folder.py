"""The folder of a run: the names of its files, and its document as it is written there."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from wulff._reading import DAMAGE
from wulff.errors import RunError

FORMAT = 1
"""Of spec.toml and training.toml. Files of format 0 do not say it; their records have no checksums."""
SPEC = "spec.toml"
RECORDS = "records.jsonl"
SUMMARY = "summary.json"
_UNDECIDED = ("format", "plugins", "versions", "engine")
"""Tables that decide no number of a record."""


def stored_document(folder: Path) -> dict[str, Any] | None:
    """The document in a folder; None if there is no folder, or nothing in it."""
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; give a folder for the run.")
    if not (folder / SPEC).is_file():
        if folder.is_dir() and any(not file.name.startswith(".") for file in folder.iterdir()):
            raise RunError(f"{folder} is not a run (it has no {SPEC}) and not empty; give another folder.")
        return None
    try:
        return tomllib.loads((folder / SPEC).read_text())
    except DAMAGE as error:
        raise RunError(f"{folder / SPEC} is damaged: {error}.") from None


def checksum_key(document: dict[str, Any]) -> bytes:
    """What ties records to everything in a document that decides their numbers."""
    deciding = {key: table for key, table in document.items() if key not in _UNDECIDED}
    text = json.dumps(deciding, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=32).digest()
