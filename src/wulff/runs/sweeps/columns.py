"""What a sweep file says of the columns of a table: the options of `wulff train` and `wulff certify`."""

from typing import Any

from wulff import datasets, noises
from wulff._checks import is_list
from wulff.errors import InputError
from wulff.runs.trained_tables import table_to_certify, table_to_train_on
from wulff.tables import Layout, of_table, usual_norm

Table = dict[str, Any]
TRAIN = {"target": str, "scales": str, "categorical": list, "immutable": list}
"""The keys of a training, and their types; a list of columns belongs to one run."""
CERTIFY = TRAIN | {"training_rows": str}


def to_train_on(row: Table, rows: str) -> Layout | None:
    """The columns of the training set in a row of the file; None where it is no table."""
    return table_to_train_on(row["dataset"], rows, **_said(row))


def to_certify(row: Table, model: str) -> Layout | None:
    """The columns by which rows are read for a model that exists."""
    said = _said(row)
    if "training_rows" in row:
        said["training_rows"] = row["training_rows"]
    return table_to_certify(row["dataset"], model, **said)


def of_trained(row: Table, trained: Layout | None) -> Layout | None:
    """The columns by which rows are read for a model that the sweep trains: those of its training."""
    if not row["dataset"].startswith(datasets.TABLE):
        trained = None
    if given := [key for key in CERTIFY if key in row]:
        raise InputError(f"[train] says what the columns are; leave {given[0]} out of [certify].", given[0])
    if trained is None and row["dataset"].startswith(datasets.TABLE):
        raise InputError(f"{row['dataset']} is a table, and the training of the sweep has none.", "dataset")
    return trained


def norms(noise: str | None, table: Layout) -> tuple[str, ...]:
    """Against what rows of a table are certified where the file does not say it."""
    return (usual_norm(noise and of_table(noise, table)),)


def named(noise: str, sigma: float | None) -> str:
    """A noise on rows of a table, whose columns say the rest of it."""
    return noise if sigma is None else str(noises.with_sigma(noise, sigma))


def without(row: Table) -> Table:
    """The row without what it says of columns."""
    return {key: value for key, value in row.items() if key not in CERTIFY}


def _said(row: Table) -> Table:
    said: Table = {"target": None} | {key: row[key] for key in TRAIN if key in row}
    if "scales" in said:
        said["scales"] = datasets.read_scales(said["scales"])
    for key in ("categorical", "immutable"):
        columns = said.get(key, [])
        if not is_list(columns) or not all(isinstance(column, str) for column in columns):
            raise InputError(f"{key} must be a list of columns, got {columns!r}.", key)
    return said
