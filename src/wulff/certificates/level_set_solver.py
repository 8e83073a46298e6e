"""Radii of the level-set method: solved fast, then accepted only if the dual inequality holds.

For every t = e^τ ≥ 1, G(e, v) ≤ t e + D_t(v) with the hockey-stick divergence D_t(v) = p₁ - t p₀ (see
`level_set_quadrature`). So a radius r is certified at the error e as soon as, for any τ at all,

    (p₁ - p₀) - (e^τ - 1)(p₀ - e) ≤ ½ - e,

which is t e + D_t ≤ ½ rearranged so that nothing cancels, neither for e → 0 nor for e → ½. The best τ
makes p₁ = ½ and p₀ = e; an inaccurate one costs a little radius and never soundness. D_t grows with
‖v‖, because the overlaps of the level sets shrink: all smaller perturbations are certified as well.
"""

import dataclasses

import numpy as np
from scipy import special

from wulff._numerics.rounding import EPSILON
from wulff._numerics.roots import bracketed_root
from wulff._typing import FloatArray
from wulff.certificates.gaussian import normal_quantile
from wulff.certificates.level_set_kernels import Kernel
from wulff.certificates.level_set_profiles import Profile
from wulff.certificates.level_set_quadrature import Overlap, grid_of, overlap

_COARSE, _FINE = 20, 28
_LARGEST_TAU, _SMALLEST_TAU = 740.0, 1e-40
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

    def overlap(self, log_r: FloatArray, tau: FloatArray, nodes: int, *, near_half: bool = True) -> Overlap:
        """p₁ and p₀."""
        return overlap(self.profile, self.kernel, log_r, tau, nodes=nodes, near_half=near_half)

    def slack(self, error: FloatArray, log_r: FloatArray, tau: FloatArray) -> FloatArray:
        """(left side - right side) / right side of the dual inequality, as computed."""
        found = self.overlap(log_r, tau, _COARSE)
        return _slack(found, error, tau)

    def slack_bound(self, error: FloatArray, log_r: FloatArray, tau: FloatArray) -> FloatArray:
        """An upper bound on the exact value of `slack`; infinite where the quadrature is not trusted.

        The quadrature error is bounded by the difference of two rules. Rounding: p₁ - p₀ is a sum of
        terms of one sign for all but a relative part of 1e-12, each with a relative error below 64 ulps;
        p₀ has the relative error (64 + 32 τ) ulps, as τ and the argument of the cap enter exponents of
        size τ. The total mass must be reproduced, and the mass outside the interval counts as p₁.
        """
        coarse = self.overlap(log_r, tau, _COARSE)
        fine = self.overlap(log_r, tau, _FINE)
        quadrature = np.abs(_slack(fine, error, tau) - _slack(coarse, error, tau))
        rounding = 64 * EPSILON * np.abs(fine.excess) + (64 + 32 * tau) * EPSILON * np.expm1(tau) * fine.p0
        tails = grid_of(self.profile).tails
        bound = _slack(fine, error, tau) + quadrature + (rounding + tails) / (0.5 - error) + 8 * EPSILON
        trusted = (np.abs(fine.mass + tails - 1) < 1e-9) & np.isfinite(bound)
        return np.where(trusted, bound, np.inf)


def _slack(found: Overlap, error: FloatArray, tau: FloatArray) -> FloatArray:
    return (found.excess - np.expm1(tau) * (found.p0 - error)) / (0.5 - error) - 1


def solve(duality: Duality, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(log r, τ) with p₁ = ½ and p₀ = error, approximately; nothing is guaranteed."""
    log_r, tau, settled = _newton(duality, error)
    rest = ~settled
    if rest.any():
        log_r[rest], tau[rest] = _nested(duality, error[rest])
    return log_r, tau


def _start(duality: Duality) -> float:
    """log of the standard deviation of the normal law with the same total variation at small shifts."""
    at = np.array([duality.profile.log_mode - 14.0 - np.log(duality.profile.dim)])
    return float(at[0] + np.log(0.3989 / duality.overlap(at, np.zeros(1), _COARSE).excess[0]))


def _newton(duality: Duality, error: FloatArray) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Newton's method for (log r, log τ) in the coordinates in which Gaussian noise is linear."""
    z = normal_quantile(error)
    a, b = _start(duality) + np.log(z), np.log(z * z / 2)
    settled = np.zeros(len(error), dtype=bool)
    small = 1e-5

    def residuals(a: FloatArray, b: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        found = duality.overlap(a, np.exp(b), _COARSE)
        with np.errstate(all="ignore"):
            upper = special.ndtri(found.p1) / z
            lower = np.log(_quantile(found.p0, found.excess - (found.p1 - 0.5)) / z)
        return upper, lower

    for _ in range(12):
        live = np.flatnonzero(~settled)
        a_live, b_live, z_live = a[live], b[live], z[live]
        n = len(live)
        upper, lower = residuals(
            np.concatenate([a_live, a_live + small, a_live]),
            np.concatenate([b_live, b_live, b_live + small]),
            np.tile(z_live, 3),
        )
        f, g = upper[:n], lower[:n]
        fa, fb = (upper[n : 2 * n] - f) / small, (upper[2 * n :] - f) / small
        ga, gb = (lower[n : 2 * n] - g) / small, (lower[2 * n :] - g) / small
        with np.errstate(all="ignore"):
            determinant = fa * gb - fb * ga
            step_a = np.clip((-f * gb + g * fb) / determinant, -1.0, 1.0)
            step_b = np.clip((-g * fa + f * ga) / determinant, -2.0, 2.0)
        usable = np.isfinite(step_a) & np.isfinite(step_b)
        if not usable.all():
            live, step_a, step_b = live[usable], step_a[usable], step_b[usable]
        a[live] += step_a
        b[live] = np.minimum(b[live] + step_b, np.log(_LARGEST_TAU))
        settled[live] = (np.abs(step_a) < 1e-6) & (np.abs(step_b) < 1e-6)
        if settled.all() or not usable.any():
            break
    return a, np.exp(b), settled


def _quantile(error: FloatArray, shortfall: FloatArray) -> FloatArray:
    # The normal quantile of 1 - error, where shortfall = ½ - error.
    return np.where(error > 0.25, np.sqrt(2.0) * special.erfinv(2 * shortfall), -special.ndtri(error))


def _nested(duality: Duality, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same by bracketing: τ for given r, where p₁ falls in τ; then r, where the dual error falls in r."""
    z = normal_quantile(error)

    def excess(log_r: FloatArray) -> FloatArray:
        tau = _best_tau(duality, log_r)
        found = duality.overlap(log_r, tau, _COARSE)
        with np.errstate(all="ignore"):
            dual_error = found.p0 - np.exp(-tau) * (found.p1 - 0.5)
            shortfall = np.exp(-tau) * (found.excess + np.expm1(tau) * (0.5 - found.p0))
            value = np.log(_quantile(np.clip(dual_error, 1e-307, 0.5), np.clip(shortfall, 0.0, 0.5)) / z)
        return np.nan_to_num(value, nan=-50.0, neginf=-50.0, posinf=50.0)

    start = _start(duality) + np.log(z)
    low, high = start.copy(), start.copy()
    for sign, end in ((1.0, low), (-1.0, high)):
        stride = 0.5
        for _ in range(12):
            wrong = sign * excess(end) > 0
            if not wrong.any():
                break
            end[wrong] = np.minimum(end[wrong] - sign * stride, _LARGEST_LOG_R)
            stride *= 2
    log_r, _ = bracketed_root(excess, low, high, tolerance=1e-10, iterations=50)
    return log_r, _best_tau(duality, log_r)


def _best_tau(duality: Duality, log_r: FloatArray) -> FloatArray:
    """The τ with p₁ = ½; 0 where p₁ ≤ ½ for all τ > 0 (an atom at likelihood ratio 1)."""

    def above(log_tau: FloatArray) -> FloatArray:
        return duality.overlap(log_r, np.exp(log_tau), _COARSE).p1 - 0.5

    low = np.full(len(log_r), np.log(_SMALLEST_TAU))
    high = np.full(len(log_r), np.log(_LARGEST_TAU))
    tied = above(low) <= 0
    always = above(high) >= 0
    usual = ~(tied | always)
    tau = np.where(tied, 0.0, _LARGEST_TAU)
    if usual.any():
        sub = log_r[usual]
        first, _ = bracketed_root(
            lambda log_tau: duality.overlap(sub, np.exp(log_tau), _COARSE).p1 - 0.5,
            low[usual],
            high[usual],
            tolerance=1e-9,
            iterations=60,
        )
        tau[usual] = np.exp(first)
    return tau


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
