"""Certificates whose inequality is a formula: closed forms, uniform laws, quantiles.

Every function takes a law, the p of the adversary's norm, an error e and a radius r at scale 1, and returns a
margin that is ≥ 0 if and only if the theorem certifies every perturbation smaller than r at the error e.
"""

from flint import arb

from wulff.verify.balls import HALF, INF, UNKNOWN, normal_tail
from wulff.verify.reading import Law, length_factor


def gaussian(law: Law, p: float, e: arb, r: arb) -> arb:
    """P[N > ‖v‖₂] ≥ e for the longest v in the ball [Cohen et al. 2019, theorem 1]."""
    return normal_tail(r * length_factor(2, p, law.dim)) - e


def logarithm(law: Law, p: float, e: arb, r: arb) -> arb:
    """exp(-r)/2 ≥ e where the likelihood ratio is at most exp(r) [Teng et al. 2019]."""
    return (-r).exp() / 2 - e if law.name == "laplace" or law.plain else UNKNOWN


def convex_order(law: Law, p: float, e: arb, r: arb) -> arb:
    """The score is below M √(π/2) N(0,1) in convex order: M = 1 for Laplace, 1 + a for Pareto."""
    largest = 1 if law.name == "laplace" else 1 + law.a
    return normal_tail(r * largest * (arb.pi() / 2).sqrt()) - e


def quantile(law: Law, p: float, e: arb, r: arb) -> arb:
    """P[Z₁ > r] ≥ e for log-concave coordinates against l1 [Yang et al. 2020, theorem M.1]."""
    tails = {
        "gaussian": lambda: normal_tail(r),
        "laplace": lambda: (-r).exp() / 2,
        "uniform": lambda: (1 - r) / 2,
        "exp-lp": lambda: (r**law.p).gamma_upper(1 / law.p, 1) / 2 if law.p >= 1 else UNKNOWN,
    }
    return tails[law.name]() - e


def uniform(law: Law, p: float, e: arb, r: arb) -> arb:
    """The overlap Π(1 - |v_i|/2) of two cubes is at least ½ + e for the worst v of size r.

    One coordinate for p = 1, all equal for p ≥ 2 [Yang et al. 2020, table A.1]; in between x_i =
    -log(1 - |v_i|/2) has to be such that Σ f(x_i) ≥ (r/2)^p for every x ≥ 0 with Σ x_i = -log(½ + e).
    """
    if p == 1 or law.dim == 1:
        return HALF - e - r / 2
    equal = 1 - r / 2 / (1 if p == INF else arb(law.dim) ** (1 / arb(p)))
    if not equal > 0:
        return equal - 1
    all_equal = law.dim * equal.log() - (HALF + e).log()
    return all_equal if p >= 2 or all_equal < 0 else all_equal.min(_one_large(law.dim, arb(p), e, r))


def _one_large(d: int, p: arb, e: arb, r: arb) -> arb:
    """A margin for x = (y, m, ..., m), m = (L - y)/(d - 1), for y from log p, where f turns concave, to L.

    f(x) = (1 - exp(-x))^p is increasing, so that on an interval of y the sum is at least f(low) + (d-1) f(the
    smallest m); intervals are halved until that is enough, or one end is proven to be too small.
    """
    total, target = -(HALF + e).log(), (r / 2) ** p

    def f(x: arb) -> arb:
        return (-(-x).expm1()) ** p if x > 0 else arb(0)

    def value(y: arb, z: arb) -> arb:
        return f(y) + (d - 1) * f((total - z) / (d - 1)) - target

    pending = [((total / d).max(p.log()).mid(), total.upper())]
    for _ in range(20_000):
        if not pending:
            return arb(1)
        low, high = pending.pop()
        if low > total or value(low, high) >= 0:
            continue
        middle = ((low + high) / 2).mid()
        if value(middle, middle) < 0:
            return arb(-1)
        pending += [(low, middle), (middle, high)]
    return UNKNOWN


def ball(law: Law, p: float, e: arb, r: arb) -> arb:
    """The overlap of two balls at the distance of the longest v is at least ½ + e [Yang et al. 2020, S.1]."""
    half = r * length_factor(2, p, law.dim) / 2
    if not half < 1:
        return 1 - half
    return HALF - e - (half * half).beta_lower(HALF, (arb(law.dim) + 1) / 2, 1)


def mean_score(law: Law) -> arb:
    """E[T], T = h'(R): k R^(k-1) + j/R, or a k R^(k-1)/(1 + R^k)."""
    if law.name.startswith("power"):
        alpha = law.dim / law.k
        beta, step = law.a - alpha, 1 / law.k
        logs = (alpha + 1 - step).lgamma() + (beta + step).lgamma() - alpha.lgamma() - beta.lgamma()
        return law.k * logs.exp()
    alpha, step = (law.dim - law.j) / law.k, 1 / law.k
    own = law.k * ((alpha + 1 - step).lgamma() - alpha.lgamma()).exp()
    if law.j == 0:
        return own
    return own + law.j * ((alpha - step).lgamma() - alpha.lgamma()).exp() if alpha > step else arb.pos_inf()


def cube_l1(law: Law, p: float, e: arb, r: arb) -> arb:
    """2d(½ - e) ≥ r E[T] for e ≥ 1/(2d); d - 1 - log(2d e) ≥ r below, for the density exp(-‖z‖∞)."""
    if 2 * law.dim * e >= 1:
        return 2 * law.dim * (HALF - e) - r * mean_score(law)
    return law.dim - 1 - (2 * law.dim * e).log() - r if law.plain else UNKNOWN


def cube_l2(law: Law, p: float, e: arb, r: arb) -> arb:
    """∫ dm/√(⌊m⌋ + frac(m)²) from 2d·e to d is at least r, for the density exp(-‖z‖∞)."""
    if not law.plain:
        return UNKNOWN
    start = 2 * law.dim * e
    n = start.floor().unique_fmpz()
    if n is None:
        return UNKNOWN
    part = start - n
    first = (1 / arb(n).sqrt()).asinh() - (part / arb(n).sqrt()).asinh() if n > 0 else -start.log()
    return first + sum(((1 / arb(i).sqrt()).asinh() for i in range(int(n) + 1, law.dim)), arb(0)) - r


def sphere_l2(law: Law, p: float, e: arb, r: arb) -> arb:
    """P[θ₁ > tanh(r/(d-1))] ≥ e on the sphere, for the density exp(-‖z‖₂) [Yang et al. 2020, table A.1]."""
    if not law.plain or law.dim == 1:
        return logarithm(law, p, e, r)
    t = (r / (law.dim - 1)).tanh()
    return (1 - t * t).beta_lower((arb(law.dim) - 1) / 2, HALF, 1) / 2 - e


def cross_polytope_linf(law: Law, p: float, e: arb, r: arb) -> arb:
    """∫_e^½ dp/Φ(p) ≥ r, Φ the top mean of a sum of d signs, for the density exp(-‖z‖₁).

    Between the tails P[S > m] of the sum, Φ is linear with the slope m: a piece adds log(Φ(high)/Φ(low))/m.
    """
    if not law.plain:
        return UNKNOWN
    d, total = law.dim, arb(0)
    high, growth, m = HALF, None, d % 2
    mass = arb.bin_uiui(d, (d + m) // 2) / arb(2) ** d
    above = (1 - mass) / 2 if m == 0 else HALF - mass
    while True:
        share = mass * (d - m) / 2  # E[S; S > m]
        growth = share + m * (high - above) if growth is None else growth
        end, at_end = (above, share) if above >= e else (e, share + m * (e - above))
        total += (growth / at_end).log() / m if m else (high - end) / growth
        if not above >= e:
            return total - r
        high, growth, m = above, share, m + 2
        mass *= arb(d - m + 2) / (d + m)
        above -= mass


def convex_potential(law: Law, p: float, e: arb, r: arb) -> arb:
    """∫_c^∞ dz/(exp(φ(z) - φ(0)) - 1) ≥ r with P[0 < Z₁ < c] = e, φ concave [Yang et al. 2020, M.2]; Pareto.

    With u = (1 + z)^-a it is ∫_0^(1-2e) du/(1 - u^(1+1/a))/a, a hypergeometric function.
    """
    u, b = 1 - 2 * e, law.a / (law.a + 1)
    return (u ** (1 / b)).hypgeom_2f1(1, b, b + 1, abc=True) * u / law.a - r
