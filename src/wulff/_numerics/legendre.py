"""Legendre series of many intervals at once."""

import numpy as np

from wulff._typing import FloatArray


def legendre_series(coefficients: FloatArray, row: np.ndarray, t: FloatArray) -> FloatArray:
    """The Legendre series in the given rows at t, by the three-term recurrence."""
    previous, current = np.ones_like(t), t
    total = coefficients[row, 0] + coefficients[row, 1] * t
    for n in range(1, coefficients.shape[1] - 1):
        previous, current = current, ((2 * n + 1) * t * current - n * previous) / (n + 1)
        total = total + coefficients[row, n + 1] * current
    return total
