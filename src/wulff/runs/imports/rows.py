"""The rows of a published log: text of any usual encoding, columns in any order, cells checked one by one."""

import codecs
import csv
import dataclasses
import io
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

from wulff._quoting import shown
from wulff._reading import reading
from wulff.errors import InputError
from wulff.stats import ABSTAIN

NEEDED = ("idx", "label", "predict", "correct")
OPTIONAL = ("radius", "time")
MOST_CLASSES = 1_000_000

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?"
_RADIUS = re.compile(rf"[+-]?{_NUMBER}")
_TIME = re.compile(rf"(?:([0-9]{{1,9}}) days?,? )?(?:([0-9]{{1,9}}):)?(?:([0-9]{{1,9}}):)?({_NUMBER})")
_TRUTH = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


@dataclasses.dataclass(frozen=True)
class Row:
    """One input of a log; the radius is as printed, and None where the log has none."""

    index: int
    label: int
    predict: int
    radius: Decimal | None
    seconds: float


def log_rows(file: Path, content: bytes) -> tuple[list[Row], list[str]]:
    """The rows of a log, and the names of the columns that are not read.

    Args:
        file: Its name, for messages.
        content: Its bytes, UTF-8 or with a byte order mark.

    Raises:
        InputError: It is no such log; the message names the line, the column, the value and what is allowed.
    """
    with reading(file, "published log", "save it as tab separated UTF-8 text"):
        reader = csv.reader(io.StringIO(_text(content), newline=""), delimiter="\t", strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    if not lines:
        raise InputError(f"{file} is empty; a published log has a line of column names and rows below it.")
    heads, unread = _columns(file, lines[0][1])
    rows = [_row(f"line {line} of {file}", heads, cells) for line, cells in lines[1:] if cells != lines[0][1]]
    if not rows:
        raise InputError(f"{file} has no rows below its line of column names; there is nothing to import.")
    return rows, unread


def _text(content: bytes) -> str:
    """UTF-8 with or without a byte order mark, or what another mark says."""
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(encoding)
    return content.decode("utf-8-sig")


def _columns(file: Path, heads: list[str]) -> tuple[list[str], list[str]]:
    """The columns' names in lower case, and those that mean nothing here."""
    names = [head.lower() for head in heads]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise InputError(
            f"{file} is not a published log: its first line must name {', '.join(NEEDED)}, perhaps also "
            f"{' and '.join(OPTIONAL)}, tab separated, but lacks {', '.join(missing)}."
        )
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise InputError(f"{file} has {times} columns called {shown(name)}; leave all but one of them out.")
    unread = [head for head in heads if head.lower() not in NEEDED + OPTIONAL]
    if unread and "radius" not in names:
        raise InputError(
            f"{file} has no column radius, but {', '.join(map(shown, unread))}; call the column of certified "
            "radii `radius`, or leave out what is none of idx, label, predict, radius, correct and time."
        )
    return names, unread


def _row(where: str, heads: list[str], cells: list[str]) -> Row:
    if len(cells) != len(heads):
        raise InputError(
            f"{where} has {len(cells)} cells for {len(heads)} columns, and which belongs to which cannot be "
            "known; correct the row or leave it out."
        )
    by_name = dict(zip(heads, cells, strict=True))
    index = _whole(where, "idx", by_name["idx"], 0, 10**18)
    label = _whole(where, "label", by_name["label"], 0, MOST_CLASSES)
    predict = _whole(where, "predict", by_name["predict"], ABSTAIN, MOST_CLASSES)
    correct = _TRUTH.get(by_name["correct"].lower())
    if correct is None:
        raise _wrong(where, "correct", "0, 1, False or True", by_name["correct"])
    if correct != (label == predict):
        allowed = f"{int(label == predict)} where label is {label} and predict {predict}"
        raise _wrong(where, "correct", allowed, by_name["correct"])
    radius = _radius(where, by_name["radius"]) if "radius" in by_name else None
    if predict == ABSTAIN and radius:
        raise _wrong(where, "radius", f"0 where predict is {ABSTAIN}", by_name["radius"])
    return Row(index, label, predict, radius, _seconds(where, by_name["time"]) if "time" in by_name else 0.0)


def _wrong(where: str, column: str, allowed: str, cell: str) -> InputError:
    return InputError(
        f"{where}: {column} must be {allowed}, got {shown(cell)}; correct the row or leave it out."
    )


def _whole(where: str, column: str, cell: str, lowest: int, below: int) -> int:
    if not _WHOLE.fullmatch(cell) or not lowest <= int(cell.partition(".")[0]) < below:
        abstains = f", {ABSTAIN} for abstention" if lowest == ABSTAIN else ""
        raise _wrong(where, column, f"a whole number from 0 to {below - 1}{abstains}", cell)
    return int(cell.partition(".")[0])


def _radius(where: str, cell: str) -> Decimal:
    if _RADIUS.fullmatch(cell):
        radius = Decimal(cell)
        if radius >= 0 and float(radius) < float("inf"):
            return abs(radius)  # -0.0 is 0
    none = " (predict -1 and radius 0 where nothing is certified)" if cell.startswith("-") else ""
    raise _wrong(where, "radius", f"a finite number of at least 0{none}", cell)


def _seconds(where: str, cell: str) -> float:
    """Seconds from `15.4`, `0:00:15.4` or `1 day, 0:00:15.4`."""
    match = _TIME.fullmatch(cell)
    if match is None:
        raise _wrong(where, "time", "seconds, h:mm:ss, or `1 day, h:mm:ss`", cell)
    days, first, second, last = match.groups()
    clock = second is not None and (int(second) > 59 or float(last) >= 60)
    if clock or (days and not second):
        raise _wrong(where, "time", "seconds, h:mm:ss, or `1 day, h:mm:ss`", cell)
    hours, minutes = (first, second) if second else (0, first or 0)
    total = 86_400 * int(days or 0) + 3600 * int(hours) + 60 * int(minutes) + float(last)
    if not total < float("inf"):
        raise _wrong(where, "time", "a finite number of seconds", cell)
    return round(total, 6)
