"""Published logs of the field as runs: `idx label predict [radius] correct time`, tab separated."""

import csv
import hashlib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from wulff import noises
from wulff._numerics.rounding import float_at_most
from wulff.errors import InputError
from wulff.norms import Norm
from wulff.runs.journal import Journal
from wulff.runs.records import CertifiedRadius, Record
from wulff.runs.run import Run, load
from wulff.runs.shapes_and_sizes import import_folder
from wulff.stats import check_alpha, check_sample_size

FEWEST_DIGITS = 3


def import_log(
    file: str | Path,
    store: str | Path,
    norm: Norm | str = Norm.L2,
    noise: str | None = None,
    *,
    n: int | None = None,
    alpha: float | None = None,
    training_noise: str | None = None,
) -> Run:
    """Read a published certification or prediction log, or a folder of arrays, and store it as a run.

    Published radii are rounded to nearest, to three significant digits or more, so that a radius of
    .24996 reads 0.25. Each is lowered by half a unit of its last digit, to what it certainly is; the
    printed number is kept beside it.

    Args:
        file: A log as Cohen et al. 2019 and those after them publish it, or a folder with the .npy files of
            Yang et al. 2020 (preds, labels, prob_lb), whose radii are computed anew.
        store: The run folder to make.
        norm: The norm of the radii.
        noise: The noise, for the record; logs do not name it.
        n: How many samples bounded each error, for the record.
        alpha: The probability with which each answer may be wrong; without it there are no bounds.
        training_noise: The noise that the model was trained with, for the record.

    Raises:
        InputError: The file is not such a log; nothing is written.
        RunError: The folder is in use for another run; nothing is written.
    """
    file, norm = Path(file), Norm.parse(norm)
    about: dict[str, Any] = {}
    if n is not None:
        about["n"] = check_sample_size(n)
    if alpha is not None:
        about["alpha"] = check_alpha(alpha)
    if training_noise is not None:
        about["training_noise"] = str(noises.parse(training_noise))
    if file.is_dir():
        return import_folder(file, store, norm, noise, about)
    rows = _rows(file)
    has_radii = "radius" in rows[0]
    digits = max([FEWEST_DIGITS, *(_significant_digits(row["radius"]) for row in rows)]) if has_radii else 0
    records = [_record(file, number, row, norm, digits) for number, row in enumerate(rows, start=2)]
    run: dict[str, Any] = {"task": "import", "inputs": len(records)} | about
    if has_radii:
        run |= {"norms": [str(norm)], "rounded_to_digits": digits}
    if noise is not None:
        run["noise"] = str(noises.parse(noise))
    hashes = {"log": hashlib.sha256(file.read_bytes()).hexdigest()}
    with Journal(Path(store), {"run": run, "hashes": hashes, "engine": {"file": str(file)}}) as journal:
        for record in records[len(journal.records) :]:
            journal.append(record)
    return load(store)


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t", strict=True))
    except FileNotFoundError:
        raise InputError(f"no log at {file}.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {file}: {error}.") from None
    needed = {"idx", "label", "predict", "correct", "time"}
    if not rows or not needed <= set(rows[0]):
        raise InputError(
            f"{file} is not a published log: its first line must name idx, label, predict, radius, correct "
            "and time (radius may be absent), tab separated, and rows must follow."
        )
    return rows


def _record(file: Path, number: int, row: dict[str, str], norm: Norm, digits: int) -> Record:
    try:
        index, label, predict = int(row["idx"]), int(row["label"]), int(row["predict"])
        seconds = _seconds(row["time"])
        if (row["correct"] == "1") != (label == predict):
            raise ValueError
        radii = {}
        if digits:
            printed = Decimal(row["radius"])
            if not printed.is_finite() or printed < 0:
                raise ValueError
            radii[str(norm)] = CertifiedRadius(
                radius=float_at_most(_certain(printed, digits)),
                method="published",
                tight=False,
                published=float(printed),
            )
        return Record(index, label, predict, seconds, radii=radii)
    except (ValueError, TypeError, KeyError, InvalidOperation):
        raise InputError(
            f"line {number} of {file} is not a row of a published log: {' '.join(map(str, row.values()))}."
        ) from None


def _certain(printed: Decimal, digits: int) -> Decimal:
    """The smallest number that rounds to the printed one, at so many significant digits."""
    if printed == 0:
        return printed
    return printed - Decimal(5).scaleb(printed.adjusted() - digits)


def _significant_digits(text: str) -> int:
    try:
        return len(Decimal(text).as_tuple().digits)
    except (InvalidOperation, TypeError):
        return 0


def _seconds(text: str) -> float:
    """Seconds from `15.4` or `0:00:15.4`."""
    total = 0.0
    for part in text.split(":"):
        total = 60 * total + float(part)
    return round(total, 6)
