"""Tables as data sets: rows of CSV and Parquet files, or of frames of pandas."""

from typing import Any

import torch

from wulff.datasets.base import UNKNOWN, Dataset
from wulff.tables import Layout
from wulff.tables.files import FRAME
from wulff.tables.reading import encoded_rows

PREFIX = "table:"
"""What the name of a table as a data set begins with, before the path of its file."""


def read_table(source: Any, layout: Layout) -> Dataset:
    """The rows of a table as a data set: numbers as they are, categories as whole numbers from 0.

    Rows without a column of the target have labels that nobody has told.

    Args:
        source: A CSV or Parquet file, or a `pandas.DataFrame`.
        layout: Its columns, as the training rows have them.

    Raises:
        InputError: The file cannot be read, has other columns, or a cell is not allowed.
    """
    name, inputs, labels = encoded_rows(source, layout)
    return Dataset(
        name if name == FRAME else f"{PREFIX}{name}",
        torch.from_numpy(inputs),
        torch.full((len(inputs),), UNKNOWN) if labels is None else torch.from_numpy(labels),
        num_classes=len(layout.classes),
        class_names=layout.class_names,
        pixels=False,
        table=layout,
    )
