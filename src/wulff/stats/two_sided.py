"""Bounds on the top class and on every other class that hold at the same time."""

import numpy as np
import numpy.typing as npt

from wulff._checks import each, numbers
from wulff._quoting import shown
from wulff._typing import FloatArray, IntArray
from wulff.errors import InputError
from wulff.stats.checks import check_alpha
from wulff.stats.clopper_pearson import error_upper_bound
from wulff.stats.randomized import check_draws, randomized_error_bound


def two_sided_bounds(
    votes: npt.ArrayLike,
    n: npt.ArrayLike,
    label: npt.ArrayLike,
    alpha: float,
    selection: npt.ArrayLike | None = None,
    *,
    draw: npt.ArrayLike | None = None,
    unknown_votes: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Upper bounds on the error of the label, and on the probability of every other class.

    Both hold at once with probability at least 1 - alpha over the n samples, by Bonferroni's inequality
    over Clopper-Pearson bounds. Choosing the runner-up from the votes and bounding it alone would not:
    it is the largest of many counts. Without `selection`, alpha/2 goes to the label and alpha/2 in equal
    shares to the other classes. With it, classes are first put into buckets, each of which gets an equal
    share of alpha: the label, its strongest rivals one by one, and all others together, whose total
    probability bounds that of each. The buckets depend on independent samples only, so they are fixed
    as far as the bounds are concerned [class partitioning, Voráček 2024].

    Args:
        votes: Counts by class, of shape (..., classes); they may add up to less than n.
        n: The number of samples, broadcast against the leading shape.
        label: The class under test, of shape (...), chosen independently of `votes`.
        alpha: The probability with which either bound may fail, in (0, 1).
        selection: Counts of samples that are independent of `votes`, e.g. those that chose the label.
        draw: Uniform numbers of shape (...), for randomised bounds; see `randomized_error_bound`. One number
            serves all the bounds of an input, since Bonferroni's inequality asks for no independence.
        unknown_votes: Whether votes that are missing from n may have been for any class, as those of
            ambiguous draws; they then count for every rival as well as against the label.

    Returns:
        The bounds on P[f(x+Z) ≠ label] and on max over c ≠ label of P[f(x+Z) = c], each of shape (...).

    Raises:
        InputError: Counts, shapes or alpha do not fit.
    """
    alpha = check_alpha(alpha)
    votes, label = numbers("votes", votes, "iu"), numbers("label", label, "iu")
    classes = votes.shape[-1] if votes.ndim else 0
    if classes < 2 or label.shape != votes.shape[:-1]:
        raise InputError(
            f"votes of shape (..., at least 2 classes) and labels of shape (...) are needed, got "
            f"{votes.shape} and {label.shape}."
        )
    outside = (label < 0) | (label >= classes)
    if outside.any():
        found = label[outside].flat[0]
        raise InputError(f"label must lie between 0 and {classes - 1}, got {found}; leave out abstentions.")
    trials = each("n", numbers("n", n, "iu"), label.shape)
    if (votes.sum(axis=-1) > trials).any() or (votes < 0).any():
        raise InputError(
            f"votes must be at least 0 and add up to at most n, got {shown(votes)} of {shown(n)}."
        )
    chosen = votes if selection is None else numbers("selection", selection, "iu")
    if chosen.shape != votes.shape:
        raise InputError(f"votes and selection differ in shape: {votes.shape} and {chosen.shape}.")
    bucket = _own_buckets(classes, label) if selection is None else _buckets(chosen, label)

    top = np.take_along_axis(votes, label[..., None], axis=-1)[..., 0]
    totals = np.zeros((label.size, classes), dtype=np.int64)
    np.add.at(
        totals, (np.arange(label.size)[:, None], bucket.reshape(-1, classes)), votes.reshape(-1, classes)
    )
    strongest = totals[:, 1:].max(axis=-1).reshape(label.shape)  # bucket 0 is the label
    if unknown_votes:
        strongest = strongest + trials - votes.sum(axis=-1)
    rivals = bucket.max(axis=-1)
    draws = None if draw is None else each("draw", check_draws(draw), label.shape)
    if classes == 2:  # the rival's probability is below the label's error: one bound is enough
        error = _bound_each(trials - top, trials, np.full(label.shape, alpha), draws)
        return error[()], error[()]
    share_top = np.full(label.shape, alpha / 2) if selection is None else alpha / (rivals + 1)
    share_rival = alpha / (2 * rivals) if selection is None else share_top
    error = _bound_each(trials - top, trials, share_top, draws)
    return error[()], np.minimum(_bound_each(strongest, trials, share_rival, draws), error)[()]


def _own_buckets(classes: int, label: IntArray) -> IntArray:
    """Bucket 0 for the label and one bucket for each other class, of shape (..., classes)."""
    index = np.arange(classes)
    return np.where(index == label[..., None], 0, index + (index < label[..., None]))


def _buckets(selection: IntArray, label: IntArray) -> IntArray:
    """Bucket 0 for the label, 1, 2, ... for rivals by count, the last one for all that remain.

    As few rivals stand alone as leave together no more counts than the strongest one has.
    """
    classes = selection.shape[-1]
    rivals = np.where(np.arange(classes) == label[..., None], np.iinfo(np.int64).max, selection)
    order = np.argsort(-rivals, axis=-1, kind="stable")  # the label first
    counts = np.take_along_axis(selection, order, axis=-1)
    left_over = counts[..., 1:].sum(axis=-1, keepdims=True) - np.cumsum(counts[..., 1:], axis=-1)
    alone = 1 + (left_over > counts[..., 1:2]).sum(axis=-1, keepdims=True)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(classes), order.shape), axis=-1)
    return np.minimum(rank, alone + 1)


def _bound_each(misses: IntArray, n: IntArray, alpha: FloatArray, draw: FloatArray | None) -> FloatArray:
    """Bounds at a level that may differ from input to input, but has few values."""
    bound = np.empty(misses.shape)
    for level in np.unique(alpha):
        same = alpha == level
        if draw is None:
            bound[same] = error_upper_bound(misses[same], n[same], float(level))
        else:
            bound[same] = randomized_error_bound(misses[same], n[same], float(level), draw[same])
    return bound
