"""Arguments of the wrong kind are refused in one line that says what was given and what is allowed.

The name of an argument may be introduced, as in "each of radii"; its last word is what Python calls it.
"""

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeGuard, TypeVar

import numpy as np
import numpy.typing as npt

from wulff._quoting import shown
from wulff.errors import InputError

T = TypeVar("T")

MOST = 10**12
"""Whole numbers of things that are counted one by one."""

FINITE: tuple[str, Callable[[float], bool]] = ("be a finite number", math.isfinite)
NOT_NEGATIVE: tuple[str, Callable[[float], bool]] = (
    "be at least 0 and finite",
    lambda value: 0 <= value < math.inf,
)
POSITIVE: tuple[str, Callable[[float], bool]] = ("be positive and finite", lambda value: 0 < value < math.inf)
SHARE: tuple[str, Callable[[float], bool]] = ("lie in (0, 1)", lambda value: 0 < value < 1)
"""What real numbers may be required to be."""


def refuse(name: str, allowed: str, value: object) -> NoReturn:
    """Refuse an argument; `allowed` says what it must be or do, after "must"."""
    raise InputError(f"{name} must {allowed}, got {shown(value)}.", name.split()[-1])


def whole_number(name: str, value: Any, *, least: int = 1, most: int = MOST) -> int:
    """An integer from `least` to `most`; numbers that only look like one, such as 2.0 and True, are refused.

    Raises:
        InputError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        refuse(name, "be a positive integer" if least == 1 else f"be an integer of at least {least}", value)
    if value > most:
        refuse(name, f"be at most {most:,}", int(value))
    return int(value)


def whole_numbers(
    name: str, values: Any, count: int | None = None, *, least: int, most: int = MOST
) -> list[int]:
    """Integers from `least` to `most`, one for each of `count` inputs; None allows any number of them.

    Raises:
        InputError: There are not as many, or one is none.
    """
    listed = _listed(name, values, "be a sequence of integers")
    if count is not None and len(listed) != count:
        raise InputError(f"{name} must hold a number for each of {count} inputs, got {len(listed)}.", name)
    return [whole_number(f"each {name}", value, least=least, most=most) for value in listed]


def real_number(name: str, value: Any, allowed: str, holds: Callable[[float], bool]) -> float:
    """A number for which something holds; `allowed` says what, after "must".

    Raises:
        InputError: It is none.
    """
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    try:
        if is_number and holds(float(value)):
            return float(value)
    except OverflowError:  # an integer that no float64 can hold
        pass
    refuse(name, allowed, value)


def real_numbers(name: str, values: Any, allowed: str, holds: Callable[[float], bool]) -> list[float]:
    """A sequence of such numbers.

    Raises:
        InputError: It is no sequence, or one is no such number.
    """
    listed = _listed(name, values, "be a sequence of numbers such as [0.25, 0.5]")
    return [real_number(f"each of {name}", value, allowed, holds) for value in listed]


def numbers(name: str, values: npt.ArrayLike, kinds: str = "fiu", what: str | None = None) -> np.ndarray:
    """An array of numbers of some kinds, by NumPy's letters for them; `what` says which, after "must be".

    Raises:
        InputError: It is none.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError):  # rows of different lengths, or a tensor with gradients
        array = np.array(None)
    if array.dtype.kind not in kinds:
        what = what or ("integers below 2^63" if "f" not in kinds else "numbers")
        got = f"{array.dtype} " if array.dtype.kind != "O" else ""
        raise InputError(f"{name} must be {what}, got {got}{shown(values)}.", name)
    return array


def together(names: str, *arrays: np.ndarray) -> list[np.ndarray]:
    """Arrays in one shape.

    Raises:
        InputError: Their shapes do not fit together.
    """
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise InputError(f"{names} do not fit together: they have the shapes {shapes}.") from None


def each(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A number for each of some inputs, or one for all.

    Raises:
        InputError: There are not as many.
    """
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        message = f"{name} must be one number, or of shape {shape}, got shape {array.shape}."
        raise InputError(message, name) from None


def sequence_of(name: str, values: Any, kind: type | tuple[type, ...], example: str) -> list[Any]:
    """A sequence of objects of some types.

    Raises:
        InputError: It is none.
    """
    allowed = f"be a sequence such as {example}"
    found = _listed(name, values, allowed)
    for value in found:
        if not isinstance(value, kind):
            raise InputError(f"{name} must {allowed}, got {shown(value)} in it.", name)
    return found


def one_of(name: str, value: Any, allowed: Iterable[str]) -> str:
    """One of some words.

    Raises:
        InputError: It is none.
    """
    words = list(allowed)
    if not isinstance(value, str) or value not in words:
        refuse(name, f"be {' or '.join(words)}" if len(words) < 3 else f"be one of {', '.join(words)}", value)
    return value


def flag(name: str, value: Any) -> bool:
    """True or False, and nothing that only counts as such.

    Raises:
        InputError: It is neither.
    """
    return bool(instance(name, value, (bool, np.bool_), "True or False"))


def instance(name: str, value: Any, kind: type[T] | tuple[type[T], ...], what: str) -> T:
    """An object of some type; `what` says which, after "must be".

    Raises:
        InputError: It is none.
    """
    if not isinstance(value, kind):
        refuse(name, f"be {what}", value)
    return value


def is_table(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether this is a table of TOML or an object of JSON."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether this is a list of TOML or JSON."""
    return isinstance(value, list)


def file_path(name: str, value: Any) -> Path:
    """Where a file or a folder is, or shall be.

    Raises:
        InputError: It is no path, or holds what no name of a file does.
    """
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        refuse(name, "be a path", value)
    path = Path(value)
    if "\0" in str(path):
        refuse(name, "be a path without the character NUL", str(path))
    return path


def _listed(name: str, values: Any, allowed: str) -> list[Any]:
    listed = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(listed, str | bytes | dict) or not isinstance(listed, Iterable):
        refuse(name, allowed, values)
    return list(listed)
