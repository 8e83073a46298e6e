"""What the verbs share: directed reading of numbers, and warnings."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import typer

from wulff._numerics.rounding import float_at_least
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
    from wulff.smoothing.classifier import not_a_number

    if lost := run.not_a_number:
        warn(not_a_number(lost, views=run.views is not None))


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
