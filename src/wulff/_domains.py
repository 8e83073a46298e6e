"""The domain of a parameter is declared on its field; checks, help, documentation and tests read it there.

copies: int = dataclasses.field(default=2, metadata=within(at_least=2))
"""

import dataclasses
import math
import sys
import typing
from collections.abc import Mapping
from typing import Any, final

from wulff._checks import MOST, flag, instance, one_of, real_number, whole_number
from wulff._quoting import shown
from wulff._registry import field_kinds
from wulff.errors import InputError

_KEY = "wulff domain"


@final
@dataclasses.dataclass(frozen=True)
class Domain:
    """An interval of finite numbers.

    Attributes:
        low: Its lower end.
        high: Its upper end.
        with_low: Whether the lower end belongs to it.
        with_high: Whether the upper end does.
        below_dim: Whether numbers must also be smaller than the number of input coordinates.
        because: What would be wrong with others.
        also: What else is required, of several parameters together.
    """

    low: float
    high: float
    with_low: bool
    with_high: bool
    below_dim: bool = False
    because: str = ""
    also: str = ""

    def __contains__(self, value: float) -> bool:
        above = value >= self.low if self.with_low else value > self.low
        below = value <= self.high if self.with_high else value < self.high
        return above and below and abs(value) <= sys.float_info.max

    def wrong(self, name: str, value: float, dim: int | None = None) -> str | None:
        """What is wrong with a parameter, but for "got" and its value; None if it lies in its domain."""
        because = f" ({self.because})" if self.because else ""
        if value not in self:
            return f"{name} must {self._allowed()}{because}"
        if self.below_dim and dim is not None and not value < dim:
            return f"{name} must be less than the dimension {dim}{because}"
        return None

    def words(self, name: str) -> str:
        """The domain as an inequality for the parameter, such as 0 ≤ j < d."""
        tops = [f"{'≤' if self.with_high else '<'} {_text(self.high)}"] if self.high < math.inf else []
        tops += ["< d"] if self.below_dim else []
        low = "" if self.low == -math.inf else _text(self.low)
        also = f" and {self.also}" if self.also else ""
        if low and not tops:
            return f"{name} {'≥' if self.with_low else '>'} {low}{also}"
        bottom = f"{low} {'≤' if self.with_low else '<'} " if low else ""
        return f"{bottom}{name} {' and '.join(tops)}".strip() + also

    def _allowed(self) -> str:
        if self.low == -math.inf and self.high < math.inf:
            return f"be {'at most' if self.with_high else 'below'} {_text(self.high)}"
        if self.high < math.inf:
            left, right = "[" if self.with_low else "(", "]" if self.with_high else ")"
            return f"lie in {left}{_text(self.low)}, {_text(self.high)}{right}"
        if self.low == -math.inf:
            return "be a finite number"
        if self.with_low:
            return f"be at least {_text(self.low)} and finite"
        return "be positive and finite" if self.low == 0 else f"exceed {_text(self.low)} and be finite"


_ANY = Domain(-math.inf, math.inf, with_low=True, with_high=True)
_WHOLE = Domain(-MOST, MOST, with_low=True, with_high=True)


def within(
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    below_dim: bool = False,
    because: str = "",
    also: str = "",
) -> Mapping[str, Domain]:
    """What a parameter may be, as the metadata of its field; infinite or undefined it never is.

    Args:
        at_least: The smallest number.
        above: In place of it, the number that all are larger than.
        below: The number that all are smaller than.
        at_most: In place of it, the largest number.
        below_dim: For noises: whether it must be smaller than the number of input coordinates.
        because: What would be wrong with others, for messages.
        also: What else is required, of several parameters together, for documentation; a noise checks it in
            `_check_parameters` or `_wrong_in_dim`.
    """
    low, high = (at_least if above is None else above), (at_most if below is None else below)
    domain = Domain(
        -math.inf if low is None else low,
        math.inf if high is None else high,
        above is None,
        below is None,
        below_dim,
        because,
        also,
    )
    return {_KEY: domain}


def domains(member: Any) -> dict[str, Domain]:
    """The declared domains of a dataclass's numbers, by field."""
    fields = dataclasses.fields(member)
    return {field.name: field.metadata[_KEY] for field in fields if _KEY in field.metadata}


def check_fields(owner: Any, of: str = "") -> None:
    """Refuse a dataclass in which a field has a value of another type, or one outside its domain.

    Args:
        owner: The dataclass, when it has been made.
        of: What it is called in messages.

    Raises:
        InputError: A field has such a value.
    """
    declared = domains(owner)
    for name, kind in field_kinds(type(owner)).items():
        value = getattr(owner, name)
        if typing.get_origin(kind) is typing.Literal:
            one_of(name, value, typing.get_args(kind))
        elif kind is bool:
            flag(name, value)
        elif kind is str:
            instance(name, value, str, "text")
        elif kind is int:
            domain = declared.get(name, _WHOLE)
            most = MOST if domain.high == math.inf else int(domain.high)
            whole_number(name, value, least=int(domain.low), most=most)
        elif kind is float:
            number: float = real_number(name, value, "be a number", lambda _: True)
            if wrong := declared.get(name, _ANY).wrong(name, number):
                raise InputError(f"{wrong}, got {shown(value)}{of and f' for {of}'}.", name)


def described(member: Any) -> dict[str, str]:
    """The parameters of a dataclass in words, with domain and default, by field."""
    declared, kinds = domains(member), field_kinds(member)
    found: dict[str, str] = {}
    for field in dataclasses.fields(member):
        words = declared[field.name].words(field.name) if field.name in declared else field.name
        if typing.get_origin(kinds[field.name]) is typing.Literal:
            words += f" = {' or '.join(typing.get_args(kinds[field.name]))}"
        if field.default is not dataclasses.MISSING:
            words += f" (default {_text(field.default)})"
        found[field.name] = words
    return found


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}" if value == value else "none"
    return f"{value:,}" if type(value) is int else str(value)
