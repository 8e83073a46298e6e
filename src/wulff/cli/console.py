"""What the verbs share: directed reading of numbers, warnings, and progress bars."""

import contextlib
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from wulff._numerics.rounding import decimal_down, float_at_least
from wulff._quoting import plain
from wulff.errors import InputError

if TYPE_CHECKING:
    from wulff.runs import Run


def say(text: object = "", *, err: bool = False) -> None:
    """Print lines in which what is not printable, as in names that others gave, appears as an escape."""
    typer.echo("\n".join(map(plain, str(text).split("\n"))), err=err)


def warn(message: str) -> None:
    """One line on stderr."""
    say(f"wulff: warning: {' '.join(message.split())}", err=True)


def warn_of_not_a_number(run: "Run") -> None:
    """One line on stderr if the model's output was not a number for some copies."""
    from wulff.smoothing import not_a_number

    if lost := run.not_a_number:
        warn(not_a_number(lost))


def decimal(option: str, text: str) -> Decimal:
    """The exact number in an option's text."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise InputError(f"{option} must be a number, got {text!r}.") from None
    if not number.is_finite():
        raise InputError(f"{option} must be finite, got {text!r}.")
    return number


def error_from_rho(text: str) -> float:
    """The error, rounded up, of a lower bound on a label's probability in `--rho`."""
    probability = decimal("--rho", text)
    if not 0.5 < probability < 1:
        raise InputError(
            f"--rho must lie in (0.5, 1), got {text}; for abstention at or below 0.5 see `wulff plan`."
        )
    return float_at_least(1 - Fraction(probability))


def seed_from(text: str) -> int | None:
    """A seed option: an integer, or None for `random`."""
    if text == "random":
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--seed must be an integer or `random`, got {text!r}.") from None


def batch_from(text: str) -> int | Literal["auto"]:
    """A batch option: an integer, or `auto`."""
    if text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--batch must be a positive integer or `auto`, got {text!r}.") from None


def radii_from(option: str, text: str | None) -> list[float] | None:
    """The radii in a comma-separated option."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} must be numbers such as 0.25,0.5,1, got {text!r}.") from None


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar on stderr, with time passed, time to go, and a few words."""
    # On a narrow terminal words go on in a second line, and numbers stay whole.
    whole, wrapped = Column(no_wrap=True), Column(no_wrap=False)
    columns = (
        TextColumn("{task.description}", markup=False, table_column=wrapped),
        BarColumn(bar_width=24),
        MofNCompleteColumn(table_column=whole),
        TimeElapsedColumn(table_column=whole),
        TimeRemainingColumn(table_column=whole),
        TextColumn("{task.fields[words]}", markup=False, table_column=wrapped),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        try:
            yield progress
        except Exception:  # a refusal is one line, without a bar
            for task in progress.tasks:
                progress.update(task.id, visible=False)
            progress.live.transient = True
            progress.console.quiet = not progress.console.is_terminal
            raise


def run_progress(progress: Progress, description: str) -> "Callable[[Run], None]":
    """A callback that shows how far a run is, and its certified accuracy so far."""
    task = progress.add_task(plain(description), total=None, words="")

    radius_sums: dict[str, float] = {}
    counted = correct = lost = 0
    since: int | None = None

    def update(run: "Run") -> None:
        nonlocal counted, correct, lost, since
        if not counted and run.records:
            right = run.predictions == run.labels
            counted, correct = len(right), int(right.sum())
            radius_sums.update({norm: float(run.radii(norm)[right].sum()) for norm in run.norms})
            lost, since = sum(run.not_a_number.values()), next(iter(run.not_a_number), None)
        for record in run.records[counted:]:  # a run grows by one record a call: totals are kept, not redone
            counted += 1
            correct += record.predict == record.label
            lost += sum(record.not_a_number.values())
            since = record.index if lost and since is None else since
            for norm, found in record.radii.items():
                radius_sums[norm] += found.radius if record.predict == record.label else 0.0
        words = f"accuracy {correct / counted:.3f}" if counted else ""
        for norm, total in radius_sums.items():
            words += f", mean {norm} radius {decimal_down(total / counted, 3)}"
        if lost:
            words += f", {lost:,} copies not a number since input {since}"
        progress.update(task, completed=counted, total=run.expected, words=words)

    return update
