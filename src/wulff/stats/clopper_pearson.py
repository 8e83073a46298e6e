"""The exact binomial bound on the error of a smoothed classifier's label."""

import numpy as np
import numpy.typing as npt
from scipy import special

from wulff._checks import numbers, together, whole_number
from wulff._numerics.rounding import up
from wulff._quoting import shown
from wulff._typing import FloatArray, IntArray
from wulff.errors import InputError

MOST_SAMPLES = 10**10
"""More noisy copies of an input than this would take months."""


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


def check_alpha(alpha: float) -> float:
    """Alpha as a float; refuses what is not in (0, 1)."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.floating) or not 0 < alpha < 1:
        raise InputError(
            f"alpha must lie in (0, 1), got {shown(alpha)}; 0.001 is the field's usual choice.", "alpha"
        )
    return float(alpha)


def check_sample_size(n: int, name: str = "n", most: int = MOST_SAMPLES) -> int:
    """A sample size as an int; refuses what is not a positive whole number, or would never be done."""
    return whole_number(name, n, most=most)


def check_counts(misses: npt.ArrayLike, n: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """Counts and sample sizes as integers of one shape; refuses what does not fit together."""
    m, trials = together("misses and n", numbers("misses", misses, "iu"), numbers("n", n, "iu"))
    m, trials = m.astype(np.int64), trials.astype(np.int64)
    if (trials < 1).any():
        raise InputError(f"n must be a positive integer, got {trials.min()}.", "n")
    outside = (m < 0) | (m > trials)
    if outside.any():
        found, of = m[outside].flat[0], trials[outside].flat[0]
        raise InputError(f"misses must lie between 0 and n, got {found} of n = {of}.", "misses", "n")
    return m, trials
