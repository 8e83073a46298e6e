"""Members by name: how noises, objectives, data sets, architectures and engines of anyone are entered."""

import dataclasses
import functools
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from wulff._quoting import shown
from wulff.errors import InputError

_NAME = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
Member = TypeVar("Member")
_Entry = TypeVar("_Entry")


class Registry(Mapping[str, Member], Generic[Member]):
    """Members of one kind by name, in the order in which they were entered; no name is given twice.

    Args:
        kind: What a member is called in messages, as in "noise".
        members: The members to begin with.
    """

    def __init__(self, kind: str, members: Mapping[str, Member] | None = None) -> None:
        self.kind = kind
        self._members: dict[str, Member] = {}
        for name, member in (members or {}).items():
            self.add(name, member)

    def add(self, name: str, member: Member) -> None:
        """Enter a member.

        Raises:
            InputError: The name is taken, or cannot be written in a spec string.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(
                f"names of {self.kind}s are made of a to z, 0 to 9 and single hyphens, got {shown(name)}."
            )
        if name in self._members:
            raise InputError(
                f"there is already the {self.kind} {name!r} ({_place(self._members[name])}); register "
                f"{_place(member)} once, under another name than {', '.join(self)}."
            )
        self._members[name] = member

    def register(self, name: str) -> Callable[[_Entry], _Entry]:
        """A decorator that enters what it decorates under a name."""

        def enter(member: _Entry) -> _Entry:
            self.add(name, member)  # type: ignore[arg-type]
            return member

        return enter

    def find(self, name: str, hint: str = "") -> Member:
        """The member of that name.

        Args:
            name: Its name.
            hint: What else could have been written, for the message.

        Raises:
            InputError: There is none.
        """
        if not isinstance(name, str) or name not in self._members:
            raise InputError(f"unknown {self.kind} {shown(name)}; there is {', '.join(self)}{hint}.")
        return self._members[name]

    def __getitem__(self, name: str) -> Member:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"<{self.kind}: {', '.join(self)}>"


@functools.cache
def field_kinds(member: type) -> dict[str, Any]:
    """The types of a dataclass's fields, whether or not its file has annotations that are strings."""
    try:
        hints = typing.get_type_hints(member)
    except NameError:  # a name that only a type checker knows
        hints = {}
    plain = {"float": float, "int": int, "bool": bool, "str": str}
    fields = dataclasses.fields(member)
    return {field.name: hints.get(field.name, plain.get(str(field.type), field.type)) for field in fields}


def _place(member: object) -> str:
    """Where something was defined."""
    named = member if hasattr(member, "__qualname__") else type(member)
    return f"{getattr(named, '__module__', '')}.{getattr(named, '__qualname__', named)}"
