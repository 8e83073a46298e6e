"""One line of a run's journal: what was counted and certified for one input."""

import dataclasses
import json
from typing import Any, Self

from wulff._typing import IntArray
from wulff.errors import RunError


@dataclasses.dataclass(frozen=True)
class CertifiedRadius:
    """The radius of one input against one norm.

    Attributes:
        radius: In input units; never above what is certain.
        method: The theorem behind it, or `published` for an imported number.
        tight: Whether the theorem's radius is the largest that the error supports.
        published: For imported logs, the radius as it was printed there.
    """

    radius: float
    method: str
    tight: bool
    published: float | None = None


@dataclasses.dataclass(frozen=True)
class Record:
    """The outcome for one input.

    Attributes:
        index: The input's position in its data set.
        label: Its true label.
        predict: The smoothed classifier's label, or -1 where it abstains.
        counts: Votes by class for each phase; classes without votes are left out.
        not_a_number: For how many copies the model's output was not a number, for each phase with such
            copies. They voted for no class, and so count against every label.
        n: How many samples its error was bounded from, or its prediction made from.
        error: The upper bound on the error of the selected label; None for predictions and imported logs.
        draw: The uniform number of the randomised estimator, where it was used.
        radii: Certified radii by norm.
        seconds: The time that the input took.
    """

    index: int
    label: int
    predict: int
    seconds: float
    n: int | None = None
    error: float | None = None
    draw: float | None = None
    counts: dict[str, dict[int, int]] = dataclasses.field(default_factory=dict)
    not_a_number: dict[str, int] = dataclasses.field(default_factory=dict)
    radii: dict[str, CertifiedRadius] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """The record as one line; floats keep every digit."""
        fields = dataclasses.asdict(self)
        fields["counts"] = {
            phase: {str(label): votes for label, votes in counts.items()}
            for phase, counts in self.counts.items()
        }
        fields["seconds"] = fields.pop("seconds")  # last, since it is the only part that may differ
        for radius in fields["radii"].values():
            if radius["published"] is None:
                del radius["published"]
        return json.dumps({key: value for key, value in fields.items() if value not in (None, {})})

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The record in a line.

        Raises:
            RunError: The line is no record.
        """
        try:
            fields: dict[str, Any] = json.loads(line)
            counts = {
                phase: {int(label): _whole(votes) for label, votes in counts.items()}
                for phase, counts in fields.pop("counts", {}).items()
            }
            radii = {norm: CertifiedRadius(**value) for norm, value in fields.pop("radii", {}).items()}
            record = cls(**fields, counts=counts, radii=radii)
            numbers = (record.index, record.label, record.predict, record.n or 0)
            for number in (*numbers, *record.not_a_number.values()):
                _whole(number)
            return record
        except (ValueError, TypeError, AttributeError):
            raise RunError("is not a record") from None


def _whole(number: object) -> int:
    """A number that is an integer; 99.9 votes must not become 99."""
    if type(number) is not int:
        raise TypeError
    return number


def sparse(votes: IntArray) -> dict[int, int]:
    """Votes by class, without the classes that have none."""
    return {int(label): int(votes[label]) for label in votes.nonzero()[0]}
