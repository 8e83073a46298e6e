"""Growth functions G(p, v): how probable a set of probability p can become when the noise moves by v.

G(p, v) = sup { q(U - v) : q(U) = p } decides what smoothing certifies [Yang et al. 2020, section 3]: a label
of error e is kept at x + v for every classifier if and only if G(e, v) < ½. The best U collects the largest
likelihood ratios q(· - v)/q [Neyman & Pearson 1933], and G is the least of the lines t p + D_t(v) with the
hockey-stick divergences D_t(v) = E[(1 - t e^(-L))₊], L = log q(X - v)/q(X), X = Z + v.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.geometry.densities import log_ratio
from wulff.geometry.shifts import ACCURACY, exact_shift
from wulff.noises import Noise
from wulff.noises import parse as parse_noise
from wulff.stats import check_alpha, check_sample_size, error_upper_bound, mean_upper_bound

if TYPE_CHECKING:
    import torch

EXACT = "exact"
MONTE_CARLO = "monte-carlo"


@dataclasses.dataclass(frozen=True)
class Bracket:
    """Values between two bounds, in the shape of what was asked for.

    Attributes:
        low: Lower bounds.
        high: Upper bounds.
        method: "exact" if the bounds only differ by the accuracy of the evaluation, else "monte-carlo".
        alpha: The probability with which at least one value is not between its bounds; 0 if exact.
    """

    low: FloatArray
    high: FloatArray
    method: str
    alpha: float


def growth_function(
    noise: Noise | str,
    p: npt.ArrayLike,
    v: npt.ArrayLike,
    *,
    n: int = 20_000,
    alpha: float = 1e-3,
    generator: torch.Generator | None = None,
) -> Bracket:
    """G(p, v), exactly where a certificate of the library knows it, and between bounds elsewhere.

    Exact: uniform, ball and Gaussian noise and all spherical level sets, for every v; cross-polytopes along
    an axis; cubes along an axis and along (±1, ..., ±1); independent log-concave coordinates along an axis.

    Args:
        noise: A noise or its spec string.
        p: Probabilities in [0, 1].
        v: The shift, in input units; its length is the dimension.
        n: Draws of each of the two samples, where the growth function is simulated: one for the sets and the
            multipliers, one for the bounds.
        alpha: The probability with which any of the simulated bounds may fail.
        generator: The source of randomness; needed where the growth function is simulated.

    Raises:
        InputError: An argument is outside its range, or a generator is needed.
    """
    noise, shift = _resolve(noise, v)
    probability = np.asarray(p, dtype=np.float64)
    if not ((probability >= 0) & (probability <= 1)).all():
        raise InputError(f"p must lie in [0, 1], got {p!r}.")
    if not shift.any():
        return Bracket(probability, probability, EXACT, 0.0)
    exact = exact_shift(noise, shift)
    if exact is not None:
        found = exact.growth(probability)
        return Bracket(*_around(found), EXACT, 0.0)
    low, high = _simulated(noise, probability.ravel(), shift, n, alpha, _needed(generator, noise))
    return Bracket(low.reshape(probability.shape), high.reshape(probability.shape), MONTE_CARLO, alpha)


def total_variation(
    noise: Noise | str,
    v: npt.ArrayLike,
    *,
    n: int = 20_000,
    alpha: float = 1e-3,
    generator: torch.Generator | None = None,
) -> Bracket:
    """sup of q(U - v) - q(U): how well the noise at x + v can be told from the noise at x.

    Exact where `growth_function` is, and for all noises with independent coordinates along an axis.

    Raises:
        InputError: An argument is outside its range, or a generator is needed.
    """
    noise, shift = _resolve(noise, v)
    exact = known_variation(noise, shift)
    if exact is not None:
        return exact
    loss, _ = _draw_losses(noise, shift, check_sample_size(n), _needed(generator, noise))
    values = np.clip(-np.expm1(-np.maximum(loss, 0.0)), 0.0, 1.0)
    high = mean_upper_bound(values, check_alpha(alpha) / 2)
    low = 1 - mean_upper_bound(1 - values, alpha / 2)
    return Bracket(np.array(low), np.array(high), MONTE_CARLO, alpha)


def known_variation(noise: Noise, shift: FloatArray) -> Bracket | None:
    """The total variation between a noise with its dimension and itself shifted; None if it is simulated."""
    if not shift.any():
        return Bracket(np.zeros(()), np.zeros(()), EXACT, 0.0)
    exact = exact_shift(noise, shift)
    if exact is not None:
        return Bracket(*_around(np.array(exact.total_variation)), EXACT, 0.0)
    moved = np.abs(shift[shift != 0]) / noise.scale
    found = noise.variation_along_axis(float(moved[0])) if len(moved) == 1 else None
    return None if found is None else Bracket(*_around(np.array(found)), EXACT, 0.0)


def _simulated(
    noise: Noise, p: FloatArray, shift: FloatArray, n: int, alpha: float, generator: torch.Generator
) -> tuple[FloatArray, FloatArray]:
    """Bounds on G: sets and multipliers from one sample, their probabilities from another."""
    import torch

    alpha, n = check_alpha(alpha), check_sample_size(n)
    share = alpha / (3 * max(len(p), 1))
    chosen_shifted, chosen_resting = _draw_losses(noise, shift, n, generator)
    shifted, resting = _draw_losses(noise, shift, n, generator)
    # Ties are broken at random, so that sets can end anywhere: they are sets of (x, u) with a uniform u.
    for losses in (chosen_shifted, chosen_resting, shifted, resting):
        losses += 1e-9 * torch.rand(n, generator=generator, dtype=torch.float64).numpy()
    order = np.sort(chosen_resting)[::-1]
    options = np.quantile(np.clip(chosen_shifted, -700.0, 700.0), np.linspace(0.005, 0.995, 199))
    low, high = np.zeros(len(p)), np.ones(len(p))
    for i, probability in enumerate(p):
        # The largest set {L ≥ threshold} that the first sample gives about the probability p, and smaller
        # ones in case the second finds it too large.
        candidates = [order[int(keep * probability * (n - 1))] for keep in (0.98, 0.9, 0.7, 0.4)]
        low[i] = probability  # the whole space, thinned at random, keeps its probability
        for threshold in candidates:
            outside = int((resting >= threshold).sum())
            if float(error_upper_bound(outside, n, share / len(candidates))) <= probability:
                missed = int((shifted < threshold).sum())
                reached = 1 - float(error_upper_bound(missed, n, share / len(candidates)))
                low[i] = max(low[i], reached)
        estimates = [probability * np.exp(t) + _gap(chosen_shifted, t).mean() for t in options]
        best = options[int(np.argmin(estimates))]
        bound = probability * np.exp(best) + mean_upper_bound(_gap(shifted, best), share)
        high[i] = min(1.0, bound * (1 + 1e-9))
    return low, np.maximum(high, low)


def _gap(loss: FloatArray, log_t: float) -> FloatArray:
    """(1 - t e^(-L))₊, in [0, 1]."""
    return np.clip(-np.expm1(np.minimum(log_t - loss, 0.0)), 0.0, 1.0)


def _draw_losses(
    noise: Noise, shift: FloatArray, n: int, generator: torch.Generator
) -> tuple[FloatArray, FloatArray]:
    """L = log q(x - v)/q(x) of n draws x of the shifted noise, and of n draws of the noise at rest."""
    import torch

    dim = len(shift)
    losses = np.empty((2, n))
    block = max(1, 2**22 // dim)
    for start in range(0, n, block):
        count = min(block, n - start)
        for row, centre in enumerate((shift, np.zeros(dim))):
            draws = noise.sample((count, dim), generator=generator, dtype=torch.float64).numpy()
            losses[row, start : start + count] = log_ratio(noise, draws + centre, shift)
    return losses[0], losses[1]


def _around(value: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.maximum(value - ACCURACY, 0.0), np.minimum(value + ACCURACY, 1.0)


def _resolve(noise: Noise | str, v: npt.ArrayLike) -> tuple[Noise, FloatArray]:
    shift = np.asarray(v, dtype=np.float64)
    if shift.ndim != 1 or not len(shift) or not np.isfinite(shift).all():
        raise InputError(f"a shift must be a vector of finite numbers, got {v!r}.")
    return parse_noise(noise).in_dim(len(shift)).of_one_size(), shift


def _needed(generator: torch.Generator | None, noise: Noise) -> torch.Generator:
    if generator is None:
        raise InputError(f"the growth of {noise.name} noise along this vector is simulated; give generator=.")
    return generator
