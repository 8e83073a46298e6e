"""Published logs of the field as runs: `idx label predict [radius] correct time`, tab separated."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Sequence
from decimal import ROUND_FLOOR, Context, Decimal
from pathlib import Path

from wulff._checks import file_path
from wulff._numerics.rounding import float_at_most
from wulff._quoting import shown
from wulff._reading import check_declared, reading
from wulff._warnings import warn
from wulff.errors import InputError
from wulff.norms import Norm, Threat, parse_adversary, parse_threat
from wulff.runs.document import Facts, versions
from wulff.runs.execution import store_finished
from wulff.runs.imports.arrays import import_folder
from wulff.runs.imports.rows import Row, log_rows
from wulff.runs.imports.view_arrays import import_views
from wulff.runs.records import CertifiedRadius, Record
from wulff.runs.run import Run
from wulff.runs.spec import ImportedSpec
from wulff.views import is_views
from wulff.views import parse as parse_views

USUAL_DIGITS = 3
_DOWN = Context(prec=2000, rounding=ROUND_FLOOR)


def import_log(
    file: str | Path,
    store: str | Path,
    norm: Threat | str | None = None,
    noise: str | None = None,
    *,
    n: int | None = None,
    alpha: float | None = None,
    training_noise: str | None = None,
) -> Run:
    """Read a published certification or prediction log, or a folder of arrays, and store it as a run.

    Published radii are rounded to nearest, most often to three significant digits, so that a radius of .24996
    reads 0.25. Each is lowered by half a unit of the last digit that the longest ones have, to what it
    certainly is; the printed number is kept beside it.

    Args:
        file: A log as Cohen et al. 2019 and those after them publish it, or a folder with the .npy files of
            Yang et al. 2020 (preds, labels, prob_lb) or counts and labels, whose radii are computed anew.
        store: The run folder to make.
        norm: The norm of the radii; by default l2, and of views the one that they are for.
        noise: The noise, for the record; logs do not name it. Of a folder also `splitting(...)`, all of whose
            views were counted.
        n: How many samples bounded each error, for the record.
        alpha: The probability with which each answer may be wrong; without it there are no bounds.
        training_noise: The noise that the model was trained with, for the record.

    Raises:
        InputError: The file is not such a log; nothing is written.
        RunError: The folder is in use for another run; nothing is written.
    """
    file, store = file_path("file", file), file_path("store", store)
    about = ImportedSpec(noise=noise, n=n, alpha=alpha, training_noise=training_noise)
    if is_views(about.noise) and file.is_dir():
        norms = [] if norm is None else [str(parse_adversary(norm))]
        return import_views(file, store, norms, parse_views(about.noise or ""), about)
    norm = Norm.L2 if norm is None else norm
    if file.is_dir():
        return import_folder(file, store, norm, about)
    norm = _plain(norm)
    with reading(file, "log"):
        check_declared(file, 25 * file.stat().st_size)  # a record takes more than its line
        content = file.read_bytes()
    rows, unread = log_rows(file, content)
    radii = [row.radius for row in rows if row.radius is not None]
    rounding = _Rounding.of(radii) if radii else None
    records = [_record(row, norm, rounding) for row in rows]
    _refuse_repetitions(file, records)
    if rounding:
        about = dataclasses.replace(
            about,
            norms=(str(norm),),
            rounded_to_digits=rounding.digits,
            rounded_to_decimals=rounding.decimals,
        )
    hashes = {"log": hashlib.sha256(content).hexdigest()}
    facts = Facts(inputs=len(records), hashes=hashes, versions=versions(), engine={"file": str(file)})
    run = store_finished(store, about, facts, records)
    if unread:
        warn(f"not read from {file}: the columns {', '.join(map(shown, unread))}.")
    return run


def _plain(norm: Threat | str) -> Norm:
    """The norm of a log of radii, from which nothing follows for the box."""
    threat = parse_threat(norm)
    if not isinstance(threat, Norm) or threat.p == 0:
        raise InputError(
            f"a log of radii has them against a norm in all of space, got {threat}; a folder with "
            "probability bounds or counts can be certified in the box.",
            "norm",
        )
    return threat


@dataclasses.dataclass(frozen=True)
class _Rounding:
    """How the radii of a log are rounded: to so many significant digits or so many decimals.

    Which of the two cannot be told where trailing zeros are left out, so that the coarser one counts.
    """

    digits: int
    decimals: int

    @classmethod
    def of(cls, numbers: Sequence[Decimal]) -> "_Rounding":
        """The finest rounding that the longest printed radii allow.

        Zeros at the end count for nothing, as Python prints 105.0 for three digits. One or two radii may end
        in zeros that are left out: they are taken to have had the usual digits.
        """
        printed = [number.normalize().as_tuple() for number in numbers if number]
        fewest = USUAL_DIGITS if len(printed) < 3 else 0
        digits = max([fewest, *(len(number.digits) for number in printed)])
        return cls(digits, max([fewest, *(-int(number.exponent) for number in printed)]))

    def certain(self, printed: Decimal) -> Decimal:
        """The smallest number, of at least 0, that rounds to the printed one."""
        if printed == 0:
            return printed
        half = Decimal(5).scaleb(max(printed.adjusted() - self.digits, -self.decimals - 1))
        return max(_DOWN.subtract(printed, half), Decimal(0))


def _record(row: Row, norm: Norm, rounding: _Rounding | None) -> Record:
    radii = {}
    if rounding and row.radius is not None:
        radii[str(norm)] = CertifiedRadius(
            radius=float_at_most(rounding.certain(row.radius)),
            method="published",
            tight=False,
            published=float(row.radius),
        )
    return Record(row.index, row.label, row.predict, row.seconds, radii=radii)


def _refuse_repetitions(file: Path, records: Sequence[Record]) -> None:
    index, times = Counter(record.index for record in records).most_common(1)[0]
    if times > 1:
        raise InputError(f"{file} has input {index} {times} times; leave all but one of these rows out.")
