"""The hockey-stick divergence between a norm-radial noise and its translate, as a one-dimensional integral.

Write Q for the noise, Q_v for the noise shifted by v with ‖v‖ = r, LR = dQ_v/dQ, and t = e^τ. By the radius
R₁ = ‖Z - v‖, which has the radial law under Q_v,

    p₁ = Q_v[LR ≥ t] = E[outside(R₁, R₀)],   h(R₀) = h(R₁) + τ,
    p₀ = Q[LR ≥ t]   = E[(R₀/R₁)^d e^-τ (d log R₀/d log R₁) inside(R₀, R₁)],

the second by the change of variable from R₀ = ‖Z‖ to R₁: both integrals live where the radial law of R₁
does, however small p₀ is, and D_t(r) = p₁ - t p₀. See `kernels` for outside and inside.

Proof obligations: (a) the interval misses a mass of at most `tails`, bounded by log-concavity, and only
p₁ can lose by it; (b) between the kinks of the kernel, which are edges of the panels, the integrand is
analytic but for square roots at the edges, which the map y = a + (b-a)(3ξ² - 2ξ³) removes, so that
Gauss-Legendre converges geometrically; a caller who relies on a value asks for two rules and adds their
difference (`level_set` does). (c) The total mass is integrated along with the rest and must be 1.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np

from wulff._numerics.bisection import bisect
from wulff._numerics.roots import bracketed_root
from wulff._typing import FloatArray
from wulff.certificates.level_set.kernels import Kernel, Sides
from wulff.noises.level_sets import Profile

_LOG_NEGLIGIBLE = -75.0
_NODES_AT_ONCE = 400_000
_SMALL = 0.25
"""Where R₁/r is below this, R₀ is compared with r."""


@dataclasses.dataclass(frozen=True)
class Overlap:
    """Both probabilities of {LR ≥ t}, for each pair (r, τ).

    Attributes:
        p1: Q_v[LR ≥ t].
        p0: Q[LR ≥ t].
        excess: p1 - p0, without cancellation where both are near ½.
        mass: The integral of the radial density over its whole range, by the same rule.
        unsure1: p₁ with each part weighted by the ulps by which its triangle may be off.
        unsure0: The same of p₀.
    """

    p1: FloatArray
    p0: FloatArray
    excess: FloatArray
    mass: FloatArray
    unsure1: FloatArray
    unsure0: FloatArray


@dataclasses.dataclass(frozen=True)
class Shifts:
    """The pairs (r, τ) of which integrals are wanted; numbers as columns, beside rows of places y.

    Attributes:
        log_r: log r, from the mode of the radial law.
        tau: τ.
        ahead: h(r) - τ.
        centre: The y from which offsets are counted: where h(R₁) = h(r) - τ if that is far below r, else 0.
            There the level set is a small ball around v, of radius R₁ to within R₁²/r. In offsets from its
            boundary, that narrow range keeps its digits. (τ is off by the rounding of h(r), as in
            `slack_bound`.)
    """

    log_r: FloatArray
    tau: FloatArray
    ahead: FloatArray
    centre: FloatArray

    @classmethod
    def of(cls, profile: Profile, log_r: FloatArray, tau: FloatArray) -> "Shifts":
        log_r, tau = (log_r - profile.log_mode)[:, None], tau[:, None]
        ahead = profile.potential(log_r) - tau
        with np.errstate(divide="ignore"):
            place = profile.place(ahead)
        far = (place < log_r - 7) & (place > grid_of(profile).edges[0])
        return cls(log_r, tau, ahead, np.where(far, place, 0.0))

    def __len__(self) -> int:
        return len(self.tau)

    def __getitem__(self, rows: slice) -> "Shifts":
        return Shifts(self.log_r[rows], self.tau[rows], self.ahead[rows], self.centre[rows])


@dataclasses.dataclass(frozen=True)
class Grid:
    """The range of y outside of which the radial law has no mass to speak of, cut into panels."""

    edges: FloatArray
    tails: float


@functools.lru_cache(maxsize=64)
def grid_of(profile: Profile) -> Grid:
    """Panels of a few widths of the density, longer in the tails."""
    low, high = _end(profile, -1.0), _end(profile, 1.0)
    return Grid(
        np.array(sorted(_steps(low, 3 * profile.width) + _steps(high, 3 * profile.width) + [0.0])),
        profile.tail(low) + profile.tail(high),
    )


def _end(profile: Profile, sign: float) -> float:
    # Where the log density has fallen by 75: by doubling, then bisection.
    floor = float(profile.log_density(np.array([0.0]))[0]) + _LOG_NEGLIGIBLE
    far = sign * profile.width
    while abs(far) < 1e5 and float(profile.log_density(np.array([far]))[0]) > floor:
        far *= 2
    return float(bisect(lambda x: profile.log_density(x) > floor, [far / 2], [far], 40)[1][0])


def _steps(end: float, first: float) -> list[float]:
    places, at, length, count = [], 0.0, first, 0
    while at + length < abs(end):
        at += length
        places.append(math.copysign(at, end))
        count += 1
        if count >= 4:
            length *= 1.3
    return [*places, end]


@functools.cache
def rule(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre on [0, 1] under the map 3ξ² - 2ξ³: places and weights."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    xi = (x + 1) / 2
    return xi * xi * (3 - 2 * xi), w / 2 * 6 * xi * (1 - xi)


def overlaps(
    profile: Profile,
    kernel: Kernel,
    log_r: FloatArray,
    tau: FloatArray,
    rules: tuple[int, ...],
    tolerance: float = 4e-16,
) -> list[Overlap]:
    """p₁, p₀ and p₁ - p₀ for vectors of log r and τ, by one or more rules.

    Args:
        profile: The radial law.
        kernel: The overlaps.
        log_r: The sizes of the perturbation.
        tau: The logs of the likelihood ratios, one for each r.
        rules: For each result, the number of Gauss nodes on each panel.
        tolerance: The accuracy of the kinks, relative.
    """
    log_r, tau = np.atleast_1d(log_r), np.atleast_1d(tau)
    with np.errstate(over="ignore", invalid="ignore"):  # R₀ far in the tails only has to be large
        shifts = Shifts.of(profile, log_r, tau)
        edges = _edges(profile, shifts, tolerance)
        found: list[Overlap] = []
        for nodes in rules:
            rows = max(1, _NODES_AT_ONCE // (edges.shape[1] * nodes))
            chunks = [slice(i, i + rows) for i in range(0, len(shifts), rows)]
            parts = [_integrate(profile, kernel, shifts[chunk], edges[chunk], nodes) for chunk in chunks]
            found.append(Overlap(*(np.concatenate(column) for column in zip(*parts, strict=True))))
    return found


def _integrate(
    profile: Profile, kernel: Kernel, shifts: Shifts, edges: FloatArray, nodes: int
) -> tuple[FloatArray, ...]:
    places, weights = rule(nodes)
    start, length = edges[:, :-1, None], np.diff(edges, axis=1)[:, :, None]
    offset = (start + length * places).reshape(len(shifts), -1)
    weight = (length * weights).reshape(len(shifts), -1)
    y = shifts.centre + offset

    sides = _sides(profile, shifts, offset)
    unsure = _unsure(profile, shifts, offset, sides.radius)
    full, none = sides.meet <= 0, sides.apart <= 0
    partial = ~(full | none)
    outside, inside, excess = kernel.overlaps(
        Sides(
            np.where(partial, sides.radius, 1.0),
            np.where(partial, sides.s, 0.0),
            np.where(partial, sides.q, 0.0),
            np.where(partial, sides.apart, 1.0),
            np.where(partial, sides.meet, 1.0),
        )
    )
    s = sides.s
    log_density = profile.log_density(y)
    log_change = profile.dim * s - shifts.tau + profile.log_jacobian(y, shifts.tau, s)
    density = weight * np.exp(log_density)
    moved = np.where(partial, weight * np.exp(np.minimum(log_density + log_change, 700.0)) * inside, 0.0)
    # p₁ - p₀ = E[(outside - inside) - (change - 1) · inside]
    little = np.abs(log_change) < 0.5
    change = density * np.expm1(np.clip(log_change, -0.5, 0.5)) * inside
    change = np.where(little, change, moved - density * inside)
    difference = np.where(partial, density * excess - change, np.where(full, density, 0.0))
    columns = (
        density * np.where(partial, outside, full),
        moved,
        difference,
        density,
        density * np.where(partial, unsure, 0.0),
        moved * unsure,
    )
    # By panel, then from panel to panel: panels of length 0, which other rows may need, change nothing.
    panels = [column.reshape(len(shifts), -1, nodes).sum(axis=2) for column in columns]
    return tuple(np.add.accumulate(panel, axis=1)[:, -1] for panel in panels)


def _sides(profile: Profile, shifts: Shifts, offset: FloatArray) -> Sides:
    """The triangle (R₀, R₁, r).

    Where R₁ is small, R₀ is compared with r and not with R₁: h(R₀) - h(r) = h(R₁) - (h(r) - τ).
    """
    y = shifts.centre + offset
    radius = np.exp(np.clip(y - shifts.log_r, -300.0, 300.0))
    small = radius < _SMALL
    base, rise = y, shifts.tau
    if small.any():
        ahead_of_r = profile.potential(y) - shifts.ahead
        if shifts.centre.any():
            ahead_of_r = np.where(shifts.centre != 0, profile.rise(shifts.centre, offset), ahead_of_r)
        base, rise = np.where(small, shifts.log_r, y), np.where(small, ahead_of_r, shifts.tau)
    s = profile.step(base, rise)
    beyond = np.expm1(np.minimum(s, 600.0))  # R₀/r - 1 or R₀/R₁ - 1
    q = np.where(small, 1 + beyond - radius, radius * beyond)
    apart = np.where(small, radius - beyond, 1 - q)
    meet = np.where(small, radius + beyond, 2 * radius + q - 1)
    return Sides(radius, np.where(small, shifts.log_r - y + s, s), q, apart, meet)


def _unsure(profile: Profile, shifts: Shifts, offset: FloatArray, radius: FloatArray) -> FloatArray:
    """By how many ulps the distances of a triangle from being flat may be off."""
    y, centre = shifts.centre + offset, shifts.centre
    steepness = np.exp(np.maximum(profile.log_score(shifts.log_r), -690.0))
    potentials = np.abs(profile.potential(y)) + np.abs(shifts.ahead)
    roundings = potentials / steepness + 1 + np.abs(y)  # of h, and of the edges' places
    unsure = np.where(centre != 0, 8 + np.abs(centre) + np.abs(shifts.log_r), roundings / radius)
    return np.where(radius < _SMALL, unsure, 0.0)


def _edges(profile: Profile, shifts: Shifts, tolerance: float) -> FloatArray:
    """The edges of the panels for each row: those of the law, and the kinks of the kernel with a grading."""
    grid, centre = grid_of(profile).edges, shifts.centre
    low, high = grid[0] - centre, grid[-1] - centre

    def turn(offset: FloatArray) -> FloatArray:  # log[h'(R₁)/h'(R₀)], the sign of the slope of R₀ - R₁
        s = profile.step(centre + offset, shifts.tau)
        return profile.log_jacobian(centre + offset, shifts.tau, s) + s

    middle = _root(turn, low, high, tolerance=1e-2)  # any place between the two crossings will do
    middle = np.where(np.isnan(middle), high, middle)

    def crossings(offset: FloatArray) -> FloatArray:  # log[(R₀ + R₁)/r], increasing; log[(R₀ - R₁)/r], twice
        sides = _sides(profile, shifts, offset)
        meet = np.log1p(np.maximum(sides.meet[:, :1], -1 + 1e-15))
        far = np.log(np.maximum(sides.q[:, 1:], 1e-300))
        apart = np.where(sides.apart[:, 1:] > 0.5, far, np.log1p(-np.minimum(sides.apart[:, 1:], 0.5)))
        return np.concatenate([meet, apart], axis=1)

    ends = np.concatenate([low, low, middle], axis=1), np.concatenate([high, middle, high], axis=1)
    kinks = [shifts.log_r - centre, *np.hsplit(_root(crossings, *ends, tolerance), 3)]
    columns = [grid - centre]
    grading = profile.width * np.array([0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5])
    for kink in kinks:
        if np.isnan(kink).all():
            continue
        places = kink + np.concatenate([-grading[1:], grading])
        columns.append(np.where(np.isnan(places), high, np.clip(places, low, high)))
    edges = np.sort(np.concatenate(columns, axis=1), axis=1)
    used = np.append(True, (np.diff(edges, axis=1) > 0).any(axis=0))
    return edges[:, used]


def _root(
    function: Callable[[FloatArray], FloatArray],
    low: FloatArray,
    high: FloatArray,
    tolerance: float,
) -> FloatArray:
    """Where the monotone function changes its sign between low and high; nan where it does not."""
    at_low, at_high = function(low), function(high)
    inside = np.sign(at_low) * np.sign(at_high) < 0
    if not inside.any():
        return np.full(low.shape, np.nan)
    centre = (low + high) / 2
    low, high = np.where(inside, low, centre), np.where(inside, high, centre)
    values = np.where(inside, at_low, 0.0), np.where(inside, at_high, 0.0)
    first, second = bracketed_root(function, low, high, tolerance=tolerance, values=values)
    return np.where(inside, (first + second) / 2, np.nan)
