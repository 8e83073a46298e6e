"""Simultaneous bounds on the top class and all others: levels, buckets and coverage."""

import numpy as np
import pytest
from scipy import stats

from wulff.errors import InputError
from wulff.stats import error_upper_bound, two_sided_bounds
from wulff.stats.two_sided import _buckets


def test_bonferroni_levels() -> None:
    votes = np.array([[700, 200, 60, 40], [10, 20, 960, 0]])
    top, rival = two_sided_bounds(votes, 1000, [0, 2], 0.01)
    assert top == pytest.approx(error_upper_bound([300, 40], 1000, 0.005))
    assert rival[0] == error_upper_bound(200, 1000, 0.01 / 6)
    assert rival[1] == min(error_upper_bound(20, 1000, 0.01 / 6), top[1])


def test_two_classes_need_one_bound() -> None:
    top, rival = two_sided_bounds([900, 99], 1000, 0, 0.01)
    assert top == rival == error_upper_bound(100, 1000, 0.01)


def test_buckets_depend_on_the_selection_only() -> None:
    selection = np.array([[5, 60, 20, 10, 3, 2], [0, 100, 0, 0, 0, 0], [40, 30, 25, 5, 0, 0]])
    buckets = _buckets(selection, np.array([1, 1, 0]))
    # 20 of class 2 against 20 of all the others together: one rival alone is enough.
    assert buckets.tolist() == [[2, 0, 1, 2, 2, 2], [1, 0, 2, 2, 2, 2], [0, 1, 2, 2, 2, 2]]


def test_buckets_share_alpha() -> None:
    votes, selection = [700, 200, 60, 40], [70, 20, 6, 4]
    top, rival = two_sided_bounds(votes, 1000, 0, 0.03, selection)
    assert top == error_upper_bound(300, 1000, 0.01)
    assert rival == error_upper_bound(200, 1000, 0.01)


@pytest.mark.parametrize("with_selection", [False, True])
def test_coverage(with_selection: bool) -> None:
    # 10,000 simulated inputs at alpha = .05: more than 603 failures have probability below 1e-6 at a
    # failure rate of exactly .05. Five tied rivals: bounding the largest count alone would fail often.
    rng = np.random.default_rng(3)
    p = np.array([0.5, *np.full(5, 0.1)])
    votes = rng.multinomial(1000, p, size=10_000)
    selection = rng.multinomial(100, p, size=10_000) if with_selection else None
    top, rival = two_sided_bounds(votes, 1000, np.zeros(10_000, dtype=int), 0.05, selection)
    assert int(((top < 0.5) | (rival < 0.1)).sum()) <= 603


TIES = {
    2: [0.5, 0.5],
    3: [1 / 3] * 3,
    10: [0.1] * 10,
    100: [0.3, 0.3, 0.3, *[0.1 / 97] * 97],
    1000: [0.001] * 1000,
}


@pytest.mark.parametrize("randomized", [False, True])
@pytest.mark.parametrize("classes", list(TIES))
def test_coverage_with_ties(classes: int, randomized: bool) -> None:
    # The label is the winner of the selection, as in `certify`, and the buckets are made from the same
    # selection. More failures than this have probability below 1e-6 at a rate of exactly .05 each.
    rng = np.random.default_rng(classes)
    p, inputs, n = np.array(TIES[classes]), 1000, 2000
    selection = rng.multinomial(50, p, size=inputs)
    votes = rng.multinomial(n, p, size=inputs)
    label = selection.argmax(axis=1)
    draw = 1 - rng.random(inputs) if randomized else None
    top, rival = two_sided_bounds(votes, n, label, 0.05, selection, draw=draw)
    others = np.where(np.arange(classes) == label[:, None], 0.0, p)
    failures = int(((top < 1 - p[label]) | (rival < others.max(axis=1))).sum())
    assert failures <= stats.binom.isf(1e-6, inputs, 0.05)
    if classes == 2:
        assert failures >= 1  # one bound and all of alpha: the test can fail


def test_buckets_of_many_classes_are_few() -> None:
    # What partitioning is for: with 1000 classes, a share of alpha for each would be a two-thousandth.
    selection = np.zeros(1000, dtype=int)
    selection[:4] = [60, 25, 10, 5]
    votes = selection * 100
    top, rival = two_sided_bounds(votes, 10_000, 0, 0.001, selection)
    alone_top, alone_rival = two_sided_bounds(votes, 10_000, 0, 0.001)
    assert top == error_upper_bound(4000, 10_000, 0.001 / 3)
    assert rival == error_upper_bound(2500, 10_000, 0.001 / 3) < alone_rival
    assert top > alone_top  # the label has a third of alpha instead of half


def test_unknown_votes_count_for_every_rival() -> None:
    votes, selection = np.array([700, 200, 60, 30]), np.array([70, 20, 6, 4])
    top, rival = two_sided_bounds(votes, 1000, 0, 0.03, selection, unknown_votes=True)
    assert top == error_upper_bound(300, 1000, 0.01)
    assert rival == error_upper_bound(210, 1000, 0.01)


def test_refusals() -> None:
    with pytest.raises(InputError, match="abstentions"):
        two_sided_bounds([3, 4, 5], 12, -1, 0.1)
    with pytest.raises(InputError, match="alpha"):
        two_sided_bounds([3, 4, 5], 12, 0, 0.0)
    with pytest.raises(InputError, match="classes"):
        two_sided_bounds([3], 3, 0, 0.1)
