"""Spec strings such as `uniform(sigma=0.5)`: how the command line and run files name a noise."""

import re

from wulff._quoting import shown
from wulff._registry import field_kinds
from wulff.errors import InputError
from wulff.noises.base import Noise
from wulff.noises.catalogue import NOISES, REPLACEMENTS

_SEPARATOR = re.compile(r",(?![^\[\]]*\])(?![^()]*\))")
"""Commas outside of brackets and parentheses."""
_CALL = re.compile(r"\s*(?P<name>[a-z0-9-]+)\s*\((?P<arguments>(?:[^()]|\([^()]*\))*)\)\s*")
"""A name with arguments, of which some may be such calls themselves."""


def parse(text: str | Noise) -> Noise:
    """The noise that a spec string stands for; a Noise is returned as it is.

    Args:
        text: A name with keyword arguments that are numbers, e.g. `laplace(scale=0.25, dim=3072)`, or
            `laplace(sigma=0.5, scales=[1, 10, 0])`; of mixed noise, some are noises.

    Raises:
        InputError: The text is no such call, or the noise, a keyword or a value is not allowed.
    """
    if isinstance(text, Noise):
        return text
    match = _CALL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InputError(f"cannot read the noise {shown(text)}; write it as in uniform(sigma=0.5).")
    name = match["name"]
    hint = f", {', '.join(REPLACEMENTS)}; a noise of a plugin needs its module, as in --plugin MODULE"
    law = REPLACEMENTS.get(name) or NOISES.find(name, hint)
    sizes = ["scale", "sigma", "scales"] if law.sized else []
    allowed = [*sizes, *law.shape_parameters(), "dim"]
    kinds = field_kinds(law)
    values: dict[str, float | int | list[float | int] | Noise] = {}
    for item in filter(None, (item.strip() for item in _SEPARATOR.split(match["arguments"]))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or key not in allowed or key in values:
            what = f"{key} twice" if key in values else repr(item)
            raise InputError(
                f"cannot use {what} in {text!r}; {name} takes {'scale or sigma, ' if law.sized else ''}"
                f"{''.join(f'{words}, ' for words in law.parameters_in_words())}and dim (name=number)"
                f"{', and scales=[number, ...]' if law.sized else ''}."
            )
        if kinds[key] is Noise:
            values[key] = parse(value)
        elif key == "scales" or value.startswith("["):
            values[key] = _numbers(key, value, text)
        else:
            whole = key == "dim" or kinds[key] is int or (kinds[key] is not float and value.isdecimal())
            values[key] = _value(key, value, text, whole)
    try:
        return law(**values)  # type: ignore[arg-type]
    except TypeError:
        missing = [field for field in law.required_parameters() if field not in values]
        raise InputError(f"{name} also needs {', '.join(missing)}, got {text!r}.") from None


def with_sigma(shape: str, sigma: float) -> Noise:
    """The noise of a shape without a size, such as `laplace` or `exp-l2(j=0, k=1)`, with this sigma.

    Raises:
        InputError: The text is no such shape, or already has a size.
    """
    shape = shape.strip()
    text = shape if shape.endswith(")") else f"{shape}()"
    match = _CALL.fullmatch(text)
    if match is None or "sigma" in match["arguments"] or "scale" in match["arguments"]:
        raise InputError(
            f"cannot give {shape!r} the sigma {sigma:g}; write a noise without a size, such as laplace or "
            "exp-l2(j=0, k=1)."
        )
    separator = ", " if match["arguments"].strip() else ""
    return parse(f"{match['name']}({match['arguments'].strip()}{separator}sigma={sigma!r})")


def _value(key: str, value: str, text: str, whole: bool) -> float | int:
    try:
        return int(value) if whole else float(value)
    except ValueError:
        kind = "an integer" if whole else "a number"
        raise InputError(f"{key} must be {kind}, got {value!r} in {text!r}.") from None


def _numbers(key: str, value: str, text: str) -> list[float | int]:
    if not (value.startswith("[") and value.endswith("]")):
        raise InputError(f"{key} must be numbers as in [1, 0.5], got {value!r} in {text!r}.", key)
    items = [item.strip() for item in value[1:-1].split(",")]
    return [_value(f"each of {key}", item, text, whole=item.isdecimal()) for item in items]
