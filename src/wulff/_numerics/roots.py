"""Bracketed roots of many functions at once."""

from collections.abc import Callable

import numpy as np

from wulff._typing import FloatArray


def bracketed_root(
    function: Callable[[FloatArray], FloatArray],
    low: FloatArray,
    high: FloatArray,
    *,
    tolerance: float = 4e-16,
    iterations: int = 80,
    values: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Brackets of the sign changes of `function`, elementwise, by Chandrupatla's method (1997).

    `scipy.optimize.elementwise.find_root` takes the same steps, and three to four times as long where the
    function is as cheap as those here, which are solved for many times for one radius.

    Args:
        function: Elementwise; of opposite sign (or zero) at `low` and `high`.
        low: One end of each bracket.
        high: The other end.
        tolerance: Stop when every bracket is shorter than this, relative to its larger end.
        iterations: Stop at the latest after so many evaluations.
        values: The function at both ends, where they are known.

    Returns:
        The two ends of each final bracket: the function has the sign that it had at `low` at the first,
        and the sign that it had at `high` at the second. A root is a claim; the caller checks it.
    """
    # a is the newest point, [a, b] the bracket, c the point before.
    a, b = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    fa, fb = values if values is not None else (function(a), function(b))
    sign_low, sign_high = np.sign(fa), np.sign(fb)
    c, fc = a.copy(), fa.copy()
    fraction = np.full(a.shape, 0.5)
    open_ = np.ones(a.shape, dtype=bool)  # a root that is found stays: it does not depend on its company
    for _ in range(iterations):
        t = a + fraction * (b - a)
        ft = function(t)
        same = np.sign(ft) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same | ~open_, b, a), np.where(same | ~open_, fb, fa)
        a, fa = np.where(open_, t, a), np.where(open_, ft, fa)
        width = np.abs(b - a)
        limit = tolerance * np.maximum(np.abs(a), np.abs(b)) + 1e-300
        open_ = (width > limit) & (fa != 0)
        if not open_.any():
            break
        with np.errstate(all="ignore"):
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            inverse_quadratic = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
            margin = np.where(width > 0, np.minimum(0.5, 0.5 * limit / width), 0.5)
        fraction = np.where(inverse_quadratic & np.isfinite(step), np.clip(step, margin, 1 - margin), 0.5)
    exact = fa == 0
    a_is_low = np.asarray(np.where(exact, sign_high != 0, np.sign(fa) == sign_low), dtype=np.bool_)
    first = np.where(exact, a, np.where(a_is_low, a, b))
    second = np.where(exact, a, np.where(a_is_low, b, a))
    return first, second
