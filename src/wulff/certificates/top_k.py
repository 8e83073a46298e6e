"""Among the first k: a label need not win to stay on the list [Jia et al. 2020 for Gaussian noise; any
noise here].

If the label c leaves the k most likely classes at x + v, k others are at least as likely there. Let S be
any t of them: their union had at most the probability T_t at x, the sum of the t smallest of the k largest
bounds on other classes, and also at most that of not being c. At x + v it has at most G(T_t, v), so that
the least likely of the t has at most G(T_t, v)/t, while c keeps at least 1 - G(1 - p_c, v). So c stays for
all v with, for some t ≤ k,

    G(1 - p_c, v) + G(T_t, v)/t < 1.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from wulff._numerics import rounding
from wulff._numerics.bisection import last_true
from wulff._typing import FloatArray
from wulff.certificates.certificate import Case
from wulff.certificates.radii import Radii, check_errors, choose, dimension
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Threat, is_counted, parse_threat

STEPS = 36
"""Bisections between a radius that holds and one that does not."""
DOUBLINGS = 200


def top_k_radius(
    noise: Noise | str,
    error: npt.ArrayLike,
    rivals: npt.ArrayLike,
    norm: Threat | str,
    dim: int | None = None,
    method: str | None = None,
) -> Radii:
    """The radius within which a label stays among the k most likely classes.

    Args:
        noise: The noise of the smoothed classifier, or its spec string.
        error: Upper bounds on P[f(x+Z) ≠ label], in (0, 1], of shape (m,).
        rivals: The k largest upper bounds on the probabilities of other classes, of shape (m, k), in (0, 1];
            they hold together with `error` (`wulff.stats.top_k_bounds`).
        norm: What the adversary may do.
        dim: The number of input coordinates; may be left out if the noise has it.
        method: The name of one theorem; by default the one with the largest radius.

    Returns:
        Radii for `error`; 0, with the method "abstain", where the label need not be among the first k at x.

    Raises:
        InputError: An argument is outside its range.
        NotCoveredError: No theorem bounds the growth of probabilities for this noise and norm.
    """
    noise, norm = parse_noise(noise), parse_threat(norm)
    noise = noise.in_dim(dimension(noise, dim))
    assert noise.dim is not None
    errors, others = np.atleast_1d(check_errors(error)), np.atleast_2d(check_errors(rivals))
    if errors.ndim != 1 or others.ndim != 2 or len(others) != len(errors) or others.shape[1] < 1:
        raise InputError(
            f"error must have the shape (m,) and rivals (m, k), got {errors.shape} and {others.shape}."
        )
    unions = _unions(errors, others)
    found = choose(
        noise,
        norm,
        method,
        _apart(errors, unions),
        lambda case, here, _: _radius(case, errors[here], unions[here]),
        lambda i: f"error {errors[i]:g} beside rivals {', '.join(f'{rival:g}' for rival in others[i])}",
    )
    return Radii(found.value, found.method, found.tight, errors, noise, norm)


def _unions(error: FloatArray, rivals: FloatArray) -> FloatArray:
    """T_t for t = 1, …, k, from above, of shape (m, k)."""
    k = rivals.shape[1]
    sums = np.cumsum(np.sort(rivals, axis=1), axis=1)
    return np.minimum(rounding.up(sums, k), error[:, None])


def _apart(error: FloatArray, unions: FloatArray) -> Any:
    """Whether error + T_t/t < 1 for some t, for grown errors and unions."""
    shares = rounding.up(unions / np.arange(1, unions.shape[1] + 1), 1)
    return np.any(rounding.up(error[:, None] + shares, 1) < 1, axis=1)


def _radius(case: Case, error: FloatArray, unions: FloatArray) -> FloatArray:
    """The largest radius found at which the label is apart from the others, by doubling and bisection.

    nan where the theorem bounds no error, however small the perturbation.
    """
    k = unions.shape[1]
    first = np.full(error.shape, case.noise.scale / 64)
    covered = ~np.isnan(case.grown(error, first / 2**STEPS))

    def apart(radius: FloatArray) -> np.ndarray:
        everything = np.concatenate([error[:, None], unions], axis=1).ravel()
        sizes = np.repeat(radius, k + 1)
        grown = case.grown(everything, sizes).reshape(-1, k + 1)
        known = ~np.isnan(grown[:, 0])
        return known & _apart(np.nan_to_num(grown[:, 0], nan=1.0), np.nan_to_num(grown[:, 1:], nan=1.0))

    low, high = np.zeros(error.shape), first
    for _ in range(DOUBLINGS):
        holds = apart(high)
        if not holds.any():
            break
        low, high = np.where(holds, high, low), np.where(holds, 2 * high, high)
    found = np.where(covered, last_true(apart, low, high, STEPS), np.nan)
    return np.floor(found) if is_counted(case.norm) else found
