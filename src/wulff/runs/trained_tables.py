"""By which columns the rows of a table are read: those of the training, or of other training rows."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from wulff import backends, datasets
from wulff._checks import file_path
from wulff._quoting import shown
from wulff.datasets.base import parse_slice
from wulff.errors import InputError
from wulff.runs.checkpoints import TRAINING
from wulff.runs.folder import SPEC
from wulff.runs.journal import stored_run
from wulff.runs.training_run import read_training
from wulff.tables import Layout, Scales
from wulff.tables.reading import check_target


def table_to_train_on(dataset: str, rows: str = ":", **said: Any) -> Layout | None:
    """The columns of a training set that is a table; None where it is none.

    Args:
        dataset: Its name, `table:FILE` for a table.
        rows: Which of its rows are for training, as a Python slice.
        **said: What else is said of the columns; see `wulff.datasets.layout_of`.

    Raises:
        InputError: A column or cell is not allowed, or columns are described of what is no table.
    """
    if not _is_table(dataset, said):
        return None
    return _layout(dataset.removeprefix(datasets.TABLE), parse_slice(rows), **said)


def table_to_certify(
    dataset: str,
    model: str,
    *,
    target: str | None = None,
    training_rows: str | Path | None = None,
    scales: Scales | None = None,
    categorical: Collection[str] = (),
    immutable: Collection[str] = (),
) -> Layout | None:
    """The columns by which the rows of a table are read for a model; None where a data set is no table.

    Of a training of wulff, they are those of its training rows. For a model from elsewhere, `training_rows`
    are needed; without them there may be no categories, and every scale has to be given: scales that come
    from the rows that are certified would be others if these changed.

    Args:
        dataset: Its name, `table:FILE` for a table.
        model: The model.
        target: The column with the classes. Rows without it are certified without labels if nobody names it.
        training_rows: A table with the rows that the model was trained on, or the folder of another run or
            of a training whose columns are the same.
        scales: Scales of columns, in place of the standard deviations of the training rows.
        categorical: Columns of numbers whose values are categories.
        immutable: Columns without noise.

    Raises:
        InputError: Columns are not known, or are described in another way than in the training.
    """
    columns: dict[str, Any] = {"scales": scales, "categorical": categorical, "immutable": immutable}
    said = {"target": target, "training_rows": training_rows, **columns}
    if not _is_table(dataset, said):
        return None
    if target is not None:
        check_target(dataset.removeprefix(datasets.TABLE), target)
    trained = table_of_model(model, target=target, training_rows=training_rows, **columns)
    if trained is not None:
        return trained
    found = _layout(dataset.removeprefix(datasets.TABLE), slice(None), target=target, **columns)
    known = {*(scales or {}), *immutable}
    if unknown := [feature.name for feature in found.features if feature.name not in known]:
        raise InputError(
            f"scale and categories of the column {shown(unknown[0])} come from the rows that {model} was "
            "trained on; give training_rows=FILE, or for numbers a line in scales=FILE.",
            *("training_rows", "scales"),
        )
    return found


def table_of_model(
    model: str, *, target: str | None = None, training_rows: str | Path | None = None, **columns: Any
) -> Layout | None:
    """The columns of the rows that a model was trained on; None where nobody says them.

    Args:
        model: The model.
        target: The column with the classes.
        training_rows: As `table_to_certify` takes them.
        **columns: What else is said of the columns.

    Raises:
        InputError: Columns are described in another way than in the training.
    """
    trained = _of_training(model)
    said = {"training_rows": training_rows, **columns}
    if trained is None and training_rows is not None and os.path.isdir(training_rows):
        trained, model = _of_folder(Path(training_rows)), str(training_rows)
        said["training_rows"] = None
    if trained is None:
        if training_rows is None:
            return None
        return _layout(training_rows, slice(None), target=target, **columns)
    if target not in (None, trained.target):
        raise InputError(f"the target of {model} is {shown(trained.target)}, got {shown(target)}.", "target")
    if given := [name for name, value in said.items() if value]:
        raise InputError(
            f"{model} says by itself how the columns of its training rows were; leave out "
            f"{' and '.join(given)}.",
            *given,
        )
    return trained


def _of_folder(folder: Path) -> Layout:
    """The columns that a run or a training in a folder has."""
    made = stored_run(folder) if (folder / SPEC).is_file() else None
    table = made.spec.table if made is not None else _of_training(str(folder))
    if table is None:
        raise InputError(
            f"{folder} is no run and no training with a table; give a CSV or Parquet file.", "training_rows"
        )
    return table


def _is_table(dataset: str, said: dict[str, Any]) -> bool:
    """Whether a data set is a table; else nothing may be said of its columns."""
    if dataset.startswith(datasets.TABLE):
        return True
    if given := [name for name, value in said.items() if value]:
        raise InputError(
            f"{given[0]} is for the columns of a table, as in table:FILE.csv, got {dataset}; leave it out.",
            given[0],
        )
    return False


def _layout(file: str | Path, rows: slice, *, target: str | None, **columns: Any) -> Layout:
    if target is None:
        raise InputError(f"{file} is a table; say which column holds the classes: target=COLUMN.", "target")
    return datasets.layout_of(file, target=target, rows=rows, **columns)


def _of_training(model: str) -> Layout | None:
    """The columns that the training of a model had; None where there is none, or it was no table."""
    if backends.is_spec(model):
        return None
    path = file_path("model", model)
    folder = path if path.is_dir() else path.parent
    return read_training(folder).spec.table if (folder / TRAINING).is_file() else None
