"""Tables in CSV and Parquet files, or in frames of pandas: their names and cells."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from wulff import _display
from wulff._checks import file_path
from wulff._quoting import plain, shown
from wulff._reading import check_declared, reading
from wulff.errors import InputError

FRAME = "the frame"
"""What a frame is called in messages."""
SEPARATORS = (",", ";", "\t")
"""What may stand between cells; the one that makes the most of the first line does."""


def frame_of(source: Any) -> tuple[str, Any]:
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
    """A CSV file as text, its first line the names of the columns; spaces stay, as pandas keeps them."""
    remedy = "save it in UTF-8, each line with as many cells as the first, which holds the names"
    with reading(path, "CSV file", remedy):
        check_declared(path, 20 * path.stat().st_size)  # each cell is an object in memory
        with path.open(encoding="utf-8-sig") as opened:
            first = next((line for line in opened if line.strip()), "")
        if not first:
            raise InputError(f"{path} is empty; its first line holds the names of the columns.")
        cells_by = [len(next(csv.reader([first], delimiter=m))) for m in SEPARATORS]
        separator = SEPARATORS[int(np.argmax(cells_by))]
        cells = pandas.read_csv(path, sep=separator, header=None, dtype=str, encoding="utf-8-sig")
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
