"""One line of a run's journal: what was counted and certified for one input."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from typing import Any, Self

from wulff._reading import DAMAGE
from wulff._typing import IntArray
from wulff.datasets import UNKNOWN
from wulff.errors import RunError

_SECONDS = b', "seconds": '
_CHECKSUM = b', "checksum": "'
_DIGITS = 16


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
        label: Its true label; `UNKNOWN` where nobody has told it, which its line leaves out.
        predict: The smoothed classifier's label, or -1 where it abstains.
        counts: Votes by class for each phase; classes without votes are left out.
        not_a_number: For how many copies the model's output was not a number, for each phase with such
            copies. They voted for no class, and so count against every label.
        n: How many samples its error was bounded from, or its prediction made from.
        error: The upper bound on the error of the selected label; None for predictions and imported logs.
        draw: The uniform number of the randomised estimator, where it was used.
        radii: Certified radii by norm.
        file: Where the input is, below the folder of its data set; None where it has no file of its own.
        seconds: The time that the input took.
    """

    index: int
    label: int
    predict: int
    seconds: float
    n: int | None = None
    error: float | None = None
    draw: float | None = None
    counts: dict[str, dict[int, int]] = dataclasses.field(default_factory=dict[str, dict[int, int]])
    not_a_number: dict[str, int] = dataclasses.field(default_factory=dict[str, int])
    radii: dict[str, CertifiedRadius] = dataclasses.field(default_factory=dict[str, CertifiedRadius])
    file: str | None = None

    def to_line(self, key: bytes) -> bytes:
        """The record as a line of a journal, with a checksum of all but the seconds at its end.

        Args:
            key: What ties it to the document of its run; see `checksum_key`.
        """
        text = self.to_json().encode()
        content, separator, seconds = text.rpartition(_SECONDS)
        return content + _CHECKSUM + _checksum(content, key) + b'"' + separator + seconds + b"\n"

    def to_json(self) -> str:
        """The record as JSON; floats keep every digit."""
        fields = dataclasses.asdict(self)
        fields["counts"] = {
            phase: {str(label): votes for label, votes in counts.items()}
            for phase, counts in self.counts.items()
        }
        fields["seconds"] = fields.pop("seconds")  # last, since it is the only part that no checksum covers
        for radius in fields["radii"].values():
            if radius["published"] is None:
                del radius["published"]
        if self.label == UNKNOWN:
            del fields["label"]
        return json.dumps({key: value for key, value in fields.items() if value not in (None, {})})

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The record in a line.

        Raises:
            RunError: The line is no record.
        """
        try:
            fields: dict[str, Any] = json.loads(line)
            fields.pop("checksum", None)
            counts = {
                phase: {int(label): _whole(votes) for label, votes in counts.items()}
                for phase, counts in fields.pop("counts", {}).items()
            }
            radii = {norm: CertifiedRadius(**value) for norm, value in fields.pop("radii", {}).items()}
            fields = {"label": UNKNOWN, **fields}
            record = cls(**fields, counts=counts, radii=radii)
            numbers = (record.index, record.label, record.predict, record.n or 0)
            for number in (*numbers, *record.not_a_number.values()):
                _whole(number)
            if not isinstance(record.file, str | None):
                raise TypeError
            return record
        except (*DAMAGE, TypeError, AttributeError):
            raise RunError("is not a record") from None


def check_lines(lines: Iterable[bytes], key: bytes) -> list[bool | None]:
    """Whether the checksum in each line of a journal is right; None where there is none."""
    keyed = hashlib.blake2b(digest_size=_DIGITS // 2, key=key)
    right: list[bool | None] = []
    for line in lines:
        content, found, rest = line.rpartition(_CHECKSUM)
        if not found:
            right.append(None)
            continue
        checksum = keyed.copy()
        checksum.update(content)
        same = rest.startswith(checksum.hexdigest().encode() + b'"' + _SECONDS)
        right.append(same and b"," not in rest[_DIGITS + 2 :])
    return right


def _checksum(content: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGITS // 2, key=key).hexdigest().encode()


def _whole(number: object) -> int:
    """A number that is an integer; 99.9 votes must not become 99."""
    if type(number) is not int:
        raise TypeError
    return number


def sparse(votes: IntArray) -> dict[int, int]:
    """Votes by class, without the classes that have none."""
    return {int(label): int(votes[label]) for label in votes.nonzero()[0]}
