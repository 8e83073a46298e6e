"""Certificates by simulation, for noise whose worst perturbation is known but whose growth function is not.

The dual of Zhang et al. 2020, theorem 1: a class of probability ρ at x has at least the probability
max_t { t ρ - E[(t - q(Z - v)/q(Z))₊] } at x + v. Written with the error and the shifted noise X = Z + v,

    the error at x + v is at most t · error + D_t,   D_t = E[(1 - t q(X)/q(X - v))₊],

where the variable lies in [0, 1] instead of [0, t]: its mean needs t² times fewer samples, and t is about
15 at error .01 and 1400 at 7·10⁻⁵.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from wulff._numerics.bisection import last_true
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.noises import MixedLinf, Noise
from wulff.stats import check_alpha, check_sample_size, mean_upper_bound

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ShiftedLoss = Callable[["Tensor", float], "Tensor"]
"""Of draws z of the unit law, of shape (samples, dim), and a radius r: log q(z)/q(z + rδ) for each."""

BLOCK = 2**22
MARGINS = (1.0, 0.98, 0.95, 0.9)
"""Shares of the radius found on the first sample that are tried on the second, each at alpha/4."""


@dataclasses.dataclass(frozen=True)
class MonteCarloRadius:
    """A radius that holds with a stated probability, given that the error bound does.

    Attributes:
        radius: In input units; 0 if nothing could be shown.
        log_t: The multiplier of the dual, chosen on the first sample.
        grown_error: The upper bound on the error at the radius, below ½.
        alpha: The probability with which the radius is too large, over the second sample. It adds to
            that of the error bound: both are part of one budget.
    """

    radius: float
    log_t: float
    grown_error: float
    alpha: float


def monte_carlo_radius(
    noise: Noise,
    loss: ShiftedLoss,
    error: float,
    *,
    dim: int,
    alpha: float,
    generator: torch.Generator,
    n0: int = 4_000,
    n: int = 40_000,
) -> MonteCarloRadius:
    """The radius in which the label is stable, from two independent samples of the noise.

    The direction δ that `loss` stands for must be the worst one: for every v in the ball of radius r
    and every t, D_t(v) ≤ D_t(rδ). For densities that are even and unimodal in each coordinate this is
    (1, ..., 1) against linf. The radius and t are chosen on the first sample, so that the bound on the
    second one is for fixed values.

    Args:
        noise: The noise; its `sample` is used, at scale 1.
        loss: The privacy loss of a shift, see `ShiftedLoss`; evaluated in float64.
        error: An upper bound on P[f(x+Z) ≠ label], in (0, ½).
        dim: The number of input coordinates.
        alpha: The probability with which the radius may be too large.
        generator: The source of randomness.
        n0: Draws that choose r and t.
        n: Draws that prove.

    Raises:
        InputError: An argument is outside its range.
    """
    alpha = check_alpha(alpha)
    if not 0 < error < 0.5:
        raise InputError(f"error must lie in (0, 0.5), got {error!r}.")
    n0, n = check_sample_size(n0, "n0"), check_sample_size(n)
    noise = noise.in_dim(dim).of_one_size()
    first = _unit_draws(noise, n0, dim, generator)
    radius = _largest_plausible(first, loss, error, n, alpha)
    candidates = [radius * margin for margin in MARGINS]
    chosen = [_best_multiplier(_losses(first, loss, r), error)[0] for r in candidates]
    del first

    losses = np.empty((len(MARGINS), n))
    block = max(1, BLOCK // dim)
    for start in range(0, n, block):
        draws = _unit_draws(noise, min(block, n - start), dim, generator)
        for i, r in enumerate(candidates):
            losses[i, start : start + block] = _losses(draws, loss, r)
    for r, log_t, values in zip(candidates, chosen, losses, strict=True):
        grown = error * math.exp(log_t) + mean_upper_bound(_hockey_stick(values, log_t), alpha / len(MARGINS))
        if grown * (1 + 1e-9) < 0.5:
            return MonteCarloRadius(r * noise.scale * (1 - 1e-12), log_t, grown * (1 + 1e-9), alpha)
    return MonteCarloRadius(0.0, 0.0, error, alpha)


def mixed_linf_loss(noise: MixedLinf) -> ShiftedLoss:
    """The loss of mixed-norm noise for (r, ..., r), worst against linf [Zhang et al. 2020, theorem 3].

    log q(z)/q(z + r) = j log(‖z + r‖∞/‖z‖∞) + r Σz_i + d r²/2.
    """

    def loss(z: Tensor, r: float) -> Tensor:
        ratio = (z + r).abs().amax(dim=1) / z.abs().amax(dim=1)
        return noise.j * ratio.log() + r * z.sum(dim=1) + z.shape[1] * r**2 / 2

    return loss


def _unit_draws(noise: Noise, count: int, dim: int, generator: torch.Generator) -> Tensor:
    import torch

    return noise.sample((count, dim), generator=generator, dtype=torch.float64) / noise.scale


def _losses(draws: Tensor, loss: ShiftedLoss, radius: float) -> FloatArray:
    return loss(draws, radius).double().cpu().numpy()


def _hockey_stick(loss: FloatArray, log_t: float) -> FloatArray:
    """(1 - t e^(-L))₊, in [0, 1], rounded up."""
    return np.minimum(-np.expm1(np.minimum(log_t - loss, 0.0)) + 1e-12, 1.0)


def _best_multiplier(loss: FloatArray, error: float) -> tuple[float, float]:
    """The log t with the smallest estimate of t · error + D_t, and that estimate."""
    options = np.quantile(loss, np.linspace(0.02, 0.98, 97))
    values = [error * math.exp(min(t, 700.0)) + float(_hockey_stick(loss, t).mean()) for t in options]
    best = int(np.argmin(values))
    return float(options[best]), values[best]


def _largest_plausible(draws: Tensor, loss: ShiftedLoss, error: float, n: int, alpha: float) -> float:
    """A radius with an estimated error below ½ by what n draws cannot resolve; it proves nothing."""
    margin = 0.5 * math.sqrt(2 * math.log(len(MARGINS) / alpha) / n)

    def holds(r: float) -> bool:
        return _best_multiplier(_losses(draws, loss, r), error)[1] + margin < 0.5

    high = float(draws.std()) / math.sqrt(draws.shape[1])
    while holds(high):
        high *= 2
    return float(last_true(lambda r: holds(float(r)), 0.0, high, 24))
