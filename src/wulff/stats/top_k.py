"""Bounds on a label and on its k strongest rivals that hold at the same time."""

import numpy as np
import numpy.typing as npt

from wulff._checks import each, numbers, whole_number
from wulff._quoting import shown
from wulff._typing import FloatArray, IntArray
from wulff.errors import InputError
from wulff.stats.checks import check_alpha
from wulff.stats.clopper_pearson import error_upper_bound


def top_k_bounds(
    votes: npt.ArrayLike,
    n: npt.ArrayLike,
    label: npt.ArrayLike,
    top: int,
    alpha: float,
    selection: npt.ArrayLike,
    *,
    unknown_votes: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Upper bounds on the error of a label and on its k strongest rivals, at once with probability 1 - alpha.

    Classes are put into buckets by an independent sample, each of which gets an equal share of alpha: the
    label, its strongest rivals one by one, and all others together. The bucket of all others may hold
    several classes that overtake the label, so its bound counts as often, up to k times: counted once it
    would be unsound.

    Args:
        votes: Counts by class, of shape (inputs, classes); they may add up to less than n.
        n: The number of samples, broadcast against the inputs.
        label: The class under test, chosen independently of `votes`.
        top: k, from 1 to one less than the number of classes.
        alpha: The probability with which any bound may fail, in (0, 1).
        selection: Counts of samples that are independent of `votes`.
        unknown_votes: Whether samples without a vote may have been of any class, as those are that exact
            sampling leaves open; else they were of none.

    Returns:
        The bounds on P[f(x+Z) ≠ label], of shape (inputs,), and the k largest ones on other classes, in
        descending order, of shape (inputs, k).

    Raises:
        InputError: Counts, shapes, k or alpha do not fit.
    """
    alpha = check_alpha(alpha)
    given = {"votes": votes, "selection": selection, "label": label, "n": n}
    votes, selection, label, n = (numbers(name, values, "iu") for name, values in given.items())
    votes, selection, labels = np.atleast_2d(votes), np.atleast_2d(selection), np.atleast_1d(label)
    classes = votes.shape[1]
    if votes.ndim != 2 or votes.shape != selection.shape or labels.shape != votes.shape[:1]:
        raise InputError(
            f"votes, selection and label do not fit: {votes.shape}, {selection.shape} and {labels.shape}."
        )
    top = whole_number("top", top, most=classes - 1)
    if ((labels < 0) | (labels >= classes)).any():
        raise InputError(f"label must lie between 0 and {classes - 1}; leave out abstentions.")
    trials = each("n", n, labels.shape)
    if (votes < 0).any() or (votes.sum(axis=1) > trials).any():
        raise InputError(
            f"votes must be at least 0 and add up to at most n, got {shown(votes)} of {shown(n)}."
        )
    error, rivals = np.empty(len(labels)), np.empty((len(labels), top))
    for row in range(len(labels)):
        open_ones = int(trials[row] - votes[row].sum()) if unknown_votes else 0
        error[row], rivals[row] = _bounds(
            votes[row], int(trials[row]), int(labels[row]), top, alpha, selection[row], open_ones
        )
    return error, rivals


def _bounds(
    votes: IntArray, n: int, label: int, top: int, alpha: float, selection: IntArray, open_ones: int
) -> tuple[float, FloatArray]:
    others = np.array([c for c in np.argsort(-selection, kind="stable") if c != label])
    alone, rest = _split(selection[others], top)
    counts = np.append(votes[others[:alone]], [votes[others[alone:]].sum()] if rest else [])
    share = alpha / (1 + len(counts))
    bounds = error_upper_bound(np.append(n - votes[label], counts + open_ones).astype(np.int64), n, share)
    rivals = np.append(bounds[1:], np.full(min(top, rest) - 1 if rest else 0, bounds[-1]))
    largest = np.minimum(np.sort(rivals)[::-1][:top], bounds[0])
    return float(bounds[0]), largest


def _split(selection: IntArray, top: int) -> tuple[int, int]:
    """How many rivals, in descending order, stand alone, and how many remain.

    As few as leave together no more counts than the k-th one has.
    """
    alone = top
    while alone < len(selection) and selection[alone:].sum() > selection[top - 1]:
        alone += 1
    return alone, len(selection) - alone
