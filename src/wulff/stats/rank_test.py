"""Which class is the most probable one: the rank verification test behind Predict."""

import numpy as np
from scipy import special

from wulff._checks import numbers, together
from wulff._quoting import shown
from wulff._typing import FloatArray, IntArray
from wulff.errors import InputError
from wulff.stats.checks import check_alpha
from wulff.stats.clopper_pearson import tail_accuracy

ABSTAIN = -1
"""The label of inputs for which none is certain enough."""


def predict(counts: IntArray, alpha: float, unknown: IntArray | None = None) -> IntArray:
    """The most frequent class where it is certain, and -1 (abstain) elsewhere.

    A label that is returned is the most probable class with probability at least 1 - alpha over the
    samples [Hung & Fithian 2019, theorem 1; Cohen et al. 2019, proposition 1]: the two-sided p-value of
    the two largest counts n₁ ≥ n₂ under Binomial(n₁ + n₂, ½) must not exceed alpha.

    Args:
        counts: Votes by class, of shape (..., classes).
        alpha: The probability with which a returned label may be wrong, in (0, 1).
        unknown: Votes that may have been for any class, of shape (...): all are given to the second class,
            which can only raise the p-value.

    Returns:
        Labels, of shape (...).

    Raises:
        InputError: Counts or alpha are of the wrong kind.
    """
    alpha = check_alpha(alpha)
    counts = numbers("counts", counts, "iu")
    return np.where(p_value(counts, unknown) <= alpha, counts.argmax(axis=-1), ABSTAIN)


def p_value(counts: IntArray, unknown: IntArray | None = None) -> FloatArray:
    """How likely a lead as large as the first class's is where it is not the most probable one, at most.

    The p-value of the rank verification test [Hung & Fithian 2019, theorem 1], rounded up; 1 for a tie. The
    arguments and errors are those of `predict`, which abstains where it is above alpha.
    """
    counts = numbers("counts", counts, "iu")
    if counts.ndim < 1 or counts.shape[-1] < 1 or (counts < 0).any():
        raise InputError(f"counts must be at least 0, of shape (..., classes), got {shown(counts)}.")
    ordered = np.sort(counts, axis=-1)
    first = ordered[..., -1]
    second = ordered[..., -2] if counts.shape[-1] > 1 else np.zeros_like(first)
    if unknown is not None:
        second, more = together("counts and unknown", second, numbers("unknown", unknown, "iu"))
        if (more < 0).any():
            raise InputError(f"unknown must be at least 0, got {shown(unknown)}.")
        second = second + more
    p = 2 * special.betainc(np.maximum(first, 1), second + 1, 0.5)  # 2 P[Binomial(n₁ + n₂, ½) ≥ n₁]
    return np.where(first > second, np.minimum(p * (1 + tail_accuracy(first + second)), 1.0), 1.0)
