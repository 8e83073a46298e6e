"""What a training is asked for: every parameter, checked and normalised."""

import dataclasses
from typing import Any, Self

from wulff import noises, training, views
from wulff._checks import instance
from wulff.errors import InputError
from wulff.tables import Layout, of_table


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """A training to be made.

    Attributes:
        noise: The spec string of the noise that the smoothed classifier will use, or of its views.
        dataset: A data set for `wulff.datasets.load` (its train split).
        model: An architecture in `wulff.models`.
        objective: A training method of `wulff.training`, perhaps with hyperparameters.
        schedule: Length, speed and seed.
        slice: Which of the inputs, as a Python slice.
        device: Where the model is trained.
        weights: Weights to start from (pre-training); by default the seed decides them.
        unlabelled: A data set for self-training, without use for its labels; half of each batch is from it.
        teacher: The weights of the classifier that labels it, or the folder of its training.
        table: The columns of `table:FILE`, as `wulff.datasets.layout_of` finds them in it; runs of the model
            read their rows by these.
    """

    noise: str
    dataset: str = "digits"
    model: str = "cnn"
    objective: str = "augment"
    schedule: training.Schedule = dataclasses.field(default_factory=training.Schedule)
    slice: str = ":"
    device: str = "cpu"
    weights: str | None = None
    unlabelled: str | None = None
    teacher: str | None = None
    table: Layout | None = None

    def __post_init__(self) -> None:
        for name in ("noise", "dataset", "model", "objective", "slice", "device"):
            instance(name, getattr(self, name), str, "text")
        for name in ("weights", "unlabelled", "teacher"):
            if getattr(self, name) is not None:
                instance(name, getattr(self, name), str, "text")
        instance("schedule", self.schedule, training.Schedule, "a wulff.training.Schedule")
        objective = training.objective_spec(training.parse_objective(self.objective))
        if self.table is not None and not isinstance(self.table, Layout):
            object.__setattr__(self, "table", Layout.from_document(self.table))
        noise = noise_or_views(of_table(self.noise, self.table))
        object.__setattr__(self, "noise", str(noise))
        object.__setattr__(self, "objective", objective)

    def to_document(self) -> dict[str, Any]:
        """The table `training`; None is left out."""
        columns = None if self.table is None else self.table.to_document()
        fields = dataclasses.asdict(self) | {"table": columns}
        return {key: value for key, value in fields.items() if value is not None}

    @classmethod
    def from_document(cls, table: dict[str, Any]) -> Self:
        """The spec in a table `training`.

        Raises:
            InputError: Something in it is missing or not allowed.
        """
        try:
            rest = {name: value for name, value in table.items() if name != "schedule"}
            return cls(schedule=training.Schedule(**table.get("schedule", {})), **rest)
        except InputError:
            raise
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"the table training is not of a training: {error}.") from None


def noise_or_views(text: str) -> noises.Noise | views.Views:
    """The noise of a spec string, or the views."""
    return views.parse(text) if views.is_views(text) else noises.parse(text)
