"""Rows of a table in a request: its columns by their names, with the cells that the table has."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from wulff import _display
from wulff._checks import is_list, is_table
from wulff._quoting import shown
from wulff.errors import InputError
from wulff.tables import Feature, Layout
from wulff.tables.reading import encoded_rows


def rows_of(columns: object, table: Layout) -> Tensor:
    """Rows as inputs of a classifier, of shape (rows, features), float32.

    Args:
        columns: A JSON object with the cells of each column.
        table: The columns, as the training rows have them.

    Raises:
        InputError: A column is missing, or one too many, or a cell does not fit the training rows.
    """
    if not is_table(columns) or not all(map(is_list, columns.values())):
        raise InputError('columns must be a JSON object such as {"age": [30, 50]}, with a list for each.')
    if len({len(cells) for cells in columns.values()}) > 1:
        sizes = ", ".join(f"{shown(str(name))} {len(cells)}" for name, cells in list(columns.items())[:5])
        raise InputError(f"columns must be lists of the same length, got {sizes}.")
    if table.target in columns:
        raise InputError(f"the column {shown(table.target)} is what is predicted; leave it out.")
    for name, cells in columns.items():
        for row, cell in enumerate(cells):
            if not isinstance(cell, str | int | float):
                raise InputError(
                    f"the column {shown(str(name))}, row {row}, holds {shown(cell)}, no number or text."
                )
    frame = _display.pandas("a table", "tables").DataFrame(dict(columns), dtype=object)
    _, inputs, _ = encoded_rows(frame, table)
    return torch.from_numpy(inputs)


def columns_of(inputs: list[Mapping[str, Any]]) -> dict[str, object]:
    """The columns in a request of the protocol: a tensor for each, of shape (rows,) or (rows, 1)."""
    found: dict[str, object] = {}
    for entry in inputs:
        name, cells = entry.get("name"), entry.get("data")
        if not isinstance(name, str) or name in found:
            raise InputError(f"inputs must have different names, those of the columns, got {shown(name)}.")
        if not is_list(cells):
            raise InputError(f"data of the column {shown(name)} must be a list in the JSON.")
        nested = cells and all(is_list(cell) and len(cell) == 1 for cell in cells)
        found[name] = [cell[0] for cell in cells] if nested else cells
    return found


def described(table: Layout) -> list[dict[str, Any]]:
    """The inputs of a model of such rows, as its metadata name them."""
    return [
        {"name": feature.name, "datatype": _datatype(feature), "shape": [-1]} for feature in table.features
    ]


def _datatype(feature: Feature) -> str:
    kind = type(feature.categories[0]) if feature.categories else float
    return {float: "FP64", bool: "BOOL", int: "INT64", str: "BYTES"}[kind]
