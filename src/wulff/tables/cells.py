"""The cells of one column of a table: numbers and categories, as coordinates of inputs.

Rows are counted from 0, as inputs are.
"""

import math
from typing import Any

import numpy as np

from wulff._quoting import shown
from wulff.errors import InputError
from wulff.tables.layout import Category, Feature, as_number

ROUNDING = 1e-3
"""By which part of a column's scale its numbers may be off in single precision."""


def encoded(name: str, cells: Any, feature: Feature) -> np.ndarray:
    """A column as coordinates of inputs, in single precision.

    Where that is too coarse, a number that happens to be exact is refused as its neighbours are; in an
    immutable column, where nothing is said of other values, whole numbers have to be exact.
    """
    if not feature.is_number:
        codes = codes_of(name, cells, feature.name, feature.categories, "categories")
        return codes.astype(np.float32)
    numbers = numbers_of(name, cells, feature.name)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = numbers.astype(np.float32)
        if feature.scale:
            off = ~(np.spacing(np.abs(rounded)) / 2 <= ROUNDING * feature.scale)
            how = f"by up to more than a thousandth of the scale {feature.scale:g}; subtract a typical value"
        else:
            inexact = (rounded != numbers) | (np.abs(numbers) >= 2**53)
            off = ~np.isfinite(rounded) | (inexact & (numbers == np.round(numbers)))
            how = "to another number; make the column categorical, or remove it"
    if off.any():
        row = int(off.argmax())
        raise InputError(
            f"{at(name, feature.name, row)} holds {shown(str(cells.iloc[row]))}, which single precision "
            f"rounds {how}."
        )
    return rounded


def codes_of(name: str, cells: Any, column: str, values: tuple[Category, ...], what: str) -> np.ndarray:
    """The place of each cell of a column among its categories, or among the classes."""
    refuse_missing(name, cells, column)
    places = {value: place for place, value in enumerate(values)}
    kind = type(values[0])
    codes = np.empty(len(cells), np.int64)
    for row, cell in enumerate(cells):
        place = places.get(_as(kind, cell))
        if place is None:
            raise InputError(
                f"{at(name, column, row)} holds {shown(cell)}, which is none of the {what} of the training "
                f"rows: {some_of(values)}."
            )
        codes[row] = place
    return codes


def _as(kind: type, cell: object) -> Any:
    """A cell as a category of some type; None where it is none."""
    if kind is str:
        return str(cell)
    if kind is bool:
        return {"true": True, "false": False}.get(str(cell).lower())
    if kind is int and str(cell).strip().lstrip("+-").isdigit():
        return int(str(cell))
    number = as_number(cell)
    return number if number == number else None  # 1 and 1.0 are the same key


def numbers_of(name: str, cells: Any, column: str) -> np.ndarray:
    """A column of numbers."""
    refuse_missing(name, cells, column)
    if cells.dtype.kind in "iuf":
        numbers = cells.to_numpy(np.float64)
    else:
        numbers = np.array([as_number(cell) for cell in cells], dtype=np.float64)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"{at(name, column, row)} holds {shown(cells.iloc[row])}, which is no finite number; mend it."
        )
    return numbers


def is_text(name: str, cells: Any) -> bool:
    """Whether a column holds text; some numbers in it, or some text among numbers, are refused."""
    if cells.dtype.kind in "iuf" or cells.dtype.name in ("Int64", "Float64", "Int32", "Float32"):
        return False
    if cells.dtype.kind == "b" or cells.dtype.name in ("boolean", "category"):
        return True
    if cells.dtype.kind in "mM":
        raise InputError(f"{at(name, cells.name)} holds times; give them as numbers.")
    are_numbers = np.array([_is_number(cell) for cell in cells])
    if are_numbers.all():
        return False
    if not are_numbers.any():
        if all(_is_number(str(cell).replace(",", ".", 1)) for cell in cells):
            raise InputError(
                f"{at(name, cells.name, 0)} holds {shown(cells.iloc[0])}; write numbers with a point, "
                "or say that the column is categorical.",
                "categorical",
            )
        return True
    row = int((~are_numbers).argmax())
    raise InputError(
        f"{at(name, cells.name, row)} holds {shown(cells.iloc[row])}, which is no number; mend it, or say "
        "that the column is categorical.",
        "categorical",
    )


def _is_number(cell: object) -> bool:
    return not math.isnan(as_number(cell))


def refuse_missing(name: str, cells: Any, column: str) -> None:
    """Refuse missing values."""
    missing = cells.isna().to_numpy()
    if missing.any():
        row = int(missing.argmax())
        raise InputError(
            f"{at(name, column, row)} holds no value (it is empty, NaN or NA); fill it in, or remove the row."
        )


def some_of(names: Any) -> str:
    listed = [name if name == name.strip() else shown(name) for name in map(str, names)]
    return ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")


def at(name: str, column: str, row: int | None = None) -> str:
    """Where something is wrong in a table."""
    return f"{name}: the column {shown(column)}" + ("" if row is None else f", row {row},")
