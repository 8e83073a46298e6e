"""The randomised binomial bound: no part of alpha is left over because counts are whole numbers."""

import numpy as np
import numpy.typing as npt
from scipy import special

from wulff._checks import numbers, together
from wulff._numerics.roots import bracketed_root
from wulff._typing import FloatArray, IntArray
from wulff.errors import InputError
from wulff.stats.checks import check_alpha, check_counts
from wulff.stats.clopper_pearson import error_upper_bound, tail_accuracy


def randomized_error_bound(
    misses: npt.ArrayLike, n: npt.ArrayLike, alpha: float, draw: npt.ArrayLike
) -> FloatArray:
    """An upper bound on a probability, from how often the event was seen and one uniform draw [Stevens 1950].

    Clopper and Pearson's bound is the p with P[Binomial(n, p) ≤ misses] = alpha. Here the last term of that
    sum counts only in the share `draw`:

        P[Binomial(n, p) < misses] + draw · P[Binomial(n, p) = misses] = alpha.

    With a draw that is uniform on [0, 1] and independent of the counts, p exceeds the bound with probability
    exactly alpha over counts and draw, for every p ≥ 1/n. The bound is never above that of Clopper and
    Pearson. Nor is it ever below 1/n (or theirs, if that is smaller): a lucky draw after a unanimous vote
    would otherwise claim an error near zero.

    Args:
        misses: Counts from 0 to n, of any shape.
        n: The number of trials, at least 1, fixed in advance; broadcast against `misses`.
        alpha: The probability with which the bound may fail, in (0, 1).
        draw: Numbers in (0, 1], broadcast against `misses`; drawn once for each, whatever the counts.

    Returns:
        float64 in (0, 1], of the broadcast shape.

    Raises:
        InputError: A count, n, alpha or a draw is outside its range.
    """
    alpha = check_alpha(alpha)
    m, trials = check_counts(misses, n)
    m, trials, u = together("misses, n and draw", m, trials, check_draws(draw))
    plain = np.asarray(error_upper_bound(m, trials, alpha))
    fewer = np.asarray(error_upper_bound(np.maximum(m - 1, 0), trials, alpha))
    allowed = alpha * (1 - tail_accuracy(trials) - 4 * np.finfo(np.float64).eps)

    def excess(p: FloatArray) -> FloatArray:
        return tail_with_share(m, trials, u, p) - allowed

    # A share of the term for `misses` gives a bound between those for one miss fewer and for all of them.
    low = np.where(m > 0, fewer * (1 - 1e-9), 0.0)
    bound = bracketed_root(excess, low, plain, tolerance=1e-13)[1]
    # The solver's claims count only where the inequality holds.
    bound = np.where(excess(bound) <= 0, np.minimum(bound, plain), plain)
    bound = np.where(excess(low) <= 0, low, bound)
    return np.minimum(np.maximum(bound, 1 / trials), plain)[()]


def tail_with_share(m: IntArray, n: IntArray, u: FloatArray, p: FloatArray) -> FloatArray:
    """P[Binomial(n, p) < m] + u · P[Binomial(n, p) = m], as accurate as `tail_accuracy` and 4 ulps."""
    below = np.where(m > 0, special.betaincc(np.maximum(m, 1), n - m + 1.0, p), 0.0)
    up_to = np.where(m < n, special.betaincc(m + 1.0, np.maximum(n - m, 1), p), 1.0)
    return (1 - u) * below + u * up_to


def check_draws(draw: npt.ArrayLike) -> FloatArray:
    """Uniform draws as float64; refuses what is not in (0, 1]."""
    draws = numbers("draw", draw).astype(np.float64)
    outside = ~((draws > 0) & (draws <= 1))
    if outside.any():
        raise InputError(f"a draw must lie in (0, 1], got {draws[outside].flat[0]:g}.")
    return draws
