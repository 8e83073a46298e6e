"""How many samples a bound needs."""

import math

from scipy import special

from wulff._checks import SHARE, real_number
from wulff._numerics.bisection import last_whole
from wulff.stats.checks import check_alpha
from wulff.stats.clopper_pearson import error_upper_bound

MOST_SAMPLES = 10**12


def samples_needed(error: float, alpha: float, true_error: float = 0.0, power: float = 0.5) -> int | None:
    """The smallest n with which the Clopper–Pearson bound comes down to `error`.

    Args:
        error: The bound to reach, in (0, 1).
        alpha: The one-sided level of the bound.
        true_error: The probability of a miss; 0 asks for the n of a unanimous vote.
        power: The probability with which the votes shall reach the bound, if true_error is positive.

    Returns:
        The number of samples, or None if no n reaches the bound (true_error ≥ error) or 10¹² do not.
    """
    alpha, error = check_alpha(alpha), real_number("error", error, *SHARE)
    true_error = real_number("true_error", true_error, "lie in [0, 1]", lambda value: 0 <= value <= 1)
    power = real_number("power", power, *SHARE)
    if true_error >= error:
        return None
    if true_error == 0:
        n = max(1, math.floor(math.log(alpha) / math.log1p(-error)))
        while n <= MOST_SAMPLES and error_upper_bound(0, n, alpha) > error:
            n += 1
        return n if n <= MOST_SAMPLES else None
    low, high = 1, 1
    while not _reaches(high, error, alpha, true_error, power):
        low, high = high, 2 * high
        if high > MOST_SAMPLES:
            return None
    while high - low > max(1, low // 1000):  # within it, whether n suffices goes up and down with n
        middle = (low + high) // 2
        reached = _reaches(middle, error, alpha, true_error, power)
        low, high = (low, middle) if reached else (middle, high)
    return high


def _reaches(n: int, error: float, alpha: float, true_error: float, power: float) -> bool:
    allowed = _most_misses(n, error, alpha)
    return allowed >= 0 and special.betaincc(allowed + 1, max(n - allowed, 1), true_error) >= power


def _most_misses(n: int, error: float, alpha: float) -> int:
    """The largest number of misses out of n with a bound of at most `error`; -1 if none has."""
    return int(last_whole(lambda misses: error_upper_bound(misses, n, alpha) <= error, -1, n))
