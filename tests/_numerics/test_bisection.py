"""Bisection ends on the side that it says."""

import numpy as np

from wulff._numerics.bisection import bisect, last_true, last_whole

CROSSINGS = np.array([0.1, 1 / 3, 0.5, 0.7, 1.0])


def test_the_two_ends_are_on_their_sides() -> None:
    low, high = bisect(lambda x: x <= CROSSINGS, np.zeros(5), np.ones(5), 40)
    assert (low <= CROSSINGS).all()
    assert (CROSSINGS[:-1] < high[:-1]).all()
    assert (high - low == 2.0**-40).all()


def test_what_never_holds_ends_where_it_began() -> None:
    assert last_true(lambda x: x < 0, np.array([0.0]), np.array([1.0]), 9) == 0
    assert float(last_true(lambda x: float(x) <= 0.3, 0.0, 1.0, 60)) == 0.3


def test_whole_numbers() -> None:
    last = np.array([-1, 0, 1, 6, 7, 10**12])
    found = last_whole(lambda n: n <= last, np.full(6, -1), last + 5)
    assert (found == last).all()
    asked: list[int] = []
    assert last_whole(lambda n: asked.append(int(n)) or n <= 5, 0, 8) == 5
    assert len(asked) == 3
    assert 0 not in asked
