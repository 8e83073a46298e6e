"""Vote counts. Selection and estimation counts are two types, so that one sample cannot be used twice."""

import dataclasses
from typing import final

import numpy as np

from wulff._checks import each, instance, numbers, whole_numbers
from wulff._quoting import shown
from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.stats import Anytime

LARGEST_INDEX = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Counts:
    """Votes of the base classifier on n noisy copies of each input.

    Attributes:
        votes: Integers of shape (inputs, classes). Rows sum to at most n: outputs that are not a number
            vote for no class, and no more do copies whose noise was ambiguous.
        n: The number of noisy copies of each input: one number, or one for each.
        index: The number of each input in its data set, by which its random numbers are keyed; None for its
            position.
    """

    votes: IntArray
    n: int | IntArray
    index: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        votes, n = numbers("votes", self.votes, "iu").astype(np.int64), numbers("n", self.n, "iu")
        if votes.ndim != 2 or votes.shape[1] < 1:
            raise InputError(f"votes must be integers of shape (inputs, classes), got shape {votes.shape}.")
        if (votes < 0).any() or (votes.sum(axis=1) > each("n", n, votes.shape[:1])).any():
            raise InputError(f"votes must be at least 0 and sum to at most n = {shown(n)} for each input.")
        if self.index is not None:
            index = whole_numbers("index", self.index, len(votes), least=0, most=LARGEST_INDEX)
            object.__setattr__(self, "index", tuple(index))
        object.__setattr__(self, "votes", votes)

    @property
    def unknown(self) -> IntArray:
        """How many of the n copies have no vote, for each input."""
        return self.n - self.votes.sum(axis=1)

    def __len__(self) -> int:
        return len(self.votes)


@final
class SelectionCounts(Counts):
    """Counts that choose the label to be certified; they carry no guarantee."""

    def top(self) -> IntArray:
        """The most frequent class of each input; the smallest one of several."""
        return self.votes.argmax(axis=1)


@final
@dataclasses.dataclass(frozen=True)
class EstimationCounts(Counts):
    """Counts of fresh samples, drawn independently of the label that they are asked about.

    Attributes:
        stop: The policy by which the votes themselves decided when sampling stopped; None where n was fixed
            in advance. They certify by a bound that is valid for it, and by no other.
    """

    stop: Anytime | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stop is not None:
            instance("stop", self.stop, Anytime, "a wulff.stats.Anytime or None")

    def misses(self, label: IntArray) -> IntArray:
        """How many of the n votes did not go to the label, for each input."""
        return self.n - np.take_along_axis(self.votes, np.asarray(label)[:, None], axis=1)[:, 0]


@final
class PredictionCounts(Counts):
    """Counts for the rank test of `predict`."""
