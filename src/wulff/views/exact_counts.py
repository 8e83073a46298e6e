"""What exact counts of a finite family of views prove: how many views may change before the label does.

All n views of an input are classified. The label A is the most frequent class, the smallest of several. A
changed view takes one vote from A and gives one to a rival at most, so A stays while the number of changed
views is at most

    K = min over B ≠ A of ⌊(c_A - c_B - 1[B < A])/2⌋,

since A loses a tie with a smaller class. K is the largest such number for arbitrary f: K + 1 suitable
changes end it [Levine & Feizi 2020b; 2021, with the tie rule for every B].
"""

import itertools

import numpy as np
import numpy.typing as npt

from wulff._checks import numbers, whole_number
from wulff._quoting import shown
from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.stats import ABSTAIN


def label_and_slack(votes: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """The label of each input and the number K of views that may change.

    Args:
        votes: Exact counts, integers of shape (inputs, classes). Views that abstain count for no class.

    Returns:
        Labels, -1 where every view abstains, and K; both of shape (inputs,). K is less than the number of
        votes: without any there is no label.

    Raises:
        InputError: The votes are no such counts.
    """
    counts = check_votes(votes)
    label = counts.argmax(axis=1)
    total = counts.sum(axis=1)
    gap = _gaps(counts, label).min(axis=1, initial=2 * total.max(initial=0))
    slack = np.minimum(gap // 2, total - 1)  # the last vote of a single class may be lost to abstention
    none = total == 0
    return np.where(none, ABSTAIN, label), np.where(none, 0, slack)


def top_slack(votes: npt.ArrayLike, label: npt.ArrayLike, top: int) -> IntArray:
    """How many views may change before a label leaves the first `top` classes; -1 where it is not among them.

    For a set S of `top` rivals to be ahead of A at once after k changes, each b in S lacks max(0, c_A -
    min(k, c_A) - c_b + 1[b > A]) votes, of which k changes can bring k. The least such k over all S, less
    one, is certified; only the `top` rivals with the smallest gaps matter. It is less than the number of
    votes, since a label has to be left.

    Args:
        votes: Exact counts, integers of shape (inputs, classes).
        label: The labels A, of shape (inputs,).
        top: Among how many classes A must stay, less than the number of classes.

    Raises:
        InputError: An argument is not allowed.
    """
    counts, labels = check_votes(votes), numbers("label", label, "iu").astype(np.int64)
    classes = counts.shape[1]
    top = whole_number("top", top, most=classes - 1)
    if labels.shape != (len(counts),) or ((labels < 0) | (labels >= classes)).any():
        raise InputError(
            f"label must hold a class from 0 to {classes - 1} for each of {len(counts)} inputs, "
            f"got {shown(label)}."
        )
    rows = np.arange(len(counts))
    own = counts[rows, labels]
    gaps = np.sort(_gaps(counts, labels, of_rivals_after=True), axis=1)[:, :top]
    slack = np.full(len(counts), -1)
    for row in rows:
        for k in itertools.count():
            lacking = np.maximum(0, gaps[row] - min(k, own[row])).sum()
            if lacking <= k:
                break
            slack[row] = k
    return np.minimum(slack, counts.sum(axis=1) - 1)


def check_votes(votes: npt.ArrayLike) -> IntArray:
    """Counts as integers; refuses what is not of shape (inputs, classes) or below 0."""
    counts = numbers("votes", votes, "iu")
    if counts.ndim != 2 or counts.shape[1] < 1 or (counts < 0).any():
        raise InputError(
            "votes must be integers of at least 0, of shape (inputs, classes), got "
            f"{counts.dtype} {counts.shape}."
        )
    return counts.astype(np.int64)


def _gaps(counts: IntArray, label: IntArray, *, of_rivals_after: bool = False) -> IntArray:
    """By class B ≠ A, c_A - c_B - 1[B < A], or c_A - c_B + 1[B > A]: what A can spare, or B lacks."""
    classes = np.arange(counts.shape[1], dtype=np.int64)
    own = np.take_along_axis(counts, label[:, None], axis=1)
    after = np.asarray(classes > label[:, None], dtype=np.int64)
    before = np.asarray(classes < label[:, None], dtype=np.int64)
    tie = after if of_rivals_after else -before
    gap = own - counts + tie
    return gap[classes != label[:, None]].reshape(len(counts), len(classes) - 1)
