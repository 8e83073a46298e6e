"""Why a run abstained on an input, as far as its votes tell."""

import math
from collections import Counter

import numpy as np
from scipy import special

from wulff.runs import PredictSpec, Record, Run, Spec
from wulff.stats import ABSTAIN, error_upper_bound
from wulff.stats import predict as rank_test

NO_COUNTS = "no counts are stored"
NOT_A_NUMBER = "not a number: NaN is the model's output for too many copies"
NOT_SAMPLED = "not sampled: its selected label was wrong"
TOO_FEW = "n too small: not even unanimous votes could decide"
NEARLY_TIED = "n too small at this share of votes"
OTHER_CLASS = "n0 too small: it selected another class than most votes"
TIE = "tie: no class has more than half of the votes, and no n helps"
EQUAL = "true tie: the two largest classes have equally many votes"


def abstention(run: Run, record: Record) -> str | None:
    """The reason in words, from the list above; None where the run gave an answer."""
    if record.predict != ABSTAIN:
        return None
    if not record.counts:
        return NO_COUNTS
    if run.is_exact:
        return NOT_A_NUMBER
    n, alpha = record.n or 0, _alpha(run)
    lost = record.not_a_number
    if lost.get("selection") and not record.counts.get("selection"):
        return NOT_A_NUMBER
    if n == 0:
        return NOT_SAMPLED
    if _is_ranked(run):
        votes = record.counts.get("prediction", record.counts.get("estimation", {}))
        first, second = [*sorted(votes.values(), reverse=True), 0, 0][:2]
        if lost and rank_test(np.array([first + max(lost.values()), second]), alpha) != ABSTAIN:
            return NOT_A_NUMBER
        if first == second:
            return EQUAL
        return TOO_FEW if 2 * 0.5**n > alpha else NEARLY_TIED
    if error_upper_bound(0, n, alpha) >= 0.5:
        return TOO_FEW
    selection, votes = record.counts["selection"], record.counts["estimation"]
    selected = max(sorted(selection), key=selection.__getitem__, default=0)
    misses = n - votes.get(selected, 0) - lost.get("estimation", 0)
    if lost and error_upper_bound(misses, n, alpha) < 0.5:
        return NOT_A_NUMBER
    if 2 * votes.get(selected, 0) > n:
        return NEARLY_TIED
    if 2 * max(votes.values(), default=0) > n:
        return OTHER_CLASS
    return TIE


def samples_to_decide(run: Run, record: Record) -> int | None:
    """About how many samples would decide at the share of votes that was seen, in half of all attempts.

    By the normal approximation, so not a promise; None where no number would.
    """
    if abstention(run, record) != NEARLY_TIED:
        return None
    votes = record.counts.get("prediction", record.counts.get("estimation", {}))
    first, second = [*sorted(votes.values(), reverse=True), 0, 0][:2]
    n = record.n or 0
    ranked = _is_ranked(run)
    # The margin grows as n, its standard deviation as √n; the test of two ranked classes has two sides.
    margin, votes_of_both = (first - second, first + second) if ranked else (2 * first - n, n)
    deviations = float(special.ndtri(_alpha(run) / (2 if ranked else 1)))
    return max(n + 1, math.ceil(n * votes_of_both * (deviations / margin) ** 2))


def _is_ranked(run: Run) -> bool:
    """Whether an answer needs the largest class to lead, and not more than half of the votes."""
    return isinstance(run.spec, PredictSpec) or (isinstance(run.spec, Spec) and run.spec.bound == "two-sided")


def _alpha(run: Run) -> float:
    """The run's alpha; it has one, since it has counts."""
    assert run.alpha is not None
    return run.alpha


def abstentions(run: Run) -> Counter[str]:
    """How many inputs the run abstained on, by reason."""
    reasons = (abstention(run, record) for record in run.chosen(run.predictions == ABSTAIN))
    return Counter(reason for reason in reasons if reason)
