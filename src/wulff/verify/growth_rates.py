"""Differential certificates [Yang et al. 2020, theorem 4.1] for cross-polytopes against l2 and linf.

The score T·D has D below δ N(0,1) in convex order. With w = ξ/T the set {T D > δ ξ} has the size E[Q(w)],
the largest mean over such a set is Φ = δ E[T φ(w)], and so

    r(e) = ∫_e^½ dp/Φ(p) = (1/δ) ∫_0^ξ(e) A/B dξ,   A = E[φ(w)/T],  B = E[T φ(w)],  E[Q(ξ(e)/T)] = e.

Expectations over y = log R^k are sums by the trapezoidal rule: for a function that is analytic for |Im y| ≤ a
and whose size there has integrals of at most M, a step h is wrong by 2M/(exp(2πa/h) - 1) or less.
"""

import functools
import math

from flint import acb, arb, ctx

from wulff.verify.balls import HALF, INF, UNKNOWN, last_true, normal_tail
from wulff.verify.level_sets import Radial
from wulff.verify.reading import Law


@functools.lru_cache(maxsize=16)
def _nodes(law: Law) -> tuple[list[tuple[arb, arb]], arb, arb]:
    """Scores in a unit, weights, what sums over them may be off for Q, T φ and φ/T, and the unit."""
    radial, k = Radial(law), law.k
    turn, growth = float(max(abs(1 - 1 / k), 1 / k)), float(radial.alpha / 2 if radial.exp else radial.b / 8)
    # |arg T| ≤ a·turn has to stay below π/4, where |exp(-w²/2)| and 2|Q(w)| are at most 1. On the lines the
    # density is at most exp(-y) times that of cos(a)·w, or cos(a/2)^-b times itself.
    a = min(0.75 / turn, math.sqrt(50 / growth), 1.0)
    h, half = 2 * math.pi * a / (growth * a * a + 55), (arb(a) / 2).cos()

    def score(y: arb) -> arb:
        w, size = y.exp(), (y / k).exp()
        return (k * w + law.j) / size if radial.exp else radial.b * k * w / (1 + w) / size

    def moment(s: arb) -> arb:
        """E[R^s]."""
        up = (radial.alpha + s / k).lgamma() - radial.alpha.lgamma()
        return (up if radial.exp else up + (radial.beta - s / k).lgamma() - radial.beta.lgamma()).exp()

    low, *_, high = radial.ends
    unit = score(arb((low + high) / 2))
    if radial.exp:
        mean, inverse = k * moment(k - 1) + (law.j * moment(arb(-1)) if law.j > 0 else 0), moment(1 - k) / k
        spread = arb(a).cos() ** -(radial.alpha + 1 + 1 / k)
    else:
        mean, inverse = radial.b * k * moment(k - 1), (moment(1 - k) + moment(arb(1))) / (radial.b * k)
        spread = half**-radial.b
    most = (1 + mean / unit + inverse * unit) * spread / half
    wrong = 2 * most / ((2 * arb.pi() * a / h).exp() - 1)
    for y in (arb(low), arb(high)):
        steep = abs(radial.slope(acb(y)).real)
        value = radial.density(acb(y)).real * (1 + score(y) / unit + unit / score(y))
        wrong += value * (h + 2 / steep) if steep > 2 * turn else arb.pos_inf()
    places = [low + h * arb(i) for i in range(int((high - low) / h) + 2)]
    return [(score(y) / unit, radial.density(acb(y)).real * h) for y in places], wrong, unit


@functools.cache
def _deviation(dim: int, p: float) -> arb:
    """δ: √(π/2), for a sign is a mean of √(π/2)·|N|; for d signs √(d + 0.7), where that is proven.

    E(δN - c)₊ is convex in c, E(S - c)₊ linear between the values of the sum S: a tangent decides.
    """
    delta, mass, tail, share = (arb(dim) + arb(7) / 10).sqrt(), arb(2) ** -dim, arb(0), arb(0)
    for m in range(dim if p == INF else 0, 0, -2):  # P[S ≥ m] and E[S; S ≥ m], for c between m - 2 and m
        tail, share = tail + mass, share + m * mass
        mass *= arb(dim + m) / (dim - m + 2)
        z = (2 * tail.mid()).erfcinv().mid() * arb(2).sqrt().mid() if tail < HALF else arb(0)
        slope = -normal_tail(z)
        touch = delta * ((-z * z / 2).exp() / (2 * arb.pi()).sqrt() + z * slope)
        if not all(touch + slope * (c - z * delta) >= share - c * tail for c in (max(m - 2, 0), m)):
            return (dim * arb.pi() / 2).sqrt()
    return delta if p == INF else (arb.pi() / 2).sqrt()


def radii(law: Law, p: float, e: arb) -> tuple[arb, arb]:
    """∫_e^½ dp/Φ(p) from below and from above."""

    def integral(sign: int) -> arb:
        nodes, wrong, unit = _nodes(law)
        if not wrong.is_finite():
            return UNKNOWN
        terms = [(-1 / (t * t * 2), w / t, w * t) for t, w in nodes]

        def ratio(xi: acb, analytic: bool) -> acb:
            powers = [(xi * xi * q).exp() for q, _, _ in terms]
            top, bottom = (
                sum((x * n[i] for x, n in zip(powers, terms, strict=True)), acb(0)) for i in (1, 2)
            )
            return (top - 3 * sign * wrong) / (bottom + 3 * sign * wrong)

        def size(xi: float) -> arb:
            return sum((w * normal_tail(math.exp(xi) / t) for t, w in nodes), -sign * wrong)

        low, high = -60.0, math.log(40 * max(float(t) for t, _ in nodes))
        if sign > 0:
            end = math.exp(last_true(lambda xi: bool(size(xi) >= e), low, high)) / 8
        else:
            end = math.exp(high - last_true(lambda rest: bool(size(high - rest) <= e), 0.0, high - low)) / 8
        parts = (
            acb.integral(ratio, end * i, end * (i + 1), rel_tol=2.0**-56, eval_limit=4000).real
            for i in range(8)
        )
        return sum(parts) / unit / _deviation(law.dim, p)

    with ctx.workprec(100):
        return integral(1), integral(-1)
