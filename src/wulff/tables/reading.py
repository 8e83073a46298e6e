"""Tables in CSV and Parquet files, or in frames of pandas: numbers with scales, categories, and a target.

Scales, categories and classes come from the training rows alone: they are a `Layout`, by which all other
rows are read. Rows are counted from 0, as inputs are.
"""

import csv
import math
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wulff import _display
from wulff._checks import file_path
from wulff._quoting import plain, shown
from wulff._reading import check_declared, reading
from wulff.errors import InputError
from wulff.tables.layout import Category, Feature, Layout, as_number, typed

FRAME = "the frame"
"""What a frame is called in messages."""
ROUNDING = 1e-3
"""By which part of a column's scale its numbers may be off in single precision."""
SEPARATORS = (",", ";", "\t")
"""What may stand between cells; the one that makes the most of the first line does."""

Scales = Mapping[str, float]
"""The scale of each column that it names."""


def layout_of(
    source: Any,
    *,
    target: str,
    scales: Scales | None = None,
    categorical: Collection[str] = (),
    immutable: Collection[str] = (),
    rows: slice = slice(None),
) -> Layout:
    """The columns of a table as its training rows have them.

    Columns of text, and of true and false, are categorical; others hold numbers. The scale of a column is its
    standard deviation on these rows, unless it is given.

    Args:
        source: A CSV or Parquet file, or a `pandas.DataFrame`, with the training rows.
        target: The column with the classes.
        scales: Scales of columns of numbers, in their own units; 0 makes one immutable.
        categorical: Columns of numbers whose values are categories.
        immutable: Columns without noise.
        rows: Which of the rows are for training.

    Raises:
        InputError: The file cannot be read, or a column or cell is not allowed.
    """
    name, frame = _frame_of(source)
    _check_named(name, frame, target, (scales or {}).keys(), categorical, immutable)
    _known_cells(name, frame[target], target)
    frame = frame.iloc[rows]
    if not len(frame):
        raise InputError(f"{name} has no training rows; check file and slice.")
    features = tuple(
        _feature(name, frame[column], (scales or {}).get(column), column in categorical, column in immutable)
        for column in frame.columns
        if column != target
    )
    return Layout(target=target, classes=typed(list(frame[target])), features=features)


def encoded_rows(source: Any, layout: Layout) -> tuple[str, np.ndarray, np.ndarray]:
    """The rows of a table as inputs: numbers as they are, categories as whole numbers from 0.

    Args:
        source: A CSV or Parquet file, or a `pandas.DataFrame`.
        layout: Its columns, as the training rows have them.

    Returns:
        What the table is called; inputs of shape (rows, features), float32; and labels, int64.

    Raises:
        InputError: The file cannot be read, has other columns, or a cell is not allowed.
    """
    name, frame = _frame_of(source)
    expected = [layout.target, *layout.names]
    if missing := [column for column in expected if column not in frame.columns]:
        what = " for the target" if missing[0] == layout.target else ""
        raise InputError(
            f"{name} has no column {shown(missing[0])}{what}; it has {_some(frame.columns)}.", "target"
        )
    if more := [column for column in frame.columns if column not in expected]:
        raise InputError(
            f"{name} has the column {shown(more[0])}, which the training rows lack; remove it, or train "
            "with it."
        )
    if not len(frame):
        raise InputError(f"{name} has no rows below its line of names; give a file with some.")
    inputs = np.stack([_encoded(name, frame[one.name], one) for one in layout.features], axis=1)
    return name, inputs, _codes(name, frame[layout.target], layout.target, layout.classes, "classes")


def read_scales(file: str | Path) -> Scales:
    """The scales in a TOML file: a line for each column, such as `age = 5` or `"income in euros" = 1000`.

    Raises:
        InputError: The file is missing, or holds something else.
    """
    with reading(file, "TOML file", 'write lines such as age = 5 or "income in euros" = 1000'):
        found = tomllib.loads(Path(file).read_text("utf-8"))
    for name, scale in found.items():
        if isinstance(scale, bool) or not isinstance(scale, int | float):
            raise InputError(
                f"{file}: the scale of {shown(name)} must be a number, got {shown(scale)}.", "scales"
            )
    return found


def _frame_of(source: Any) -> tuple[str, Any]:
    """What a table is called in messages, and its cells."""
    pandas = _display.pandas("a table", "tables")
    if isinstance(source, pandas.DataFrame):
        name, frame = FRAME, source.copy()
        frame.columns = [str(column) for column in frame.columns]
    else:
        path = file_path("table", source)
        name = str(path)
        frame = _read_parquet(pandas, path) if path.suffix.lower() == ".parquet" else _read_csv(pandas, path)
    columns = list(frame.columns)
    if twice := [column for column in columns if columns.count(column) > 1]:
        raise InputError(f"{name} has two columns of the name {shown(twice[0])}; rename one of them.")
    return name, frame.reset_index(drop=True)


def _read_csv(pandas: Any, path: Path) -> Any:
    """A CSV file as text, its first line the names of the columns."""
    remedy = "save it in UTF-8, each line with as many cells as the first, which holds the names"
    with reading(path, "CSV file", remedy):
        check_declared(path, 20 * path.stat().st_size)  # each cell is an object in memory
        with path.open(encoding="utf-8-sig") as opened:
            first = next((line for line in opened if line.strip()), "")
        if not first:
            raise InputError(f"{path} is empty; its first line holds the names of the columns.")
        cells_by = [len(next(csv.reader([first], delimiter=m, skipinitialspace=True))) for m in SEPARATORS]
        separator = SEPARATORS[int(np.argmax(cells_by))]
        cells = pandas.read_csv(
            path, sep=separator, header=None, dtype=str, encoding="utf-8-sig", skipinitialspace=True
        )
    names = [plain(str(name)) for name in cells.iloc[0]]
    if cells.iloc[0].isna().any():
        raise InputError(
            f"{path} has a column without a name; its first line holds the names of the columns."
        )
    frame = cells.iloc[1:]
    frame.columns = names
    return frame


def _read_parquet(pandas: Any, path: Path) -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise InputError("Parquet needs the package pyarrow; pip install 'wulff[tables]'.") from None
    with reading(path, "Parquet file"):
        check_declared(path, 20 * path.stat().st_size)
        names: list[str] = list(parquet.read_schema(path).names)
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"{path} has two columns of the name {shown(twice[0])}; rename one of them.")
        frame = pandas.read_parquet(path)
    frame.columns = [plain(str(name)) for name in frame.columns]
    return frame


def _check_named(name: str, frame: Any, target: str, *named: Collection[str]) -> None:
    """Refuse a target that is not there, and columns that are named but are no features."""
    if target not in frame.columns:
        raise InputError(
            f"{name} has no column {shown(target)} for the target; it has {_some(frame.columns)}.", "target"
        )
    for option, columns in zip(("scales", "categorical", "immutable"), named, strict=True):
        for column in columns:
            if column not in frame.columns or column == target:
                raise InputError(
                    f"{option} names {shown(column)}, which is no column of {name} besides its target; it "
                    f"has {_some(frame.columns)}.",
                    option,
                )
    if both := [column for column in named[1] if column in named[0]]:
        raise InputError(
            f"the column {shown(both[0])} is categorical, and has no scale; leave it out.", "scales"
        )


def _feature(name: str, cells: Any, scale: float | None, categorical: bool, immutable: bool) -> Feature:
    """A column of training rows."""
    column = str(cells.name)
    _known_cells(name, cells, column)
    if categorical or _is_text(name, cells):
        if scale is not None:
            raise InputError(
                f"the column {shown(column)} is categorical, and has no scale; leave it out.", "scales"
            )
        values: tuple[Category, ...] = typed(list(cells))
        if len(values) < 2 and not immutable:
            raise InputError(
                f"{_at(name, column)} holds {shown(next(iter(values)))} in all training rows; remove it, or "
                "make it immutable.",
                "immutable",
            )
        return Feature(name=column, categories=values, immutable=immutable)
    numbers = _numbers(name, cells, column)
    if immutable or scale is not None:
        return Feature(name=column, scale=0.0 if immutable or scale is None else scale)
    deviation = float(numbers.std())
    if not deviation > 0:
        raise InputError(
            f"{_at(name, column)} holds {numbers[0]:g} in all training rows, and has no standard deviation; "
            "give it a scale, make it immutable, or remove it.",
            "immutable",
        )
    return Feature(name=column, scale=deviation)


def _is_text(name: str, cells: Any) -> bool:
    """Whether a column holds text; some numbers in it, or some text among numbers, are refused."""
    if cells.dtype.kind in "iuf" or cells.dtype.name in ("Int64", "Float64", "Int32", "Float32"):
        return False
    if cells.dtype.kind == "b" or cells.dtype.name in ("boolean", "category"):
        return True
    if cells.dtype.kind in "mM":
        raise InputError(f"{_at(name, cells.name)} holds times; give them as numbers.")
    are_numbers = np.array([_is_number(cell) for cell in cells])
    if are_numbers.all():
        return False
    if not are_numbers.any():
        if all(_is_number(str(cell).replace(",", ".", 1)) for cell in cells):
            raise InputError(
                f"{_at(name, cells.name, 0)} holds {shown(cells.iloc[0])}; write numbers with a point, "
                "or say that the column is categorical.",
                "categorical",
            )
        return True
    row = int((~are_numbers).argmax())
    raise InputError(
        f"{_at(name, cells.name, row)} holds {shown(cells.iloc[row])}, which is no number; mend it, or say "
        "that the column is categorical.",
        "categorical",
    )


def _is_number(cell: object) -> bool:
    return not math.isnan(as_number(cell))


def _encoded(name: str, cells: Any, feature: Feature) -> np.ndarray:
    """A column as coordinates of inputs, in single precision.

    Where that is too coarse, a number that happens to be exact is refused as its neighbours are; in an
    immutable column, where nothing is said of other values, whole numbers have to be exact.
    """
    if not feature.is_number:
        codes = _codes(name, cells, feature.name, feature.categories, "categories")
        return codes.astype(np.float32)
    numbers = _numbers(name, cells, feature.name)
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
            f"{_at(name, feature.name, row)} holds {shown(str(cells.iloc[row]))}, which single precision "
            f"rounds {how}."
        )
    return rounded


def _codes(name: str, cells: Any, column: str, values: tuple[Category, ...], what: str) -> np.ndarray:
    """The place of each cell of a column among its categories, or among the classes."""
    _known_cells(name, cells, column)
    places = {value: place for place, value in enumerate(values)}
    kind = type(values[0])
    codes = np.empty(len(cells), np.int64)
    for row, cell in enumerate(cells):
        place = places.get(_as(kind, cell))
        if place is None:
            raise InputError(
                f"{_at(name, column, row)} holds {shown(cell)}, which is none of the {what} of the training "
                f"rows: {_some(values)}."
            )
        codes[row] = place
    return codes


def _as(kind: type, cell: object) -> Any:
    """A cell as a category of some type; None where it is none."""
    if kind is str:
        return str(cell)
    if kind is bool:
        return {"true": True, "false": False}.get(str(cell).lower())
    if kind is int and str(cell).lstrip("+-").isdigit():
        return int(str(cell))
    number = as_number(cell)
    return number if number == number else None  # 1 and 1.0 are the same key


def _numbers(name: str, cells: Any, column: str) -> np.ndarray:
    """A column of numbers."""
    _known_cells(name, cells, column)
    if cells.dtype.kind in "iuf":
        numbers = cells.to_numpy(np.float64)
    else:
        numbers = np.array([as_number(cell) for cell in cells], dtype=np.float64)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"{_at(name, column, row)} holds {shown(cells.iloc[row])}, which is no finite number; mend it."
        )
    return numbers


def _known_cells(name: str, cells: Any, column: str) -> None:
    """Refuse missing values."""
    missing = cells.isna().to_numpy()
    if missing.any():
        row = int(missing.argmax())
        raise InputError(
            f"{_at(name, column, row)} holds no value (it is empty, NaN or NA); fill it in, or remove the "
            "row."
        )


def _some(names: Any) -> str:
    listed = list(map(str, names))
    return ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")


def _at(name: str, column: str, row: int | None = None) -> str:
    """Where something is wrong in a table."""
    return f"{name}: the column {shown(column)}" + ("" if row is None else f", row {row},")
