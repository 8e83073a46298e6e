"""From the growth rate Φ to radii: r(e) = ∫_e^½ dp/Φ(p), in the coordinate in which it is nearly straight.

With p = P[N(0,1) > z] the radius is the integral of g(z) = φ(z)/Φ(p(z)) from 0 to z(e). g is constant for
Gaussian noise and varies like a power of z for the others, so that a few polynomials describe it for all
errors from ½ to 1e-300, and r keeps its relative accuracy at both ends.
"""

import dataclasses
import math

import numpy as np
from numpy.polynomial import legendre
from scipy import special

from wulff._numerics.normal import normal_quantile
from wulff._typing import FloatArray
from wulff.certificates.differential.directions import Direction
from wulff.certificates.differential.quadrature import RadialQuadrature

SMALLEST_ERROR = 1e-300
LARGEST_SHORTFALL = 1e-5
"""Radii are below the ∫dp/Φ of a valid Φ by at most this part: twice the margin, and more."""
_START = 1e-13
_DEGREE = 15
_TOLERANCE = 1e-12
_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)
_NODES, _ = legendre.leggauss(_DEGREE + 1)
_FIT = np.linalg.inv(legendre.legvander(_NODES, _DEGREE))


@dataclasses.dataclass(frozen=True)
class Profile:
    """The radii of one differential certificate, for every error.

    Attributes:
        edges: The ends of the panels in z, from close to the z where Φ stops growing to that of 1e-300.
        coefficients: For every panel the Legendre coefficients of ∫g from its lower end.
        radii: The radius at the lower end of each panel.
        top: Φ where it is largest: it bounds Φ from above for all errors before the first panel.
        margin: The relative error of the polynomials, by the size of their last coefficients; < 2.5e-6.
    """

    edges: FloatArray
    coefficients: FloatArray
    radii: FloatArray
    top: float
    margin: float

    def radius(self, error: FloatArray) -> FloatArray:
        """r(e) for errors in (0, ½): below 1e-300 the radius of 1e-300, which is smaller."""
        z = normal_quantile(np.maximum(error, SMALLEST_ERROR))
        panel = np.clip(np.searchsorted(self.edges, z) - 1, 0, len(self.radii) - 1)
        lo, hi = self.edges[panel], self.edges[panel + 1]
        t = np.clip((2 * z - lo - hi) / (hi - lo), -1.0, 1.0)
        inner = self.radii[panel] + legendre.legval(t, self.coefficients[panel].T, tensor=False)
        linear = (0.5 - error) / self.top
        return np.where(z <= self.edges[0], linear, np.maximum(inner, 0.0)) * (1 - self.margin)


def build_profile(quadrature: RadialQuadrature, direction: Direction, normal: float = 0.0) -> Profile:
    """Integrate 1/Φ for the score T·D of a norm-radial noise [Yang et al. 2020, theorem 4.1].

    For a score that has a second part, which is below normal · N(0,1) in convex order, normal · φ(z) is
    added to Φ: the largest mean of a sum is at most the sum of the largest means.

    Φ(p) = min_c {c p + E[(T·D - c)₊]}, so that *every* c gives an upper bound on Φ(p), with an error of
    second order in c: an inexact c makes the radius a little smaller, never larger. What must be exact are
    the two expectations (see RadialQuadrature) and the integral over z, whose panels are halved until the
    last coefficients of g are negligible (1e-12) in the radius; what is left of them is the margin.
    """
    growth = _Growth(quadrature, direction, normal)
    first = (growth.start if normal == 0 else 0.0) + _START
    steps = first + _START * np.geomspace(1, 0.25 / _START, 15)
    last = float(normal_quantile(np.array(SMALLEST_ERROR)))
    edges = np.concatenate([[first], steps[steps < last], np.arange(steps[-1] + 2, last - 1, 2), [last]])
    edges = np.append(edges, max(growth.start, first))
    if quadrature.score_is_constant:
        # Φ then has the kinks of the direction itself.
        kinks = _z(direction.tail(np.array(direction.kinks)))
        edges = np.concatenate([edges, kinks[(kinks > first) & (kinks < last)]])
    edges = np.unique(edges[edges <= last])
    lower, upper = edges[:-1], edges[1:]
    done: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    for depth in range(9):
        fits = growth.fit(lower, upper)
        before = special.erf(lower / math.sqrt(2)) / 2 / growth.top  # a lower bound on the radius
        scale = np.maximum(np.abs(fits[:, 0]), before / (upper - lower))
        rough = np.abs(fits[:, -3:]).max(axis=1) > _TOLERANCE * scale
        if depth == 8 or not rough.any():
            rough[:] = False
        done.append((lower[~rough], upper[~rough], fits[~rough]))
        if not rough.any():
            break
        middle = (lower[rough] + upper[rough]) / 2
        lower, upper = np.concatenate([lower[rough], middle]), np.concatenate([middle, upper[rough]])
    lower, upper, fits = (np.concatenate(parts) for parts in zip(*done, strict=True))
    order = np.argsort(lower)
    lower, upper, fits = lower[order], upper[order], fits[order]
    coefficients = legendre.legint(fits, lbnd=-1, axis=1) * (upper - lower)[:, None] / 2
    whole = coefficients.sum(axis=1)  # every Legendre polynomial is 1 at the upper end
    start = _near_half(first) / growth.top
    radii = start + np.concatenate([[0.0], np.cumsum(whole)])[:-1]
    uncertain = np.abs(fits[:, -3:]).max(axis=1) * (upper - lower)
    margin = 4 * float(np.max(np.cumsum(uncertain) / (start + np.cumsum(whole))))
    if not margin < LARGEST_SHORTFALL / 4:
        raise ArithmeticError("the growth rate is too rough for the polynomials")
    return Profile(np.append(lower, upper[-1]), coefficients, radii, growth.top, margin)


def _near_half(z: float) -> float:
    """½ - P[N(0,1) > z], for small z."""
    return 0.5 * math.erf(z / math.sqrt(2))


class _Growth:
    """Upper bounds on Φ, from a table of thresholds c by p(c) = P[T·D > c]."""

    def __init__(self, quadrature: RadialQuadrature, direction: Direction, normal: float) -> None:
        self._quadrature, self._direction, self._normal = quadrature, direction, normal
        mass = direction.mass
        self.start = float(normal_quantile(np.array(mass))) if mass < 0.5 else 0.0
        self.c, self.size, self.share = self._tabulate()
        self.top = float(self.share[0]) + normal * _DENSITY_AT_0
        self.z = _z(self.size)
        keep = np.concatenate([[True], np.diff(self.z) > 1e-15])
        keep &= self.z < 38
        from scipy.interpolate import PchipInterpolator  # imported here: it takes a third of a second

        self._guess = PchipInterpolator(self.z[keep], self.c[keep]) if keep.sum() > 1 else None

    def fit(self, lower: FloatArray, upper: FloatArray) -> FloatArray:
        """The Legendre coefficients of g on each of the panels."""
        z = (lower + upper)[:, None] / 2 + (upper - lower)[:, None] / 2 * _NODES
        density = _DENSITY_AT_0 * np.exp(-(z**2) / 2)
        g = density / (self._bound(z.ravel()).reshape(z.shape) + self._normal * density)
        return g @ _FIT.T

    def _bound(self, z: FloatArray) -> FloatArray:
        """An upper bound on the Φ of T·D at p = P[N(0,1) > z]."""
        p = np.asarray(special.ndtr(-z), dtype=np.float64)
        after = np.clip(np.searchsorted(-self.size, -p), 1, len(self.c) - 1)
        bound = self.share[after] + self.c[after] * (p - self.size[after])
        if self._guess is None:
            return bound
        order = np.argsort(z)
        lo, hi = self.c[after - 1], self.c[after]
        c = np.clip(self._guess(z), lo, hi)
        slope = np.maximum(self._guess.derivative()(z), 0.0)
        for _ in range(2):
            size, share = np.empty_like(c), np.empty_like(c)
            ranked = order[np.argsort(c[order], kind="stable")]
            size[ranked], share[ranked] = self._quadrature.expectations(self._direction, c[ranked])
            # A set much larger than p would lose the digits of the bound by cancellation.
            candidate = np.where(size <= 2 * p, share + c * (p - size), np.inf)
            bound = np.minimum(bound, candidate)
            c = np.clip(c + (z - _z(size)) * slope, lo, hi)
        return bound

    def _tabulate(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        c = np.concatenate([[0.0], np.geomspace(1e-18, 1e6, 49)])
        size, share = self._quadrature.expectations(self._direction, c)
        while size[-1] > 0 and c[-1] < 1e140:
            more = c[-1:] * 1e4
            found = self._quadrature.expectations(self._direction, more)
            c, size, share = (
                np.concatenate(pair) for pair in ((c, more), (size, found[0]), (share, found[1]))
            )
        for _ in range(64):
            z = _z(size)
            beyond = np.maximum(z - self.start, 1e-13)
            gap = (np.diff(z) > 0.3) | (np.diff(np.log(beyond)) > 1.0)
            gap &= (c[1:] > c[:-1] * (1 + 4e-16)) & (z[:-1] < 38)
            if not gap.any():
                break
            middle = np.where(c[:-1] > 0, np.sqrt(c[:-1] * c[1:]), c[1:] / 2)[gap]
            found = self._quadrature.expectations(self._direction, middle)
            order = np.argsort(np.concatenate([c, middle]), kind="stable")
            c, size, share = (
                np.concatenate(pair)[order] for pair in ((c, middle), (size, found[0]), (share, found[1]))
            )
        # A larger threshold cannot have a larger set, but rounding could make it so.
        return c, np.minimum.accumulate(size), share


def _z(size: FloatArray) -> FloatArray:
    return np.where(size > 0.25, np.sqrt(2) * special.erfinv(np.maximum(1 - 2 * size, 0.0)), 0.0) + np.where(
        size > 0.25, 0.0, -special.ndtri(np.clip(size, 1e-306, 0.25))
    )
