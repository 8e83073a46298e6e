"""Options that say what the columns of a table are."""

import dataclasses
from typing import Annotated, Any

import typer

from wulff import datasets

TargetOption = Annotated[
    str | None, typer.Option(help="Of table:FILE.csv, the column that holds the classes.")
]
TrainingRowsOption = Annotated[
    str | None,
    typer.Option(
        help="The rows that a model from elsewhere was trained on, a table or a run of such, for scales and "
        "categories."
    ),
]
ScalesOption = Annotated[
    str | None,
    typer.Option(
        help="A TOML file with scales of columns, age = 5; others have the standard deviation of the "
        "training rows."
    ),
]
CategoricalOption = Annotated[
    list[str] | None,
    typer.Option(help="A column of numbers whose values are categories, as text is; may be repeated."),
]
ImmutableOption = Annotated[
    list[str] | None, typer.Option(help="A column that gets no noise and may not change; may be repeated.")
]


@dataclasses.dataclass(frozen=True)
class Columns:
    """What the command line says of the columns of a table."""

    target: str | None
    scales: str | None
    categorical: list[str] | None
    immutable: list[str] | None

    def read(self) -> dict[str, Any]:
        """The same for `runs.table_to_train_on` and `runs.table_to_certify`; the file of scales is read."""
        return {
            "target": self.target,
            "scales": None if self.scales is None else datasets.read_scales(self.scales),
            "categorical": self.categorical or (),
            "immutable": self.immutable or (),
        }
