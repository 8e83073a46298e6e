"""Simultaneous bounds on the top class and all others: levels, buckets and coverage."""

import numpy as np
import pytest

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


def test_refusals() -> None:
    with pytest.raises(InputError, match="abstentions"):
        two_sided_bounds([3, 4, 5], 12, -1, 0.1)
    with pytest.raises(InputError, match="alpha"):
        two_sided_bounds([3, 4, 5], 12, 0, 0.0)
    with pytest.raises(InputError, match="classes"):
        two_sided_bounds([3], 3, 0, 0.1)
