"""The mean of |Σ σ_i x_i| over independent random signs: the linf crystal's support function, up to scale."""

import math

import numpy as np

from wulff._numerics.gammas import log_gamma_ratio
from wulff._typing import FloatArray
from wulff.errors import InputError

MOST_TERMS = 36
"""Terms of different sizes that can be enumerated: two halves of 2^18 sums each."""


def mean_absolute_sum(x: FloatArray) -> float:
    """E|Σ σ_i x_i|, exactly.

    Entries of one size, any number of them, have a closed form, `mean_absolute_walk`. Otherwise the sums of
    two halves A and B are enumerated, and E|A + B| is summed over the sorted halves.

    Args:
        x: A vector; zeros do not count.

    Raises:
        InputError: More than 36 entries differ from 0 and are not all of one size.
    """
    sizes = np.abs(np.asarray(x, dtype=np.float64).ravel())
    sizes = sizes[sizes > 0]
    n = len(sizes)
    if n == 0:
        return 0.0
    if np.all(sizes == sizes[0]):
        return float(sizes[0]) * mean_absolute_walk(n)
    if n > MOST_TERMS:
        raise InputError(
            f"E|Σσ_i x_i| can be enumerated for up to {MOST_TERMS} entries of different sizes, got {n}; "
            "average over random signs instead."
        )
    left, right = np.sort(_sums(sizes[: n // 2])), np.sort(_sums(sizes[n // 2 :]))
    # For each a, the b above -a count with + and those below it with -; both halves are symmetric around 0.
    below = np.searchsorted(right, -left)
    partial = np.concatenate([[0.0], np.cumsum(right)])
    positive = (partial[-1] - partial[below]) + (len(right) - below) * left
    negative = partial[below] + below * left
    return float((positive - negative).sum() / (len(left) * len(right)))


def mean_absolute_walk(n: int) -> float:
    """E|σ_1 + ... + σ_n| = 2 Γ(m + ½) / (√π Γ(m)) with m = ⌈n/2⌉; it grows like √(2n/π)."""
    m = (n + 1) // 2
    return 2 * math.exp(log_gamma_ratio(m, 0.5)) / math.sqrt(math.pi)


def _sums(sizes: FloatArray) -> FloatArray:
    total = np.zeros(1)
    for size in sizes:
        total = np.concatenate([total - size, total + size])
    return total
