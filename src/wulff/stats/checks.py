"""What alpha, sample sizes and counts may be."""

import numpy as np
import numpy.typing as npt

from wulff._checks import numbers, together, whole_number
from wulff._quoting import shown
from wulff._typing import IntArray
from wulff.errors import InputError

MOST_SAMPLES = 10**10
"""More noisy copies of an input than this would take months."""


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
