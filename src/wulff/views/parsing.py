"""Spec strings of views, such as `splitting(sigma=0.5)` and `bands(width=4)`."""

import dataclasses
import re

from wulff._quoting import shown
from wulff.errors import InputError
from wulff.views.ablation import Bands, Blocks
from wulff.views.base import Views
from wulff.views.partitions import Partitions
from wulff.views.splitting import Splitting

FAMILIES: dict[str, type[Views]] = {family.name: family for family in (Splitting, Bands, Blocks, Partitions)}
"""Every family that a spec string can name."""

_CALL = re.compile(r"\s*(?P<name>[a-z0-9-]+)\s*\((?P<arguments>[^()]*)\)\s*")


def is_views(text: object) -> bool:
    """Whether a spec string names views, and not a noise."""
    return isinstance(text, Views) or (isinstance(text, str) and text.partition("(")[0].strip() in FAMILIES)


def parse(text: str | Views) -> Views:
    """The views that a spec string stands for; views are returned as they are.

    Raises:
        InputError: The text is no such call, or the family, a keyword or a value is not allowed.
    """
    if isinstance(text, Views):
        return text
    match = _CALL.fullmatch(text) if isinstance(text, str) else None
    if match is None or match["name"] not in FAMILIES:
        raise InputError(
            f"cannot read the views {shown(text)}; write {', '.join(FAMILIES)} as in bands(width=4)."
        )
    family = FAMILIES[match["name"]]
    fields = {field.name: field.type for field in dataclasses.fields(family)}  # type: ignore[arg-type]
    values: dict[str, float | int] = {}
    for item in filter(None, (item.strip() for item in match["arguments"].split(","))):
        key, _, value = (part.strip() for part in item.partition("="))
        if key not in fields or key in values:
            raise InputError(f"cannot use {item!r} in {text!r}; {family.name} takes {', '.join(fields)}.")
        try:
            values[key] = float(value) if key == "sigma" else int(value)
        except ValueError:
            raise InputError(f"{key} must be a number, got {value!r} in {text!r}.") from None
    try:
        return family(**values)
    except TypeError:
        raise InputError(f"{family.name} needs {', '.join(fields)}, got {text!r}.") from None
