"""Weighted sums without BLAS.

On arrays as small as those of certificates its threads cost more time than they save, and the last digits
depend on how many there are.
"""

from wulff._typing import FloatArray


def weighted_sum(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Σ values · weights along the last axis, summed pairwise."""
    found: FloatArray = (values * weights).sum(axis=-1)
    return found


def euclidean_norm(values: FloatArray) -> float:
    """The Euclidean norm of a vector of real numbers that do not overflow when they are squared."""
    return float((values * values).sum()) ** 0.5
