"""Level-set certificates [Yang et al. 2020, theorem T.1], by quadrature with proven error bounds.

G(e, v) ≤ t e + D_t(v) for all t = e^τ ≥ 1, D_t = Q_v[LR ≥ t] - t Q[LR ≥ t], LR = q(· - v)/q. By the radius
R₁ of Z - v, with R₀ = ‖Z‖ on the boundary h(R₀) = h(R₁) + τ,

    Q_v[LR ≥ t] = E[outside],  t Q[LR ≥ t] = E[(R₀/R₁)^d (d log R₀/d log R₁) inside],
    outside = P[‖X + v‖ ≥ R₀ | ‖X‖ = R₁],  inside = P[‖X - v‖ ≤ R₁ | ‖X‖ = R₀],

which are (1, 0) for R₀ + R₁ ≤ r and (0, 0) for R₀ - R₁ ≥ r. The worst v is r e₁, or r (1, ..., 1) for cubes
against linf. Integrals are over y = log R₁^k; `acb.integral` bounds their errors by complex balls.
"""

import itertools
import math
from collections.abc import Callable
from typing import Final

import numpy as np
from flint import acb, arb, ctx

from wulff.verify.balls import HALF, INF, UNKNOWN, Verdict, decide
from wulff.verify.reading import Law, length_factor

BITS, SMALLEST, FAINT = 100, arb(2.0**-100), 2.0**-200
UNSURE, NOWHERE = acb(arb(0.5, 0.5)), acb(UNKNOWN)
"""Any probability; and what is no analytic function."""
XI, WEIGHTS = (((np.polynomial.legendre.leggauss(10)[i] + 1 - i) / 2).tolist() for i in (0, 1))
NODES: Final = [(x * x * (3 - 2 * x), 6 * x * (1 - x) * w) for x, w in zip(XI, WEIGHTS, strict=True)]

Kernel = Callable[[acb, acb, arb, acb, bool], tuple[acb, acb]]
"""Of R₁, R₀/R₁ - 1, r, (R₀/R₁)² - 1 and whether they have to be analytic functions: outside and inside."""


def facets(d: int) -> Kernel:
    """Cross-polytopes against l1, and cubes against linf: one scaled facet of the sphere."""

    def kernel(size: acb, beyond: acb, r: arb, square: acb, analytic: bool) -> tuple[acb, acb]:
        share = (1 + beyond / 2 - r / (2 * size)) ** (d - 1) / 2
        return 1 - share, share / (1 + beyond) ** (d - 1)

    return kernel


def faces(d: int) -> Kernel:
    """Cubes against l1: the shifted coordinate is ±R with probability 1/(2d) each, else uniform between."""

    def kernel(size: acb, beyond: acb, r: arb, square: acb, analytic: bool) -> tuple[acb, acb]:
        facet = 1 / arb(2 * d)
        return facet + (1 - 2 * facet) * (r / size - beyond) / 2, facet / (1 + beyond) ** (d - 1)

    return kernel


def caps(d: int) -> Kernel:
    """Euclidean spheres."""

    def cap(c: acb, x: acb, analytic: bool) -> acb:
        """P[θ₁ > c], x = 1 - c²: a series around 0, an incomplete beta function elsewhere."""
        near, sign = abs(c) < HALF and abs(c.mid()) < 4 / math.sqrt(d), c.real > 0 or c.real < 0
        if not (x.real > 0 and (near or sign)):
            return NOWHERE if analytic else UNSURE
        # On the way from c to 1, |1 - u²| is largest at c if Re c ≥ 0, which bounds the integral.
        most = arb(d).sqrt() * abs(x) ** (arb(d - 3) / 2) if d > 3 else arb(1)
        if sign and most < FAINT:
            return acb(arb(0, most.upper()), arb(0, most.upper())) + (0 if c.real > 0 else 1)
        if near:
            slope = ((arb(d) / 2).lgamma() - (arb(d - 1) / 2).lgamma()).exp() / arb.pi().sqrt()
            return HALF - c * slope * (c * c).hypgeom_2f1(acb(0.5), acb(3 - d) / 2, acb(1.5))
        tail = x.beta_lower(acb(d - 1) / 2, acb(0.5), 1) / 2
        return tail if c.real > 0 else 1 - tail

    def kernel(size: acb, beyond: acb, r: arb, square: acb, analytic: bool) -> tuple[acb, acb]:
        far, near, both, gap = size * square / (2 * r), r / (2 * size), size * (2 + beyond), size * beyond
        x = (both + r) * (both - r) * (r + gap) * (r - gap) / (2 * size * r) ** 2  # Heron's formula
        inside = cap((far + near) / (1 + beyond), x / (1 + beyond) ** 2, analytic)
        return cap(far - near, x, analytic), inside

    return kernel


class Radial:
    """The law of y = log R^k and the level sets of exp(-h), for exp- and power- noise."""

    def __init__(self, law: Law) -> None:
        self.law, self.exp = law, law.name[0] == "e"
        self.alpha = (law.dim - law.j if self.exp else arb(law.dim)) / law.k
        self.b = law.j / law.k if self.exp else law.a
        self.beta = arb(1) if self.exp else law.a - self.alpha
        self.norm = self.alpha.lgamma() + (0 if self.exp else self.beta.lgamma() - self.b.lgamma())
        # Panels around the mode, longer ones further out. The density is log-concave, so that the mass beyond
        # is at most that below its tangents at the ends.
        a, b = float(self.alpha), float(self.beta)
        mode, width = (math.log(a), a**-0.5) if self.exp else (math.log(a / b), (1 / a + 1 / b) ** 0.5)
        up = math.log1p(11 * width + 50 / a) if self.exp else 11 * width + 50 / b
        step, low, high = width / 2, mode - 11 * width - 50 / a, mode + up
        self.ends = [mode]
        while self.ends[0] > low or self.ends[-1] < high:
            self.ends = [max(self.ends[0] - step, low), *self.ends, min(self.ends[-1] + step, high)]
            step *= 1.05
        self.ends = sorted(set(self.ends))
        self.beyond = sum(
            (self.density(acb(y)).real / abs(self.slope(acb(y)).real) for y in (low, high)), arb(0)
        )

    def slope(self, y: acb) -> acb:
        """The derivative of the log-density."""
        w = y.exp()
        return self.alpha - (w if self.exp else self.b * w / (1 + w))

    def density(self, y: acb) -> acb:
        """By its value in the middle of the ball, and its slope everywhere."""
        m = y.mid()
        value = self.alpha * m - (m.exp() if self.exp else self.b * (1 + m.exp()).log()) - self.norm
        return (value + self.slope(y) * (y - m)).exp()

    def step(self, y: acb, tau: arb, analytic: bool) -> tuple[acb, acb]:
        """s = k log(R₀/R₁) with h(R₀) = h(R₁) + τ, and d log R₀/d log R₁."""
        w, m = y.exp(), y.mid().real.exp()
        if not self.exp:
            grown = (tau / self.b).expm1() * (1 + 1 / w)
            return (1 + grown).log(analytic=analytic), (tau / self.b).exp() / (1 + grown)
        if self.b == 0:
            return (1 + tau / w).log(analytic=analytic), w / (w + tau)
        # w expm1(s) + b s = τ: Newton's method in the middle, then its interval form on the whole ball.
        s, change = (1 + tau / m).log().mid().min(tau / self.b).mid(), arb(1)
        while abs(change) > s * 2.0**-80:
            change = ((m * s.expm1() + self.b * s - tau) / (m * s.exp() + self.b)).mid()
            s = (s - change).mid()
        value = w * s.expm1() + self.b * s - tau
        reach = 2 * (abs(value) / (m * s.exp() + self.b)).upper()
        guess = acb(arb(s, reach), arb(0, reach))
        found = s - value / (w * guess.exp() + self.b)
        if not (y.mid().imag == 0 and guess.contains(found)):
            return NOWHERE, NOWHERE
        return found, (w + self.b) / (w * found.exp() + self.b)


def _integral(radial: Radial, kernel: Kernel, r: arb, tau: arb, which: int, tolerance: float) -> arb:
    """Q_v[LR ≥ t] (which = 0) or t Q[LR ≥ t] (1), without what is beyond the panels.

    With tolerance 0 an estimate by a few nodes, which proves nothing.
    """
    law = radial.law

    def gaps(y: acb, analytic: bool = False) -> tuple[arb, arb, acb, acb, acb, acb]:
        s, slope = radial.step(y, tau, analytic)
        size, beyond = (y / law.k).exp(), (s / law.k).expm1()
        return (size * (2 + beyond) - r).real, (r - size * beyond).real, size, beyond, s, slope

    def inside(y: arb | float, side: int) -> bool:
        meet, apart, *_ = gaps(acb(y))
        return bool((apart if side else meet) > 0)

    def integrand(y: acb, analytic: bool) -> acb:
        meet, apart, size, beyond, s, slope = gaps(y, analytic)
        if meet < 0 or apart < 0:
            return radial.density(y) if which == 0 and meet < 0 else acb(0)
        share = NOWHERE if analytic else UNSURE
        if meet > 0 and apart > 0:
            share = kernel(size, beyond, r, (2 * s / law.k).expm1(), analytic)[which]
        return radial.density(y) * share * ((s * law.dim / law.k).exp() * slope if which else 1)

    edges, total = [acb(end) for end in radial.ends], arb(0)
    for a, b in itertools.pairwise(radial.ends):
        for side in (0, 1):  # panels end just before and after the kinks
            low, high, positive = arb(a), arb(b), inside(a, side)
            if positive != inside(b, side):
                for _ in range(80):
                    middle = ((low + high) / 2).mid()
                    same = inside(middle, side) == positive
                    low, high = (middle, high) if same else (low, middle)
                edges += [acb(low), acb(high)]
    edges.sort(key=lambda end: end.real)
    for a, b in itertools.pairwise(edges):
        if tolerance:
            part = tolerance / len(edges)
            total += acb.integral(integrand, a, b, rel_tol=part, abs_tol=part, eval_limit=8000).real
        else:
            total += sum(((integrand(a + (b - a) * x, False) * (b - a)).real * w for x, w in NODES), arb(0))
    return total


def verdict(law: Law, p: float, e: arb, r: arb) -> Verdict:
    """Whether t e + D_t ≤ ½ for a t; FALSE if a set of probability ≤ e has more than ½ shifted."""
    if law.plain and (law.dim == 1 or law.level == p != 2):
        return decide(lambda: (-r).exp() / 2 - e)  # LR ≤ exp(r), which half of the shifted law attains
    kernel = facets(law.dim)
    if law.level == 2 and law.dim > 1:
        kernel, r = caps(law.dim), r * length_factor(2, p, law.dim)
    elif law.level == INF and p == 1 and law.dim > 1:
        kernel = faces(law.dim)
    with ctx.workprec(BITS):
        radial, near_half = Radial(law), float(1 - 2 * e)
        for accuracy in (0.0, 2.0**-56):
            tau = _best(radial, kernel, e, r, accuracy)
            outside, inside = (_integral(radial, kernel, r, tau, i, 2.0**-68 * near_half) for i in (0, 1))
            t, rest = tau.exp(), radial.beyond
            if t * e + outside + rest - inside <= HALF:
                return "proven"
            # Beyond the panels t Q[LR ≥ t] has no more than Q_v. The set where LR = 1 may have mass.
            if outside > HALF and inside + rest <= t * e:
                return "FALSE"
            if tau <= SMALLEST and e + outside - inside - rest > HALF and e + outside + rest < 1:
                return "FALSE"
    return "not covered"


def _best(radial: Radial, kernel: Kernel, e: arb, r: arb, accuracy: float) -> arb:
    """The τ with Q[LR ≥ t] = e, a little above; about 0 if that is always smaller. Any τ will do."""
    goal = (2 * e).erfcinv()

    def excess(tau: arb) -> arb:  # of normal quantiles, nearly linear in τ
        tolerance = float(e * tau.exp() * (1 - 2 * e)) * accuracy / 64 * (tau > SMALLEST)
        reached = (_integral(radial, kernel, r, tau, 1, tolerance) * (-tau).exp()).mid()
        return (((2 * reached).erfcinv() if reached > 0 else 2 * goal + 1) - goal).mid()

    low, high = SMALLEST, (-(2 * e).log()).mid()
    below, above = excess(low), excess(high)
    while above < 0:
        low, below, high = high, above, 2 * high
        above = excess(high)
    near, weights, side = max(accuracy, 2.0**-34), [1.0, 1.0], 0
    for step in range(1, 81):
        if below >= 0 or high - low < high * near or above < near * goal:
            break
        a, b = below * weights[0], above * weights[1]
        tau = low + (high - low) * (a / (a - b) if step % 8 else HALF)
        tau = (tau + near / 4 * (high - tau)).mid()
        found = excess(tau)
        now = 1 if found < 0 else 0  # what stays twice counts less (Illinois)
        weights = [1.0, 1.0] if now != side else [weights[0] / (2 - now), weights[1] / (1 + now)]
        low, below, high, above = (tau, found, high, above) if now else (low, below, tau, found)
        side = now
    return low if below >= 0 else high
