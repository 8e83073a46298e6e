"""The exact binomial bound on the error of a smoothed classifier's label."""

import numpy as np
import numpy.typing as npt
from scipy import special

from wulff._numerics.rounding import up
from wulff._typing import FloatArray
from wulff.stats.checks import check_alpha, check_counts


def tail_accuracy(n: npt.ArrayLike) -> FloatArray:
    """The relative accuracy of binomial tails by `betaincc`, n trials; the tests measure it at 50 digits."""
    return 1e-12 + 1e-19 * np.asarray(n, dtype=np.float64)


def error_upper_bound(misses: npt.ArrayLike, n: npt.ArrayLike, alpha: float) -> FloatArray:
    """An upper bound on a probability, from how often the event was seen [Clopper & Pearson 1934].

    If `misses` counts an event of probability p in n independent trials, then p ≤ the bound with
    probability at least 1 - alpha over the trials, for every p. One-sided; all of alpha is spent on it.
    It is the p with P[Binomial(n, p) ≤ misses] = alpha, rounded outward until that tail, with the error
    of its evaluation added, is at most alpha.

    Args:
        misses: Counts from 0 to n, of any shape.
        n: The number of trials, at least 1; broadcast against `misses`.
        alpha: The probability with which the bound may fail, in (0, 1).

    Returns:
        float64 in (0, 1], of the broadcast shape.

    Raises:
        InputError: A count, n or alpha is outside its range.
    """
    alpha = check_alpha(alpha)
    m, trials = check_counts(misses, n)
    a, b = m + 1.0, np.maximum(trials - m, 1).astype(np.float64)
    bound = np.asarray(special.betainccinv(a, b, alpha))
    allowed = alpha * (1 - tail_accuracy(trials))
    # One ulp of the solver is not always enough: step outward, ever further, until the tail obeys.
    step = 1
    while (loose := special.betaincc(a, b, bound) > allowed).any():
        bound = np.where(loose, np.minimum(up(bound, step), 1.0), bound)
        step *= 2
    return np.where(m == trials, 1.0, bound)[()]
