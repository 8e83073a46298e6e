"""A one-sided confidence bound on the mean of a bounded variable."""

import numpy as np
import numpy.typing as npt

from wulff._checks import numbers
from wulff._numerics.bisection import bisect
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.stats.checks import check_alpha


def mean_upper_bound(values: npt.ArrayLike, alpha: float) -> float:
    """An upper bound on the mean of independent values in [0, 1], by betting.

    A gambler who stakes the share λ_i, chosen from the values before the i-th, that it will fall short of
    m has the capital Π(1 + λ_i (m - X_i)). If the mean were m or more, this would be a non-negative
    supermartingale, which reaches 1/alpha with probability at most alpha [Ville's inequality]. The bound is
    the smallest m, rounded up, with a capital of at least 1/alpha [Waudby-Smith & Ramdas 2024, section 4].
    The stakes adapt to the variance, so that the bound is about as narrow as the normal one.

    Args:
        values: One vector, in the order in which it was drawn.
        alpha: The probability with which the bound may fail, in (0, 1).

    Raises:
        InputError: There are no values, one is outside [0, 1], or alpha is outside its range.
    """
    alpha = check_alpha(alpha)
    x = numbers("values", values, "fiub").astype(np.float64)
    if x.ndim != 1 or not x.size or not ((x >= 0) & (x <= 1)).all():
        raise InputError(f"values must be a vector of at least one number in [0, 1], got shape {x.shape}.")
    counts = np.arange(1, x.size + 1)
    means = (0.5 + np.cumsum(x)) / (1 + counts)
    variances = (0.25 + np.cumsum((x - means) ** 2)) / (1 + counts)
    before = np.concatenate([[0.25], variances[:-1]])
    stake = np.minimum(np.sqrt(2 * np.log(1 / alpha) / (x.size * before)), 0.5)
    needed = np.log(1 / alpha) + 1e-9  # more than the sum of the logarithms can be off by

    def plausible(mean: FloatArray) -> bool:
        return float(np.log1p(stake * (mean - x)).sum()) < needed

    return float(bisect(plausible, x.mean(), 1.0, 40)[1])
