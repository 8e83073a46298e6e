"""Tables of features: what their columns are, and their rows as inputs.

Scales, categories and classes come from the training rows alone: they are a `Layout`, by which all other
rows are read.
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wulff._quoting import shown
from wulff._reading import reading
from wulff.errors import InputError
from wulff.tables.cells import at, codes_of, encoded, is_text, numbers_of, refuse_missing, some_of
from wulff.tables.files import frame_of
from wulff.tables.layout import Category, Feature, Layout, typed

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
    name, frame = frame_of(source)
    _check_named(name, frame, target, (scales or {}).keys(), categorical, immutable)
    refuse_missing(name, frame[target], target)
    frame = frame.iloc[rows]
    if not len(frame):
        raise InputError(f"{name} has no training rows; check file and slice.")
    features = tuple(
        _feature(name, frame[column], (scales or {}).get(column), column in categorical, column in immutable)
        for column in frame.columns
        if column != target
    )
    return Layout(target=target, classes=typed(list(frame[target])), features=features)


def encoded_rows(source: Any, layout: Layout) -> tuple[str, np.ndarray, np.ndarray | None]:
    """The rows of a table as inputs: numbers as they are, categories as whole numbers from 0.

    Args:
        source: A CSV or Parquet file, or a `pandas.DataFrame`.
        layout: Its columns, as the training rows have them.

    Returns:
        What the table is called; inputs of shape (rows, features), float32; and labels, int64, or None where
        it has no column of the target.

    Raises:
        InputError: The file cannot be read, has other columns, or a cell is not allowed.
    """
    name, frame = frame_of(source)
    if missing := [column for column in layout.names if column not in frame.columns]:
        raise InputError(f"{name} has no column {shown(missing[0])}; it has {some_of(frame.columns)}.")
    if more := [column for column in frame.columns if column not in (layout.target, *layout.names)]:
        raise InputError(
            f"{name} has the column {shown(more[0])}, which the training rows lack; remove it, or train "
            "with it."
        )
    if not len(frame):
        raise InputError(f"{name} has no rows below its line of names; give a file with some.")
    inputs = np.stack([encoded(name, frame[one.name], one) for one in layout.features], axis=1)
    if layout.target not in frame.columns:
        return name, inputs, None
    return name, inputs, codes_of(name, frame[layout.target], layout.target, layout.classes, "classes")


def check_target(source: Any, target: str) -> None:
    """Refuse a table without the column that is said to hold its classes."""
    _check_target(*frame_of(source), target)


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


def _check_target(name: str, frame: Any, target: str) -> None:
    if target not in frame.columns:
        raise InputError(
            f"{name} has no column {shown(target)} for the target; it has {some_of(frame.columns)}.", "target"
        )


def _check_named(name: str, frame: Any, target: str, *named: Collection[str]) -> None:
    """Refuse a target that is not there, and columns that are named but are no features."""
    _check_target(name, frame, target)
    for option, columns in zip(("scales", "categorical", "immutable"), named, strict=True):
        for column in columns:
            if column not in frame.columns or column == target:
                raise InputError(
                    f"{option} names {shown(column)}, which is no column of {name} besides its target; it "
                    f"has {some_of(frame.columns)}.",
                    option,
                )
    if both := [column for column in named[1] if column in named[0]]:
        raise InputError(
            f"the column {shown(both[0])} is categorical, and has no scale; leave it out.", "scales"
        )


def _feature(name: str, cells: Any, scale: float | None, categorical: bool, immutable: bool) -> Feature:
    """A column of training rows."""
    column = str(cells.name)
    refuse_missing(name, cells, column)
    if categorical or is_text(name, cells):
        if scale is not None:
            raise InputError(
                f"the column {shown(column)} is categorical, and has no scale; leave it out.", "scales"
            )
        values: tuple[Category, ...] = typed(list(cells))
        if len(values) < 2 and not immutable:
            raise InputError(
                f"{at(name, column)} holds {shown(next(iter(values)))} in all training rows; remove it, or "
                "make it immutable.",
                "immutable",
            )
        return Feature(name=column, categories=values, immutable=immutable)
    numbers = numbers_of(name, cells, column)
    if immutable or scale is not None:
        return Feature(name=column, scale=0.0 if immutable or scale is None else scale)
    deviation = float(numbers.std())
    if not deviation > 0:
        raise InputError(
            f"{at(name, column)} holds {numbers[0]:g} in all training rows, and has no standard deviation; "
            "give it a scale, make it immutable, or remove it.",
            "immutable",
        )
    return Feature(name=column, scale=deviation)
