"""Is the classifier that goes on with a run the one that began it? The votes of one input tell."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from wulff.errors import RunError
from wulff.runs.records import Record, sparse
from wulff.runs.run import Run
from wulff.smoothing import Phase, Votes

Value = TypeVar("Value")


def to_recount(run: Run, *, is_finished: bool) -> Record | None:
    """The record whose votes are to be counted again before a run goes on; None if there is none.

    It is one of the least certain ones, since its votes differ most between classifiers. A finished run of a
    classifier that has a hash, or that its user names, is taken as it is.
    """
    if not run.records or (is_finished and run.facts.identified):
        return None
    certainty = next(iter(run.columns.radii.values()), np.zeros(len(run.records)))
    sampled = np.where(run.columns.n > 0, certainty, np.inf)
    record = run.records[int(sampled.argmin())]
    return record if record.counts else None


def check_votes(known: Record, votes: Votes) -> None:
    """Refuse votes of an input that are not those in its record.

    Raises:
        RunError: They are of another classifier.
    """
    counted = by_phase({phase: sparse(counts) for phase, counts in votes.counts.items()})
    if (votes.index, counted, by_phase(votes.not_a_number)) != (
        known.index,
        known.counts,
        known.not_a_number,
    ):
        raise RunError(
            f"the classifier's votes for input {known.index} are not those of the stored run: another model, "
            "or a model that is not a function; give the model that began the run, or another folder."
        )


def by_phase(values: Mapping[Phase, Value]) -> dict[str, Value]:
    """Values by the names that records have for the phases."""
    return {phase.name.lower(): value for phase, value in values.items()}
