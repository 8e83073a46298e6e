"""What no smoothing can do: a bound on the radius from what it must leave recognisable.

Words as used here, after Yang et al. 2020, section 7: a smoothing is (ε, s, l)-useful for a norm if

    robust       a label of probability ½ + s is certified at every distance up to ε: G(½ - s, v) ≤ ½;
    informative  noise around two inputs that differ by 1 or more is told apart with a total variation of at
                 least l.

The unit of length is the full range of a pixel. `explicit_bound` asks for the second property along single
coordinates only. The papers' definition may differ in detail; this is how it is read here.
"""

import dataclasses
import functools
import math

import numpy as np
from scipy import special

from wulff.errors import InputError
from wulff.geometry.bodies import check_body_dim
from wulff.geometry.cotype import cotype_constant
from wulff.norms import Norm


@dataclasses.dataclass(frozen=True)
class PublishedLimit:
    """A limit that is known up to a factor.

    Attributes:
        source: Paper and theorem.
        statement: The limit in words.
        order: Its dependence on norm and dimension: ε ≤ c(s, l) · order.
        constant: What the theory says of c(s, l).
    """

    source: str
    statement: str
    order: float
    constant: str


OPEN = "left open by the theory: it depends on s and l only"


def published_limits(norm: Norm | str, dim: int) -> tuple[PublishedLimit, PublishedLimit]:
    """The two published forms: for any norm by its cotype-2 constant, and for l_p by the dimension.

    For p ≥ 2 they agree, because the constant of l_p^d is d^(1/2 - 1/p). For p < 2 neither depends on d.
    """
    norm, dim = Norm.parse(norm), check_body_dim(dim)
    constant = cotype_constant(norm, dim)
    general = PublishedLimit(
        "Yang et al. 2020, theorem 7.3", "ε = O(1/C₂), C₂ the cotype-2 constant", 1 / constant.low, OPEN
    )
    if norm.p < 1:
        raise InputError(f"limits are known against norms lp(p) with p ≥ 1, got {norm}.", "norm")
    power = min(1.0, dim ** (1 / norm.p - 0.5))
    special_case = PublishedLimit(
        "Yang et al. 2020, corollary 7.4", "ε = O(min(1, d^(1/p - 1/2)))", power, OPEN
    )
    return general, special_case


def explicit_bound(norm: Norm | str, dim: int, s: float, l: float) -> float:  # noqa: E741
    """A number that ε cannot exceed, for every smoothing and every dimension; derived here.

    Noise may depend on the input. For every number k ≤ d of coordinates and u = 1 + τ|g| with a normal g,

        ε ≤ √((6c/M) Λ) · k^(1/p - 1/2),   Λ = -log(1 - M(1 - κ)/h),   as long as Λ < 1.52 k,

    with c = E u²/2, M the largest 1 - E cos(ux), h = 1 - √(1 - l²), κ from `least_affinity`, if M(1 - κ) < h.
    The least bound over τ and k is returned, and ∞ if there is none: where s is too large for l, mixtures of
    no noise and endless noise are robust at every distance. The proof is that of theorem 18 in
    docs/derivations.md.

    Args:
        norm: The adversary's norm.
        dim: The number of input coordinates.
        s: The margin, in (0, ½).
        l: The total variation between inputs that differ by 1 or more in one coordinate, in (0, 1].

    Raises:
        InputError: An argument is outside its range.
    """
    norm, dim = Norm.parse(norm), check_body_dim(dim)
    affinity = least_affinity(check_margin(s))
    told_apart = check_variation(l) ** 2 / (1 + math.sqrt(1 - l**2))
    best = math.inf
    for spread in np.concatenate([[0.0], np.geomspace(0.05, 20, 25)]):
        highest, curvature = _test_law(float(spread))
        if highest * (1 - affinity) >= told_apart:
            continue
        needed = -math.log1p(-highest * (1 - affinity) / told_apart)
        smallest = math.floor(needed / 1.52) + 1
        count = dim if norm.p >= 2 else smallest
        if smallest <= dim:
            rate = math.sqrt(6 * curvature / highest * needed)
            best = min(best, rate * count ** (1 / norm.p - 0.5))
    return best * (1 + 1e-9)


def least_affinity(s: float) -> float:
    """The least K(v) of a shift with G(e, v) ≤ ½, e = ½ - s; derived here.

    K(v) = ∫ √(q(z) q(z - v)) dz is the affinity of both laws. It is at least the least of
    √m (1 + 2me)/(1 + m) over slopes 1 ≤ m ≤ 1/(2e), by theorem 19 in docs/derivations.md.
    """
    error = 0.5 - s
    # Stationary points of log K solve 2e m² + (6e - 1) m + 1 = 0.
    slopes = [1.0, 1 / (2 * error)]
    roots = np.roots([2 * error, 6 * error - 1, 1.0])
    slopes += [float(root.real) for root in roots if abs(root.imag) < 1e-12 and 1 < root.real < slopes[1]]
    return min(math.sqrt(m) * (1 + 2 * m * error) / (1 + m) for m in slopes) * (1 - 1e-12)


@functools.lru_cache(maxsize=256)
def _test_law(spread: float) -> tuple[float, float]:
    """(M, c) of u = 1 + spread · |g|: the largest 1 - E cos(ux), rounded up, and E u²/2."""
    mean = 1 + spread * math.sqrt(2 / math.pi)
    curvature = 0.5 * (1 + 2 * spread * math.sqrt(2 / math.pi) + spread**2)
    if spread == 0:
        return 2.0, curvature
    # E e^(iux) = e^(ix) w(spread·x/√2) with Faddeeva's w, whose size falls. The derivative is at most E u.
    step = 5e-3 / mean
    largest = end = 0.0
    while largest < 1 + abs(special.wofz(spread * end / math.sqrt(2))):
        x = end + step * np.arange(2001)
        transform = np.exp(1j * x) * special.wofz(spread * x / math.sqrt(2))
        largest = max(largest, float(1 - transform.real.min()))
        end = float(x[-1])
    return largest + 0.5 * mean * step, curvature


def check_margin(s: float) -> float:
    """s as a float; refuses what is not in (0, ½)."""
    if not 0 < s < 0.5:
        raise InputError(
            f"s must lie in (0, 0.5), got {s!r}; it is the label's probability less one half.", "s"
        )
    return float(s)


def check_variation(l: float) -> float:  # noqa: E741
    """l as a float; refuses what is not in (0, 1]."""
    if not 0 < l <= 1:
        raise InputError(f"l must lie in (0, 1], got {l!r}; it is a total variation.", "l")
    return float(l)
