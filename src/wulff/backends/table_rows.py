"""Rows of a table as a model was trained on them: frames with names and types, or arrays."""

import re
from collections.abc import Collection, Sequence
from typing import Any, final

import numpy as np
from torch import Tensor

from wulff._quoting import shown
from wulff.backends.base import flat_rows
from wulff.errors import InputError
from wulff.tables import Layout

_GENERATED = re.compile(r"(Column_|f|x)?\d+")
"""What models call the columns of arrays, which have no names."""


@final
class TableRows:
    """From a batch of inputs to the rows of a table, as a model takes them.

    Args:
        layout: The columns of the table.
        trained_on: The names of the columns that the model was trained on, in its order; None where it was
            trained on arrays, in the order of the table.
        native: Which of these columns it takes as categories of pandas' type, besides all text; None for a
            model that takes text as it is.

    Raises:
        InputError: The model was trained on other columns.
    """

    def __init__(
        self, layout: Layout, trained_on: Sequence[str] | None, *, native: Collection[str] | None
    ) -> None:
        self.layout = layout
        self.native: Collection[str] | None = None
        if native is not None:
            keys = {_key(name) for name in native}
            self.native = [
                feature.name
                for feature in layout.features
                if feature.categories
                and (isinstance(feature.categories[0], str) or _key(feature.name) in keys)
            ]
        self.order: list[str] | None = None
        if trained_on is not None and not all(_GENERATED.fullmatch(name) for name in trained_on):
            self.order = _in_table(layout, trained_on)
        elif trained_on is not None and len(trained_on) != len(layout.names):
            raise InputError(
                f"the model was trained on {len(trained_on)} columns, and the table has {len(layout.names)} "
                f"besides {shown(layout.target)}; give the table that it was trained on.",
                "dataset",
            )

    def __call__(self, batch: Tensor) -> Any:
        rows = flat_rows(batch)
        if self.order is None and not self.layout.categorical:
            return rows.astype(np.float64)
        frame = self.layout.frame(rows, native=self.native)
        return frame.to_numpy() if self.order is None else frame[self.order]


def _in_table(layout: Layout, trained_on: Sequence[str]) -> list[str]:
    """The columns of the table in the order of the model; LightGBM has no spaces in its names."""
    known = {_key(name): name for name in layout.names}
    wanted = [_key(name) for name in trained_on]
    lacking = [name for name, key in zip(trained_on, wanted, strict=True) if key not in known]
    unknown = [name for key, name in known.items() if key not in wanted]
    if lacking or unknown:
        what = f"lacks {shown(lacking[0])}" if lacking else f"has {shown(unknown[0])} besides"
        raise InputError(
            f"the model was trained on {len(trained_on)} columns, and the table {what}; give the table that "
            "it was trained on.",
            "dataset",
        )
    return [known[key] for key in wanted]


def _key(name: str) -> str:
    return name.replace(" ", "_")
