"""The dual inequality of the level-set method: which error certifies a radius, and how an error grows.

For every t = e^τ ≥ 1, G(e, v) ≤ t e + D_t(v) with the hockey-stick divergence D_t(v) = p₁ - t p₀ (see
`quadrature`). So a radius r is certified at the error e as soon as, for any τ at all,

    (p₁ - p₀) - (e^τ - 1)(p₀ - e) ≤ ½ - e,

which is t e + D_t ≤ ½ rearranged so that nothing cancels, neither for e → 0 nor for e → ½. The best τ
makes p₁ = ½ and p₀ = e; an inaccurate one costs a little radius and never soundness. D_t grows with
‖v‖, because the overlaps of the level sets shrink: all smaller perturbations are certified as well.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from wulff._numerics.roots import bracketed_root
from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray
from wulff.certificates.level_set.kernels import Kernel
from wulff.certificates.level_set.quadrature import Overlap, grid_of, overlaps
from wulff.noises.level_sets import Profile

_ROUGH, _COARSE, _FINE = 20, 20, 28
_LARGEST_TAU, _SMALLEST_TAU = 700.0, 1e-40
LARGEST_LOG_R = 250.0
_SMALLEST_ERROR = 1e-306
_SMALLEST_LOG_TAU = -30.0
"""Of a line that is not that of τ = 0."""
_PLACES, _SMALLEST_DIVERGENCE = 96, 1e-9
"""Values of D above t = 1, until it is so small."""


@dataclasses.dataclass(frozen=True)
class Duality:
    """The dual inequality of one noise and one norm.

    Attributes:
        profile: The radial law.
        kernel: The overlaps under the worst perturbation.
    """

    profile: Profile
    kernel: Kernel

    def rough(self, log_r: FloatArray, tau: FloatArray) -> Overlap:
        """p₁ and p₀ to some digits, to find a good τ by."""
        return overlaps(self.profile, self.kernel, log_r, tau, (_ROUGH,), 1e-9)[0]

    def fine(self, log_r: FloatArray, tau: FloatArray) -> Overlap:
        """p₁ and p₀ to about rounding, without a bound on the error."""
        return overlaps(self.profile, self.kernel, log_r, tau, (_FINE,))[0]

    def by_two_rules(self, log_r: FloatArray, tau: FloatArray) -> tuple[Overlap, Overlap]:
        """p₁ and p₀ by a coarse and a fine rule: their difference bounds the error."""
        coarse, fine = overlaps(self.profile, self.kernel, log_r, tau, (_COARSE, _FINE))
        return coarse, fine

    def slack_bound(self, error: FloatArray, log_r: FloatArray, tau: FloatArray) -> FloatArray:
        """An upper bound on (left side - right side) / right side of the dual inequality.

        Infinite where the quadrature is not trusted.

        The quadrature error is bounded by the difference of two rules. Rounding: p₁ - p₀ is summed from
        differences that nearly all have one sign, 256 ulps; p₀ has the relative error (64 + 32 τ) ulps, as
        τ and the argument of the cap enter exponents of size τ; flat triangles, where R₁ is far below r,
        add what `quadrature` counts. Compared with 20 and more digits all of it is generous. The
        total mass must be reproduced, and the mass outside the interval counts as p₁.
        """
        tau = np.minimum(tau, _LARGEST_TAU)
        coarse, fine = self.by_two_rules(log_r, tau)
        quadrature = np.abs(_slack(fine, error, tau) - _slack(coarse, error, tau))
        bound = (
            _slack(fine, error, tau) + quadrature + self.uncertainty(fine, tau) / (0.5 - error) + 8 * EPSILON
        )
        return np.where(self.reproduces_its_mass(fine) & np.isfinite(bound), bound, np.inf)

    def uncertainty(self, found: Overlap, tau: FloatArray) -> FloatArray:
        """What rounding and the mass outside the interval may add to (p₁ - p₀) - (e^τ - 1) p₀."""
        rounding = 256 * EPSILON * np.abs(found.excess) + (64 + 32 * tau) * EPSILON * np.expm1(tau) * found.p0
        flat = self.kernel.dim**0.5 * found.unsure1 + self.kernel.dim * np.exp(tau) * found.unsure0
        return rounding + 8 * EPSILON * flat + grid_of(self.profile).tails

    def reproduces_its_mass(self, found: Overlap) -> np.ndarray:
        """Whether the quadrature gave the total mass of one, by which it is trusted."""
        return np.abs(found.mass + grid_of(self.profile).tails - 1) < 1e-9


def _slack(found: Overlap, error: FloatArray, tau: FloatArray) -> FloatArray:
    growth = np.expm1(np.minimum(tau, _LARGEST_TAU))
    return (found.excess - growth * (found.p0 - error)) / (0.5 - error) - 1


def grown(duality: Duality, error: FloatArray, log_r: FloatArray) -> FloatArray:
    """Upper bounds on errors after the worst shift of given sizes: t · error + D_t at about the best t.

    D_t = t D_{1/t} + 1 - t, because the noise is even, turns the bounds with t below one into
    1 - (1 - error - D_t)/t with t above. Every t is valid; the first form is least where p₀ = error, the
    second where p₁ = 1 - error, and the first is the better one if error < p₀ at t = 1.
    """
    rising = error < duality.rough(log_r, np.zeros(error.shape)).p0
    tau = lowest_line(duality, error, log_r, rising)
    # slack_bound at error 0 bounds 2 D_t - 1.
    divergence = (duality.slack_bound(np.zeros(error.shape), log_r, tau) + 1) / 2
    bound = np.where(rising, np.exp(tau) * error + divergence, 1 - (1 - error - divergence) / np.exp(tau))
    return np.clip(bound + 8 * EPSILON, 0.0, 1.0)


def lowest_line(
    duality: Duality, error: FloatArray, log_r: FloatArray, rising: npt.NDArray[np.bool_]
) -> FloatArray:
    """About the τ with p₀ = error, whose line is the lowest there; where not rising, with p₁ = 1 - error."""

    def beyond(log_tau: FloatArray) -> FloatArray:
        found = duality.rough(log_r, np.exp(log_tau))
        with np.errstate(divide="ignore", invalid="ignore"):  # log 0 - log 0 far in the tails
            return np.where(rising, np.log(error) - np.log(found.p0), 1 - error - found.p1)

    low, high = np.full(error.shape, _SMALLEST_LOG_TAU), np.full(error.shape, math.log(600.0))
    below, above = beyond(low), beyond(high)
    nearest = np.where(below >= 0, low, high)
    inside = (below < 0) & (above > 0)
    low, high = np.where(inside, low, nearest), np.where(inside, high, nearest)
    # Where the loss has an atom p₀ jumps at the best τ: it must be found sharply.
    return np.exp(bracketed_root(beyond, low, high, tolerance=1e-13)[0])


def divergences(duality: Duality, log_r: float) -> tuple[FloatArray, FloatArray]:
    """Ascending log t and D_t there, from above; D_{1/t} = 1 - (1 - D_t)/t, because the noise is even."""
    far = np.geomspace(1e-3, 600.0, 32)
    rough = duality.rough(np.full(far.shape, log_r), far)
    nothing = rough.p1 - np.exp(far) * rough.p0 < _SMALLEST_DIVERGENCE
    tau = far[nothing.argmax() if nothing.any() else -1] * np.arange(1, _PLACES + 1) / _PLACES
    bound = duality.slack_bound(np.zeros(tau.shape), np.full(tau.shape, log_r), tau)  # on 2 D_t - 1
    above = np.clip((bound + 1) / 2, 0.0, 1.0)
    return np.append(-tau[::-1], tau), np.append((1 - (1 - above) * np.exp(-tau))[::-1], above)


def largest_certified(
    duality: Duality, log_r: FloatArray, log_tau: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """log z for the largest errors found for which each r is certified, and log τ; z is rounded up.

    z is the normal quantile of one minus the error: infinite where no error is found. D_t does not depend
    on the error, so that the dual inequality, solved for the error, is

        error ≤ p₀ - e^-τ (p₁ - ½),   ½ - error ≥ e^-τ [(p₁ - p₀) + (e^τ - 1)(½ - p₀)],

    the first without cancellation for errors near 0, the second for errors near ½. The right side is
    largest where p₁ = ½, by the envelope theorem: a τ that is a little off costs little.

    Args:
        duality: The noise and the norm.
        log_r: Radii.
        log_tau: Guesses of log τ, nan where there is none.
    """
    unknown = np.isnan(log_tau)
    guess = np.exp(log_tau)
    if unknown.any():
        start = duality.rough(log_r[unknown], np.zeros(int(unknown.sum())))
        # As for normal noise, where p₁ - p₀ = 2Φ(r/2) - 1 and τ = r²/2.
        normal = 4 * special.erfinv(np.clip(start.excess, 1e-20, 1 - 1e-12)) ** 2
        guess[unknown] = np.where(start.p1 < 0.5, 0.0, normal)  # p₁ falls with τ: below ½ at 0, 0 is the best
    tau = np.minimum(best_tau(duality, log_r, guess), _LARGEST_TAU)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # far beyond: not certified
        coarse, fine = duality.by_two_rules(log_r, tau)
        growth, less = np.expm1(tau), np.exp(-tau)
        quadrature = np.abs(_left(fine, growth) - _left(coarse, growth))
        unsure = less * (quadrature + duality.uncertainty(fine, tau))
        error = fine.p0 - less * (fine.p1 - 0.5) - unsure
        shortfall = less * (fine.excess + growth * (0.5 - fine.p0)) + unsure
        trusted = duality.reproduces_its_mass(fine) & np.isfinite(unsure) & (error > _SMALLEST_ERROR)
        z = _quantile(np.clip(error, _SMALLEST_ERROR, 0.5), np.clip(shortfall, 0.0, 0.5) * (1 + 8 * EPSILON))
        return np.where(trusted & (z > 0), np.log(np.maximum(z, 1e-300)), np.inf), np.log(tau)


def _left(found: Overlap, growth: FloatArray) -> FloatArray:
    return found.excess - growth * found.p0


def _quantile(error: FloatArray, shortfall: FloatArray) -> FloatArray:
    # The normal quantile of 1 - error, where shortfall = ½ - error.
    near_half: FloatArray = special.erfinv(2 * shortfall)
    far: FloatArray = special.ndtri(error)
    return np.where(error > 0.25, np.sqrt(2.0) * near_half, -far)


def best_tau(duality: Duality, log_r: FloatArray, guess: FloatArray) -> FloatArray:
    """The τ with p₁ = ½; 0 where p₁ ≤ ½ for all τ > 0 (an atom at likelihood ratio 1).

    A guess of 0 is taken at its word.
    """
    tau = np.zeros(guess.shape)
    some = guess > 0
    if not some.any():
        return tau
    log_r = log_r[some]

    def below(log_tau: FloatArray) -> FloatArray:
        return 0.5 - duality.rough(log_r, np.exp(log_tau)).p1

    smallest, largest = float(np.log(_SMALLEST_TAU)), float(np.log(_LARGEST_TAU))
    middle = np.log(np.clip(guess[some], 2 * _SMALLEST_TAU, _LARGEST_TAU / 1.01))
    low, high, values = _widen(below, middle, 0.1, smallest, largest)
    root, _ = bracketed_root(below, low, high, tolerance=1e-8, iterations=60, values=values)
    tau[some] = np.where(root <= smallest, 0.0, np.exp(root))
    return tau


def where_atom_decides(duality: Duality, low: float, high: float) -> float:
    """The log r up to which p₁ ≤ ½ for all τ > 0: total variation decides there, and another law beyond."""

    def beyond(log_r: FloatArray) -> FloatArray:
        return duality.rough(log_r, np.full(log_r.shape, _SMALLEST_TAU)).p1 - 0.5

    return float(bracketed_root(beyond, np.array([low]), np.array([high]), tolerance=1e-12)[0][0])


def _widen(
    function: Callable[[FloatArray], FloatArray], middle: FloatArray, stride: float, least: float, most: float
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, FloatArray]]:
    """Ends around `middle` between which the increasing function changes its sign, else an end twice.

    The last are the values at both ends.
    """
    last = np.clip(middle, least, most)
    at_last = function(last)
    before, at_before = last, at_last
    rising = at_last <= 0
    found = np.zeros(len(middle), dtype=bool)
    pending, strides = ~found, np.full(len(middle), stride)
    for _ in range(14):
        moved = np.clip(last + np.where(rising, strides, -strides), least, most)
        value = function(moved)
        # The last point becomes the near end, so that the bracket stays short.
        before, at_before = np.where(pending, last, before), np.where(pending, at_last, at_before)
        last, at_last = np.where(pending, moved, last), np.where(pending, value, at_last)
        found |= pending & np.where(rising, value > 0, value <= 0)
        pending &= ~found & (moved > least) & (moved < most)
        strides = strides * 3
        if not pending.any():
            break
    before, at_before = np.where(found, before, last), np.where(found, at_before, 0.0)
    at_last = np.where(found, at_last, 0.0)
    low, high = np.where(rising, before, last), np.where(rising, last, before)
    return low, high, (np.where(rising, at_before, at_last), np.where(rising, at_last, at_before))
