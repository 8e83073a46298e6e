"""Radii of the level-set method: solved fast, then accepted only if the dual inequality holds.

For every t = e^τ ≥ 1, G(e, v) ≤ t e + D_t(v) with the hockey-stick divergence D_t(v) = p₁ - t p₀ (see
`level_set_quadrature`). So a radius r is certified at the error e as soon as, for any τ at all,

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
from wulff.certificates.gaussian import normal_quantile
from wulff.certificates.level_set_kernels import CubeAgainstL1, Kernel, Spherical
from wulff.certificates.level_set_profiles import Profile
from wulff.certificates.level_set_quadrature import Overlap, grid_of, overlap

_COARSE, _FINE = 20, 28
_LARGEST_TAU, _SMALLEST_TAU = 700.0, 1e-40
_LARGEST_LOG_R = 250.0


@dataclasses.dataclass(frozen=True)
class Duality:
    """The dual inequality of one noise and one norm.

    Attributes:
        profile: The radial law.
        kernel: The overlaps under the worst perturbation.
    """

    profile: Profile
    kernel: Kernel

    def overlap(self, log_r: FloatArray, tau: FloatArray, nodes: int) -> Overlap:
        """p₁ and p₀."""
        return overlap(self.profile, self.kernel, log_r, tau, nodes=nodes)

    def slack(self, error: FloatArray, log_r: FloatArray, tau: FloatArray) -> FloatArray:
        """(left side - right side) / right side of the dual inequality, as computed."""
        found = self.overlap(log_r, tau, _COARSE)
        return _slack(found, error, tau)

    def slack_bound(self, error: FloatArray, log_r: FloatArray, tau: FloatArray) -> FloatArray:
        """An upper bound on the exact value of `slack`; infinite where the quadrature is not trusted.

        The quadrature error is bounded by the difference of two rules. Rounding: p₁ - p₀ is summed from
        differences that nearly all have one sign, 256 ulps; p₀ has the relative error (64 + 32 τ) ulps, as
        τ and the argument of the cap enter exponents of size τ; flat triangles, where R₁ is far below r,
        add what `level_set_quadrature` counts. Compared with 20 and more digits all of it is generous. The
        total mass must be reproduced, and the mass outside the interval counts as p₁.
        """
        tau = np.minimum(tau, _LARGEST_TAU)
        coarse = self.overlap(log_r, tau, _COARSE)
        fine = self.overlap(log_r, tau, _FINE)
        quadrature = np.abs(_slack(fine, error, tau) - _slack(coarse, error, tau))
        rounding = 256 * EPSILON * np.abs(fine.excess) + (64 + 32 * tau) * EPSILON * np.expm1(tau) * fine.p0
        flat = self.kernel.dim**0.5 * fine.unsure1 + self.kernel.dim * np.exp(tau) * fine.unsure0
        rounding = rounding + 8 * EPSILON * flat
        tails = grid_of(self.profile).tails
        bound = _slack(fine, error, tau) + quadrature + (rounding + tails) / (0.5 - error) + 8 * EPSILON
        trusted = (np.abs(fine.mass + tails - 1) < 1e-9) & np.isfinite(bound)
        return np.where(trusted, bound, np.inf)


def _slack(found: Overlap, error: FloatArray, tau: FloatArray) -> FloatArray:
    growth = np.expm1(np.minimum(tau, _LARGEST_TAU))
    return (found.excess - growth * (found.p0 - error)) / (0.5 - error) - 1


def grown(duality: Duality, error: FloatArray, log_r: FloatArray) -> FloatArray:
    """Upper bounds on errors after the worst shift of given sizes: t · error + D_t at about the best t.

    D_t = t D_{1/t} + 1 - t, because the noise is even, turns the bounds with t below one into
    1 - (1 - error - D_t)/t with t above. Every t is valid; the first form is least where p₀ = error, the
    second where p₁ = 1 - error, and the first is the better one if error < p₀ at t = 1.
    """
    low, high = np.full(error.shape, math.log(1e-6)), np.full(error.shape, math.log(600.0))
    rising = error < duality.overlap(log_r, np.zeros(error.shape), _COARSE).p0

    def beyond(log_tau: FloatArray) -> FloatArray:
        found = duality.overlap(log_r, np.exp(log_tau), _COARSE)
        with np.errstate(divide="ignore"):
            return np.where(rising, np.log(error) - np.log(found.p0), 1 - error - found.p1)

    below, above = beyond(low), beyond(high)
    nearest = np.where(below >= 0, low, high)
    inside = (below < 0) & (above > 0)
    low, high = np.where(inside, low, nearest), np.where(inside, high, nearest)
    tau = np.exp(bracketed_root(beyond, low, high, tolerance=1e-7)[0])
    # slack_bound at error 0 bounds 2 D_t - 1.
    divergence = (duality.slack_bound(np.zeros(error.shape), log_r, tau) + 1) / 2
    bound = np.where(rising, np.exp(tau) * error + divergence, 1 - (1 - error - divergence) / np.exp(tau))
    return np.clip(bound + 8 * EPSILON, 0.0, 1.0)


def solve(duality: Duality, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(log r, τ) with p₁ = ½ and p₀ = error, approximately; nothing is guaranteed."""
    start, guess = _start(duality, error)
    log_r, tau, settled = _newton(duality, error, start, guess)
    rest = ~settled
    if rest.any():
        log_r[rest], tau[rest] = _nested(duality, error[rest], start[rest], guess[rest])
    return log_r, np.minimum(tau, _LARGEST_TAU)


def _start(duality: Duality, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A first (log r, τ): the total variation radius, which decides for errors near ½, then its growth.

    It grows like z for noise that is nearly normal in the direction of the worst shift, and like
    log(1/(2·error)), the likelihood ratio's extreme value, where the spheres are those of the norm itself.
    """
    cubes = isinstance(duality.kernel, CubeAgainstL1)
    near = error if cubes else np.maximum(error, 0.1)
    level = np.full(len(error), duality.profile.log_mode)

    def variation(log_r: FloatArray) -> FloatArray:
        excess = duality.overlap(log_r, np.zeros(len(log_r)), _COARSE).excess
        return np.log(np.maximum(excess, 1e-300) / (0.5 - near))

    low, high = level + grid_of(duality.profile).edges[0] - 60.0, level + 80.0
    log_r, _ = bracketed_root(variation, low, high, tolerance=1e-10 if cubes else 1e-4)
    if isinstance(duality.kernel, Spherical):
        log_r = log_r + np.log(normal_quantile(error) / normal_quantile(near))
    elif not cubes:
        log_r = log_r + np.log(np.log(2 * error) / np.log(2 * near))
    log_r = np.minimum(log_r, _LARGEST_LOG_R)
    guess = -np.log(2 * error)
    return log_r, _best_tau(duality, log_r, guess)


def _newton(
    duality: Duality, error: FloatArray, start: FloatArray, guess: FloatArray
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Newton's method for (log r, log τ) in the coordinates in which Gaussian noise is linear."""
    z = normal_quantile(error)
    a, b = start.copy(), np.log(np.maximum(guess, _SMALLEST_TAU))
    settled = guess == 0  # the total variation decides
    small = 1e-5

    def residuals(a: FloatArray, b: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        found = duality.overlap(a, np.exp(b), _COARSE)
        with np.errstate(all="ignore"):
            upper = special.ndtri(found.p1) / z
            lower = np.log(_quantile(found.p0, found.excess - (found.p1 - 0.5)) / z)
        return upper, lower

    for _ in range(12):
        live = np.flatnonzero(~settled)
        if len(live) == 0:
            break
        a_live, b_live, z_live = a[live], b[live], z[live]
        n = len(live)
        upper, lower = residuals(
            np.concatenate([a_live, a_live + small, a_live]),
            np.concatenate([b_live, b_live, b_live + small]),
            np.tile(z_live, 3),
        )
        f, g = upper[:n], lower[:n]
        with np.errstate(all="ignore"):
            fa, fb = (upper[n : 2 * n] - f) / small, (upper[2 * n :] - f) / small
            ga, gb = (lower[n : 2 * n] - g) / small, (lower[2 * n :] - g) / small
            determinant = fa * gb - fb * ga
            step_a = np.clip((-f * gb + g * fb) / determinant, -1.0, 1.0)
            step_b = np.clip((-g * fa + f * ga) / determinant, -2.0, 2.0)
        usable = np.isfinite(step_a) & np.isfinite(step_b)
        if not usable.all():
            live, step_a, step_b = live[usable], step_a[usable], step_b[usable]
        a[live] += step_a
        b[live] = np.minimum(b[live] + step_b, np.log(_LARGEST_TAU))
        settled[live] = (np.abs(step_a) < 1e-6) & (np.abs(step_b) < 1e-6)
        if not usable.any():
            break
    return a, np.where(guess == 0, 0.0, np.exp(b)), settled


def _quantile(error: FloatArray, shortfall: FloatArray) -> FloatArray:
    # The normal quantile of 1 - error, where shortfall = ½ - error.
    return np.where(error > 0.25, np.sqrt(2.0) * special.erfinv(2 * shortfall), -special.ndtri(error))


def _nested(
    duality: Duality, error: FloatArray, start: FloatArray, guess: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The same by bracketing: τ for given r, where p₁ falls in τ; then r, where the dual error falls in r."""
    z = normal_quantile(error)
    tau = guess.copy()

    def excess(log_r: FloatArray) -> FloatArray:
        tau[:] = _best_tau(duality, log_r, tau)
        found = duality.overlap(log_r, tau, _COARSE)
        with np.errstate(all="ignore"):
            dual_error = found.p0 - np.exp(-tau) * (found.p1 - 0.5)
            shortfall = np.exp(-tau) * (found.excess + np.expm1(tau) * (0.5 - found.p0))
            value = np.log(_quantile(np.clip(dual_error, 1e-307, 0.5), np.clip(shortfall, 0.0, 0.5)) / z)
        return np.nan_to_num(value, nan=-50.0, neginf=-50.0, posinf=50.0)

    low, high = _widen(excess, start, 0.05, -300.0, _LARGEST_LOG_R)
    log_r, _ = bracketed_root(excess, low, high, tolerance=1e-9, iterations=50)
    return log_r, _best_tau(duality, log_r, tau)


def _best_tau(duality: Duality, log_r: FloatArray, guess: FloatArray) -> FloatArray:
    """The τ with p₁ = ½; 0 where p₁ ≤ ½ for all τ > 0 (an atom at likelihood ratio 1)."""

    def below(log_tau: FloatArray) -> FloatArray:
        return 0.5 - duality.overlap(log_r, np.exp(log_tau), _COARSE).p1

    smallest, largest = float(np.log(_SMALLEST_TAU)), float(np.log(_LARGEST_TAU))
    middle = np.log(np.clip(guess, 2 * _SMALLEST_TAU, _LARGEST_TAU / 1.01))
    low, high = _widen(below, middle, 0.1, smallest, largest)
    root, _ = bracketed_root(below, low, high, tolerance=1e-8, iterations=60)
    return np.where(root <= smallest, 0.0, np.exp(root))


def _widen(
    function: Callable[[FloatArray], FloatArray], middle: FloatArray, stride: float, least: float, most: float
) -> tuple[FloatArray, FloatArray]:
    """Ends around `middle` between which the increasing function changes its sign, else an end twice."""
    low, high = np.clip(middle, least, most), np.clip(middle, least, most)
    negative = function(low) <= 0
    strides = np.full(len(middle), stride)
    found = np.zeros(len(middle), dtype=bool)
    for _ in range(14):
        moved = np.where(negative, np.minimum(high + strides, most), np.maximum(low - strides, least))
        value = function(moved)
        crossed = np.where(negative, value > 0, value <= 0)
        ended = (moved <= least) | (moved >= most)
        pending = strides > 0
        found |= pending & crossed
        # The last point becomes the near end, so that the bracket stays short.
        near = np.where(negative, high, low)
        low = np.where(pending, np.where(negative, near, moved), low)
        high = np.where(pending, np.where(negative, moved, near), high)
        strides = np.where(pending & ~crossed & ~ended, strides * 3, 0.0)
        if not strides.any():
            break
    end = np.where(negative, high, low)
    return np.where(found, low, end), np.where(found, high, end)


def certify(duality: Duality, error: FloatArray) -> FloatArray:
    """log of radii that satisfy the dual inequality at these errors; nan where none was found."""
    log_r, tau = solve(duality, error)
    log_r = _polish(duality, error, log_r, tau)
    certified = np.full(len(error), np.nan)
    pending = np.arange(len(error))
    step = np.full(len(error), 2e-14)
    for _ in range(24):
        bound = duality.slack_bound(error[pending], log_r[pending], tau[pending])
        good = bound <= 0
        certified[pending[good]] = log_r[pending[good]]
        pending, bound = pending[~good], bound[~good]
        if len(pending) == 0:
            break
        back = np.maximum(step[pending], np.where(bound < 1, 1.05 * np.minimum(bound, 0.1), 0.0))
        log_r[pending] -= back
        step[pending] *= 4
    return certified


def _polish(duality: Duality, error: FloatArray, log_r: FloatArray, tau: FloatArray) -> FloatArray:
    """The r with equality in the dual inequality at fixed τ, by secants."""
    best, previous = log_r, log_r - 1e-4
    value, before = duality.slack(error, best, tau), duality.slack(error, previous, tau)
    for _ in range(4):
        with np.errstate(all="ignore"):
            step = -value * (best - previous) / (value - before)
        step = np.where(np.isfinite(step), np.clip(step, -0.5, 0.5), 0.0)
        if np.abs(step).max() < 1e-15:
            break
        previous, before = best, value
        best = best + step
        value = duality.slack(error, best, tau)
    return best
