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
from typing import Final

import numpy as np
from flint import acb, arb, ctx

from wulff.verify.balls import HALF, INF, UNKNOWN, Verdict, compare, root
from wulff.verify.reading import Law, length_factor

BITS, FAINT, SMALLEST = 200, 2.0**-90, 2.0**-60
UNSURE, NOWHERE = acb(arb(0.5, 0.5)), acb(UNKNOWN)
"""Any probability; and what is no analytic function."""
XI, WEIGHTS = (((np.polynomial.legendre.leggauss(10)[i] + 1 - i) / 2).tolist() for i in (0, 1))
NODES: Final = [(x * x * (3 - 2 * x), 6 * x * (1 - x) * w) for x, w in zip(XI, WEIGHTS, strict=True)]


def _cap(d: int, c: acb, x: acb, analytic: bool) -> acb:
    """P[θ₁ > c] on the Euclidean sphere, x = 1 - c²."""
    if not x.real > 0:
        return NOWHERE if analytic else UNSURE
    # On the way from c to 1, |1 - u²| is largest at c if Re c ≥ 0, which bounds the integral.
    most = arb(d).sqrt() * abs(x) ** (arb(d - 3) / 2) if d > 3 else arb(1)
    if (most < FAINT or abs(x) < HALF) and (c.real > 0 or c.real < 0):
        small = acb(arb(0, most.upper()), arb(0, most.upper()))
        tail = small if most < FAINT else x.beta_lower(acb(d - 1) / 2, acb(0.5), 1) / 2
        return tail if c.real > 0 else 1 - tail
    slope = ((arb(d) / 2).lgamma() - (arb(d - 1) / 2).lgamma()).exp() / arb.pi().sqrt()
    return HALF - c * slope * (c * c).hypgeom_2f1(acb(0.5), acb(3 - d) / 2, acb(1.5))


def _kernel(law: Law, p: float, size: acb, s: acb, r: arb, which: int, analytic: bool) -> acb:
    """outside (which = 0) or inside (1) for R₁ = size and R₀ = R₁ exp(s/k)."""
    d, beyond = law.dim, (s / law.k).expm1()
    if law.level == 2 and d > 1:
        far, near, both, gap = (
            (2 * s / law.k).expm1() * size / (2 * r),
            r / (2 * size),
            size * (2 + beyond),
            size * beyond,
        )
        x = (both + r) * (both - r) * (r + gap) * (r - gap) / (2 * size * r) ** 2  # Heron's formula
        if which == 0:
            return _cap(d, far - near, x, analytic)
        return _cap(d, (far + near) / (1 + beyond), x / (1 + beyond) ** 2, analytic)
    if law.level == INF and p == 1 and d > 1:  # ±R with probability 1/(2d) each, else uniform between
        facet = 1 / arb(2 * d)
        return facet / (1 + beyond) ** (d - 1) if which else facet + (1 - 2 * facet) * (r / size - beyond) / 2
    share = (1 + beyond / 2 - r / (2 * size)) ** (d - 1) / 2  # one scaled facet
    return share / (1 + beyond) ** (d - 1) if which else 1 - share


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
        self.mode, low = mode, mode - 11 * width - 50 / a
        high = mode + (math.log1p(11 * width + 50 / a) if self.exp else 11 * width + 50 / b)
        steps = [10 * width * (1.05**i - 1) for i in range(200)]
        inner = {y for step in steps for y in (mode - step, mode + step) if low < y < high}
        self.ends = sorted({low, high, *inner})
        tails = (self.density(acb(y)).real / abs(self.slope(acb(y)).real) for y in (low, high))
        self.beyond = sum(tails, arb(0))

    def slope(self, y: acb) -> acb:
        """The derivative of the log-density."""
        w = y.exp()
        return self.alpha - w if self.exp else self.b / (1 + w) - self.beta

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
        # w expm1(s) + b s = τ: Newton's method in the middle, then its interval form on the whole ball.
        s, change = (1 + tau / m).log().mid(), arb(1)
        while abs(change) > s * 2.0**-50:
            change = ((m * s.expm1() + self.b * s - tau) / (m * s.exp() + self.b)).mid()
            s = (s - change).mid()
        value = w * s.expm1() + self.b * s - tau
        reach = (2 * abs(value) / (m * s.exp() + self.b) + s * 2.0**-60).upper()
        guess = acb(arb(s, reach), arb(0, reach))
        found = s - value / (w * guess.exp() + self.b)
        right = y.mid().imag == 0 and guess.contains(found)
        return (found, (w + self.b) / (w * found.exp() + self.b)) if right else (NOWHERE, NOWHERE)


def _integral(radial: Radial, p: float, r: arb, tau: arb, which: int, tolerance: float) -> arb:
    """Q_v[LR ≥ t] (which = 0) or t Q[LR ≥ t] (1), without what is beyond the panels.

    With tolerance 0 an estimate by a few nodes, which proves nothing.
    """
    law = radial.law

    def parts(y: acb, analytic: bool = False) -> tuple[arb, arb, acb, acb, acb]:
        """R₀ + R₁ - r, r - (R₀ - R₁), R₁, s and its slope."""
        s, slope = radial.step(y, tau, analytic)
        size, beyond = (y / law.k).exp(), (s / law.k).expm1()
        meet, longer = (size * (2 + beyond) - r).real, size * beyond
        if not (longer.real > r or longer.real < r):  # by its value in the middle of the ball, and its slope
            m = y.mid()
            middle = (m / law.k).exp() * (radial.step(m, tau, analytic)[0] / law.k).expm1()
            longer = middle + size * ((1 + beyond) * slope - 1) / law.k * (y - m)
        return meet, (r - longer).real, size, s, slope

    def gap(y: float, side: int) -> float:
        meet, apart, *_ = parts(acb(y))
        return float((apart if side else meet).mid())

    def integrand(y: acb, analytic: bool) -> acb:
        meet, apart, size, s, slope = parts(y, analytic)
        if meet < 0 or apart < 0:
            return radial.density(y) if which == 0 and meet < 0 else acb(0)
        share = NOWHERE if analytic else UNSURE
        if meet > 0 and apart > 0:
            share = _kernel(law, p, size, s, r, which, analytic)
        return radial.density(y) * share * ((s * law.dim / law.k).exp() * slope if which else 1)

    edges, total = list(radial.ends), arb(0)
    for side in (0, 1):  # panels end at kinks
        for (a, before), (b, after) in itertools.pairwise((y, gap(y, side)) for y in radial.ends):
            if before * after < 0:
                edges.append(root(lambda y, side=side: gap(y, side), a, b))
    for a, b in itertools.pairwise(sorted(edges)):
        if tolerance:
            part = tolerance / len(edges)
            total += acb.integral(integrand, a, b, rel_tol=part, abs_tol=part, eval_limit=8000).real
        else:
            total += (b - a) * sum(integrand(acb(a + (b - a) * x), False).real * w for x, w in NODES)
    return total


def verdict(law: Law, p: float, errors: tuple[arb, arb], r: arb) -> Verdict:
    """Whether the growth functions of both errors add up to 1 or less."""
    with ctx.workprec(BITS):
        if law.level == 2 and law.dim > 1:
            r *= length_factor(2, p, law.dim)
        radial = Radial(law)
        found = [_growth(radial, p, e, r) for e in dict.fromkeys(map(float, errors))] * 2
        return compare(1 - found[0][1] - found[1][1], 1 - found[0][0] - found[1][0])


def _growth(radial: Radial, p: float, e: float, r: arb) -> tuple[arb, arb]:
    """The growth function at e, from below and from above."""
    goal = float((2 * arb(e)).erfcinv())

    def excess(tau: float) -> float:  # of normal quantiles, nearly linear in τ
        reached = float(_integral(radial, p, r, arb(tau), 1, 0.0) * (-arb(tau)).exp())
        if math.isnan(reached):  # as it may be at the smallest τ
            return -abs(goal)
        return float((2 * arb(reached)).erfcinv() if reached > 0 else 2 * abs(goal) + 1) - goal

    best, high = SMALLEST, max(-math.log(2 * e), 0.01)
    if excess(best) < 0:
        while excess(high) < 0:
            best, high = high, 2 * high
        best = root(excess, best, high)
    t, rest = arb(best).exp(), radial.beyond
    outside, inside = (_integral(radial, p, r, arb(best), i, 2.0**-68 * abs(1 - 2 * e)) for i in (0, 1))
    # Beyond the panels t Q[LR ≥ t] has no more than Q_v. G is concave, and 0 at 0.
    low = outside * (t * e / (inside + rest)).min(arb(1))
    if inside < e and best == SMALLEST and e + outside + rest < 1:  # the set where LR = 1 may have mass
        low = low.max(e + outside - inside - rest)
    return low, t * e + outside + rest - inside
