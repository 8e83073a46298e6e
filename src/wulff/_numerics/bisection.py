"""Bisection of many intervals at once, which says on which side of a crossing it ends."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from wulff._typing import FloatArray, IntArray


def bisect(
    holds: Callable[[FloatArray], npt.ArrayLike], low: npt.ArrayLike, high: npt.ArrayLike, steps: int
) -> tuple[FloatArray, FloatArray]:
    """The last points at which `holds` was true, and the first ones at which it was false.

    Args:
        holds: Elementwise; true at `low` and false at `high`, or taken to be so. It is never asked there.
        low: One end of each interval.
        high: The other end.
        steps: How often to halve the intervals.
    """
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    for _ in range(steps):
        middle = 0.5 * (low + high)
        so = holds(middle)
        low, high = np.where(so, middle, low), np.where(so, high, middle)
    return low, high


def last_true(
    holds: Callable[[FloatArray], npt.ArrayLike], low: npt.ArrayLike, high: npt.ArrayLike, steps: int
) -> FloatArray:
    """The last points at which `holds` was true, `low` where it never was: on the side where it is true."""
    return bisect(holds, low, high, steps)[0]


def last_whole(
    holds: Callable[[IntArray], npt.ArrayLike], low: npt.ArrayLike, high: npt.ArrayLike
) -> IntArray:
    """The last whole numbers at which `holds` was true; it is taken to be so at `low`, and not at `high`."""
    low, high = np.asarray(low, dtype=np.int64), np.asarray(high, dtype=np.int64)
    while (high - low > 1).any():
        middle = (low + high) // 2
        so = np.asarray(holds(middle)) | (middle == low)
        low, high = np.where(so, middle, low), np.where(so, high, middle)
    return low
