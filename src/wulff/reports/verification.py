"""What `wulff verify` found of a run: verification.json in its folder, as long as it fits the run's files."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wulff import _files
from wulff.runs.folder import RECORDS, SPEC

FILE = "verification.json"


@dataclasses.dataclass(frozen=True)
class Claims:
    """How many claims of one kind are proven, are not covered, or are false.

    Attributes:
        slowest: The longest time that one of them took, in seconds.
    """

    proven: int
    not_covered: int
    false: int
    slowest: float


def hashes(folder: Path) -> dict[str, str]:
    """What a verification is about: the contents of the spec and of the records."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (SPEC, RECORDS)}


def store(
    folder: Path, sha256: dict[str, str], claims: dict[str, Claims], false: Sequence[str]
) -> dict[str, Any]:
    """Write what was found, and return it."""
    found = document(sha256, claims, false)
    _files.write(folder / FILE, json.dumps(found, indent=2) + "\n")
    return found


def document(sha256: dict[str, str], claims: dict[str, Claims], false: Sequence[str]) -> dict[str, Any]:
    """What verification.json says."""
    return {
        "proven": bool(claims) and not any(row.false or row.not_covered for row in claims.values()),
        "claims": {name: dataclasses.asdict(row) for name, row in claims.items()},
        "false": list(false),
        "sha256": sha256,
    }


def is_verified(folder: Path) -> bool:
    """Whether an independent checker proved every claim of the run as it is now."""
    return _stored(folder).get("proven") is True


def in_words(folder: Path) -> str:
    """What an independent checker said of the run as it is now; nothing where it was not asked."""
    found = _stored(folder)
    if not found:
        return ""
    if found.get("proven") is True:
        return "Verified by an independent checker"
    if found["false"]:
        return f"False claims found by an independent checker: {len(found['false']):,}"
    left = sum(int(row["not_covered"]) for row in found["claims"].values())
    if not found["claims"]:  # of a run without records
        return ""
    return f"Verified by an independent checker but for {left:,} claims that it does not cover"


def _stored(folder: Path) -> dict[str, Any]:
    """verification.json, if it is one and fits the files of the run; nothing otherwise."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        whole = len(found["false"]) + sum(row["not_covered"] for row in found["claims"].values()) >= 0
        return found if whole and found["sha256"] == hashes(folder) else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
