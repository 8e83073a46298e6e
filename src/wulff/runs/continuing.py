"""Is the classifier that goes on with a run the one that began it? The votes of one input tell."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from wulff.errors import RunError
from wulff.runs.records import Record, sparse
from wulff.runs.run import Run
from wulff.smoothing import Phase, Votes

Value = TypeVar("Value")
FALSE_ALARM = 1e-6
"""The probability that votes of the same classifier are called different."""


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


def check_votes(known: Record, votes: Votes, *, random: bool = False) -> None:
    """Refuse votes of an input that are not those in its record.

    Args:
        known: The record.
        votes: The votes, counted again.
        random: Whether the classifier draws random numbers of its own: then votes need only be as likely.

    Raises:
        RunError: They are of another classifier.
    """
    if random:
        _check_shares(known, votes)
        return
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


def _check_shares(known: Record, votes: Votes) -> None:
    """Refuse votes whose shares are further from the recorded ones than draws of one classifier ever are."""
    for phase, counts in by_phase(votes.counts).items():
        recorded = known.counts.get(phase, {})
        n, fresh_n = sum(recorded.values()), int(counts.sum())
        if not n or not fresh_n:
            continue
        label = max(recorded, key=lambda c: recorded[c])
        if p_value(recorded[label], n, int(counts[label]), fresh_n) < FALSE_ALARM / len(votes.counts):
            raise RunError(
                f"the classifier's votes for input {known.index} are further from those of the stored run "
                "than the denoiser's draws explain: another model or denoiser; give those that began it, or "
                "another folder."
            )


def p_value(recorded: int, n: int, fresh: int, fresh_n: int) -> float:
    """How likely two shares are at least as different if both are of votes of one classifier.

    Args:
        recorded: Of the first votes, how many were for a class.
        n: How many there are.
        fresh: Of the others, how many were.
        fresh_n: How many there are.
    """
    from scipy import stats  # imported here: it takes half a second

    together = stats.hypergeom(n + fresh_n, recorded + fresh, n)
    return min(1.0, 2 * min(float(together.cdf(recorded)), float(together.sf(recorded - 1))))


def by_phase(values: Mapping[Phase, Value]) -> dict[str, Value]:
    """Values by the names that records have for the phases."""
    return {phase.name.lower(): value for phase, value in values.items()}
