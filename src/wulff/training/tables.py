"""Noisy copies of the rows of a table, for estimators that are trained elsewhere."""

from typing import Any

import numpy as np
import torch

from wulff import _display, noises
from wulff._checks import whole_number
from wulff._quoting import shown
from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.tables import Layout, of_table
from wulff.tables.reading import encoded_rows
from wulff.training.objective import copies_of
from wulff.views import is_views


def augment_table(
    rows: Any, layout: Layout, *, noise: noises.Noise | str, copies: int = 10, seed: int = 0
) -> tuple[Any, Any]:
    """Noisy copies of the rows of a table, to train an estimator on what it will be asked for by a run.

    Args:
        rows: A `pandas.DataFrame`, or a CSV or Parquet file, with features and target.
        layout: The columns, as `wulff.datasets.layout_of` finds them in the training rows.
        noise: The noise that the smoothed classifier will use, in units of the scales of the columns.
        copies: How many copies of each row.
        seed: The seed of the noise.

    Returns:
        The copies, a `pandas.DataFrame` with the features in the types that the estimator gets in a run; and
        their target, a `pandas.Series` with the values of the table. What ablation hides is missing there
        if it is a category, and has the value of its `null` else.

    Raises:
        InputError: A row does not fit the columns, or the noise is not for them.
    """
    whole_number("copies", copies)
    pandas = _display.pandas("augment_table", "tables")
    name, inputs, labels = encoded_rows(rows, layout)
    if labels is None:
        raise InputError(f"{name} has no column {shown(layout.target)} for the target.", "rows")
    named = of_table(str(noise), layout)
    if is_views(named):
        raise InputError(f"rows of a table are copied with noise, got the views {named}.", "noise")
    x = torch.from_numpy(inputs)
    source = noises.parse(named).in_dim(x.shape[1])
    if isinstance(source, noises.Replacement):
        source.check_inputs(x)
    noisy = copies_of(source, x, copies, torch.Generator().manual_seed(seed)).flatten(0, 1)
    if noisy.shape[1] != x.shape[1]:
        raise InputError(
            "hidden columns of a table need a value of their own that stands for them; give null=-1.", "noise"
        )
    frame = layout.frame(noisy.numpy())
    return frame, pandas.Series(_classes(layout, labels, copies), name=layout.target)


def _classes(layout: Layout, labels: IntArray, copies: int) -> list[Any]:
    """The values of the target for copies, in the order of `copies_of`."""
    return [layout.classes[label] for label in np.tile(labels, copies).tolist()]
