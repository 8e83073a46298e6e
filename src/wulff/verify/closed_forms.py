"""Certificates whose inequality is a formula.

Of a law, the p of the adversary's norm, an error e and a radius r at scale 1: a margin that is ≥ 0 if and
only if the theorem certifies all perturbations smaller than r.
"""

from collections.abc import Callable
from typing import Final

from flint import acb, arb, ctx

from wulff.verify.balls import HALF, INF, UNKNOWN, last_true, normal_tail
from wulff.verify.reading import Law, length_factor

Margin = Callable[[Law, float, arb, arb], arb]


def _uniform(law: Law, p: float, e: arb, r: arb) -> arb:
    """The overlap Π(1 - |v_i|/2) of two cubes is at least ½ + e for the worst v of size r.

    One coordinate for p = 1, all equal for p ≥ 2 [Yang et al. 2020, table A.1].
    In between Σ f(x_i) ≥ (r/2)^p where Σ x_i = -log(½ + e), f(x) = (1 - e^-x)^p: all are equal,
    or one is a y ≥ log p and the others share the rest. On an interval of y the sum is at least
    that with y at its lower end and the others as at the upper; intervals are halved until that is
    enough, or proven too small.
    """
    d, total = law.dim, -(HALF + e).log()
    if law.scales is not None:  # each coordinate of a box moves by r, in units of its own
        steps = [1 - r / 2 / scale for scale in law.scales if scale > 0]
        return sum((step.log() for step in steps), total) if all(step > 0 for step in steps) else arb(-1)
    if p == 1 or d == 1:
        return HALF - e - r / 2
    equal = 1 - r / 2 / (1 if p == INF else arb(d) ** (1 / arb(p)))
    margin = d * equal.log() + total if equal > 0 else equal - 1
    if p >= 2 or not margin >= 0:
        return margin

    def value(y: arb, z: arb) -> arb:
        rest = ((total - z) / (d - 1)).max(arb(0))
        return (1 - (-y).exp()) ** arb(p) + (d - 1) * (1 - (-rest).exp()) ** arb(p) - (r / 2) ** arb(p)

    pending = [((total / d).max(arb(p).log()).lower(), total.upper())]
    for _ in range(20_000):
        if not pending:
            return margin
        low, high = pending.pop()
        middle = ((low + high) / 2).mid()
        if value(middle, middle) < 0:
            return value(middle, middle)
        if not (low > total or value(low, high) >= 0):
            pending += [(low, middle), (middle, high)]
    return UNKNOWN


def _ball(law: Law, p: float, e: arb, r: arb) -> arb:
    """The overlap of two balls at the distance of the longest v is at least ½ + e [Yang et al. 2020, S.1]."""
    half = r * length_factor(2, p, law.dim) / 2
    return HALF - e - (half * half).beta_lower(HALF, (arb(law.dim) + 1) / 2, 1) if half < 1 else 1 - half


def _cube_l1(law: Law, p: float, e: arb, r: arb) -> arb:
    """2d(½ - e) ≥ r E[T] for e ≥ 1/(2d), T = h'(R); below, for exp(-‖z‖∞), d - 1 - log(2d e) ≥ r."""
    if 2 * law.dim * e < 1:
        return law.dim - 1 - (2 * law.dim * e).log() - r if law.plain else UNKNOWN
    step, power = 1 / law.k, law.name[0] == "p"
    alpha = (law.dim if power else law.dim - law.j) / law.k
    mean = law.k * ((alpha + 1 - step).lgamma() - alpha.lgamma()).exp()
    if power:
        mean *= ((law.a - alpha + step).lgamma() - (law.a - alpha).lgamma()).exp()
    elif law.j > 0:
        mean += law.j * ((alpha - step).lgamma() - alpha.lgamma()).exp() if alpha > step else arb.pos_inf()
    return 2 * law.dim * (HALF - e) - r * mean


def _cube_l2(law: Law, p: float, e: arb, r: arb) -> arb:
    """∫ dm/√(⌊m⌋ + frac(m)²) from 2d·e to d is at least r, for the density exp(-‖z‖∞)."""
    start = 2 * law.dim * e
    n = start.floor().unique_fmpz() if law.plain else None
    if n is None:
        return UNKNOWN
    ends = [(1 / arb(i).sqrt()).asinh() for i in range(max(int(n), 1), law.dim)]
    return sum(ends, -((start - n) / arb(n).sqrt()).asinh() if n > 0 else -start.log()) - r


def _sphere_l2(law: Law, p: float, e: arb, r: arb) -> arb:
    """P[θ₁ > tanh(r/(d-1))] ≥ e on the sphere, for the density exp(-‖z‖₂) [Yang et al. 2020, table A.1]."""
    if not law.plain or law.dim == 1:
        return logarithm(law, p, e, r)
    t = (r / (law.dim - 1)).tanh()
    return (1 - t * t).beta_lower((arb(law.dim) - 1) / 2, HALF, 1) / 2 - e


def _cross_polytope_linf(law: Law, p: float, e: arb, r: arb) -> arb:
    """∫_e^½ dp/Φ(p) ≥ r, Φ the top mean of a sum S of d signs, for the density exp(-‖z‖₁).

    Between the tails P[S > m], Φ is linear with the slope m: a piece adds log(Φ(high)/Φ(low))/m.
    """
    d, m, total, high = law.dim, law.dim % 2, arb(0), HALF
    mass = arb.bin_uiui(d, (d + m) // 2) / arb(2) ** d
    above = HALF - mass / (1 if m else 2)
    growth = mass * (d - m) / 2 + m * (high - above)
    while law.plain:
        share = mass * (d - m) / 2  # E[S; S > m]
        end, at_end = (above, share) if above >= e else (e, share + m * (e - above))
        total += (growth / at_end).log() / m if m else (high - end) / growth
        if not above >= e:
            return total - r
        high, growth, m, mass = above, share, m + 2, mass * (d - m) / (d + m + 2)
        above -= mass
    return UNKNOWN


def logarithm(law: Law, p: float, e: arb, r: arb) -> arb:
    """exp(-r)/2 ≥ e where the likelihood ratio is at most exp(r), on half of the space [Teng et al. 2019]."""
    return (-r).exp() / 2 - e if law.name == "laplace" or law.plain else UNKNOWN


def convex_potential(law: Law, p: float, e: arb) -> tuple[arb, arb]:
    """∫_c^∞ dz/(e^(φ(z) - φ(0)) - 1) from below and above, P[0 < Z₁ < c] = e, φ concave [Yang et al., M.2].

    For Pareto noise, u = (1 + z)^-a makes it ∫_0^(1-2e) du/(1 - u^(1+1/a))/a, a hypergeometric function. For
    exp(-z^p), z^p = e^x makes it ∫ e^(s x)/(exp(e^x) - 1) dx · s from p log c, s = 1/p.
    """
    if law.name == "pareto":
        u, b = 1 - 2 * e, law.a / (law.a + 1)
        radius = (u ** (1 / b)).hypgeom_2f1(1, b, b + 1, abc=True) * u / law.a
        return radius, radius
    s, end = 1 / law.p, 8.0
    if law.p >= 1 or s > 500:
        return UNKNOWN, UNKNOWN

    def beyond(x: float) -> arb:
        part = acb.integral(lambda y, _: (s * y).exp() / y.exp().expm1(), x, end).real
        return s * (part + arb(0).union(2 * (s * end - arb(end).exp()).exp()))

    with ctx.workprec(200):
        above = last_true(lambda x: bool(arb(-x).exp().gamma_lower(s, 1) > 2 * e), -end, 700.0)
        below = last_true(lambda x: bool(arb(x).exp().gamma_lower(s, 1) < 2 * e), -700.0, end)
        return beyond(-above), beyond(below)


def _normal(factor: Callable[[Law, float], arb]) -> Margin:
    """P[N(0,1) > factor · r] ≥ e."""
    return lambda law, p, e, r: normal_tail(r * factor(law, p)) - e


def _coordinate(law: Law, p: float, e: arb, r: arb) -> arb:
    """P[Z₁ > r] ≥ e for log-concave coordinates against l1 [Yang et al. 2020, theorem M.1]."""
    return (r**law.p).gamma_upper(1 / law.p, 1) / 2 - e if law.p >= 1 else UNKNOWN


_gaussian = _normal(lambda law, p: length_factor(2, p, law.dim))  # the longest v [Cohen et al. 2019]
FORMS: Final[dict[tuple[str, str, float | None], Margin]] = {
    **{("gaussian", name, None): _gaussian for name in ("closed-form", "lecuyer-2019", "li-2019")},
    # The score is below M √(π/2) N(0,1) in convex order, M its largest size.
    ("laplace", "convex-order", 2.0): _normal(lambda law, p: (arb.pi() / 2).sqrt()),
    ("pareto", "convex-order", 2.0): _normal(lambda law, p: (1 + law.a) * (arb.pi() / 2).sqrt()),
    ("gaussian", "quantile", 1.0): _gaussian,
    ("laplace", "quantile", 1.0): logarithm,
    ("uniform", "quantile", 1.0): _uniform,
    ("exp-lp", "quantile", 1.0): _coordinate,
    ("laplace", "closed-form", 1.0): logarithm,
    ("uniform", "closed-form", None): _uniform,
    ("uniform", "one-large-coordinate", None): _uniform,
    ("ball", "closed-form", None): _ball,
    ("exp-l1", "closed-form", 1.0): logarithm,
    ("exp-l1", "closed-form", INF): _cross_polytope_linf,
    ("exp-l2", "closed-form", 2.0): _sphere_l2,
    ("exp-linf", "closed-form", INF): logarithm,
    ("exp-linf", "closed-form", 2.0): _cube_l2,
    ("exp-linf", "closed-form", 1.0): _cube_l1,
    ("power-linf", "closed-form", 1.0): _cube_l1,
}
