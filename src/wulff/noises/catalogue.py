"""Every noise that a spec string can name; each registers itself."""

import dataclasses
import inspect
from typing import TypeVar

from wulff._quoting import shown
from wulff._registry import Registry, field_kinds
from wulff.errors import InputError
from wulff.noises.base import Noise
from wulff.noises.replacement import Replacement

Law = TypeVar("Law", bound=type[Noise])

NOISES: Registry[type[Noise]] = Registry("noise")
"""Noises by name."""


REPLACEMENTS: Registry[type[Replacement]] = Registry("noise")
"""Noises that replace coordinates, by name."""

Kind = TypeVar("Kind", bound=type[Replacement])


def register_replacement(law: Kind) -> Kind:
    """Enter a noise that replaces coordinates under its `name`."""
    REPLACEMENTS.add(law.name, law)
    return law


def register(law: Law) -> Law:
    """Enter a noise under its `name`: a class decorator, above the one that makes it a frozen dataclass.

    Raises:
        InputError: The class is not a complete noise, or its name is taken.
    """
    if not (inspect.isclass(law) and issubclass(law, Noise)):
        raise InputError(f"a noise is a subclass of IIDNoise, NormRadialNoise or Noise, got {shown(law)}.")
    made = vars(law).get("__dataclass_params__")
    if made is None or not made.frozen or made.eq or made.repr:
        raise InputError(
            f"{law.__name__} must be a frozen dataclass, printed and compared as every noise: write "
            "@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False) below @noises.register."
        )
    if missing := sorted(getattr(law, "__abstractmethods__", ())):
        raise InputError(f"{law.__name__} lacks {', '.join(missing)}; a noise that is registered has all.")
    kinds = field_kinds(law)
    for name in law.shape_parameters():
        if kinds[name] not in (float, int):
            raise InputError(
                f"{name} of {law.__name__} must be declared as float or int, which a spec string can hold, "
                f"got {shown(kinds[name])}."
            )
    if any(field.name == "name" for field in dataclasses.fields(law)):
        raise InputError(f"{law.__name__} has name as a parameter; declare it as a ClassVar[str].")
    NOISES.add(getattr(law, "name", None), law)  # type: ignore[arg-type]
    return law
