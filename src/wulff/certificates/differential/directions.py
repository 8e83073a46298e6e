"""Directions: the law of D = ⟨u, n(θ)⟩ for the worst u in the unit ball of the adversary's norm.

n is the gradient of the level-set norm at a point θ of its unit sphere. In the score γ = T·D of a
norm-radial noise the radial factor T is independent of D. Each direction is given by two functions of a
threshold s ≥ 0: its tail P[D > s], and its share E[D; D > s], the largest mean over a set of that size.
Where no single u is worst for all sets, D is a law above them all in convex order.
"""

import dataclasses
import functools
import math
from typing import Protocol, final

import numpy as np
from scipy import special

from wulff._numerics.gammas import log_gamma_ratio
from wulff._typing import FloatArray
from wulff.norms import Norm


class Direction(Protocol):
    """The law of D: symmetric, and possibly with an atom at 0."""

    @property
    def mass(self) -> float:
        """P[D > 0]: beyond this size of the set the share does not grow."""
        ...

    @property
    def kinks(self) -> tuple[float, ...]:
        """The thresholds s at which tail or share is not analytic."""
        ...

    def tail(self, s: FloatArray) -> FloatArray:
        """P[D > s], for s ≥ 0."""
        ...

    def share(self, s: FloatArray) -> FloatArray:
        """E[D; D > s], for s ≥ 0."""
        ...


@final
@dataclasses.dataclass(frozen=True)
class Signs:
    """D = ±1 with probability `mass` each, and 0 otherwise.

    ½: ⟨(1, ..., 1), sign(θ_I) e_I⟩ (cubes against linf), ⟨e₁, sign θ⟩ (cross-polytopes against l1), and all
    cells in one dimension. 1/(2d): ⟨e₁, sign(θ_I) e_I⟩ (cubes against l1).
    """

    mass: float
    kinks: tuple[float, ...] = (1.0,)

    def tail(self, s: FloatArray) -> FloatArray:
        return np.where(s < 1, self.mass, 0.0)

    def share(self, s: FloatArray) -> FloatArray:
        return np.where(s < 1, self.mass, 0.0)


@final
@dataclasses.dataclass(frozen=True)
class Sphere:
    """D = θ₁ on the Euclidean sphere: share C(1-s²)^((d-1)/2) with C = Γ(d/2)/(√π (d-1) Γ((d-1)/2))."""

    dim: int
    mass: float = 0.5
    kinks: tuple[float, ...] = (1.0,)

    def tail(self, s: FloatArray) -> FloatArray:
        inside = np.minimum(s, 1.0)
        with np.errstate(divide="ignore"):
            student = inside * np.sqrt((self.dim - 1) / ((1 - inside) * (1 + inside)))
        return special.stdtr(self.dim - 1, -student)

    def share(self, s: FloatArray) -> FloatArray:
        half = (self.dim - 1) / 2
        constant = math.exp(log_gamma_ratio(half, 0.5)) / (math.sqrt(math.pi) * (self.dim - 1))
        inside = np.minimum(s, 1.0)
        with np.errstate(divide="ignore"):
            return constant * np.exp(half * (np.log1p(-inside) + np.log1p(inside)))


@final
@dataclasses.dataclass(frozen=True)
class Normal:
    """D = deviation·N(0,1), above sums of random signs in convex order; derived here.

    √(π/2) is enough for every ⟨u, signs⟩ with ‖u‖₂ = 1: a random sign is the conditional mean
    √(π/2)·E[g | sign g] of a normal g; apply Jensen's inequality. For the sum of many signs see
    `sign_sum_deviation`.
    """

    deviation: float = math.sqrt(math.pi / 2)
    mass: float = 0.5
    kinks: tuple[float, ...] = ()

    def tail(self, s: FloatArray) -> FloatArray:
        return special.ndtr(-s / self.deviation)

    def share(self, s: FloatArray) -> FloatArray:
        return self.deviation / math.sqrt(2 * math.pi) * np.exp(-((s / self.deviation) ** 2) / 2)


@final
@dataclasses.dataclass(frozen=True)
class Axes:
    """Above every u_I·sign with ‖u‖₂ = 1 and I a uniform coordinate (cubes against l2); derived here.

    On a set of size p = m/(2d) the mean is at most m/(2d) for m ≤ 1, and by Cauchy–Schwarz √m/(2d) for
    1 ≤ m ≤ d. The bound is concave in p, so it is the share of a law: an atom 1/(2d) at D = 1 and
    P[D > s] = 1/(8ds²) between 1/(2√d) and ½.
    """

    dim: int
    mass: float = 0.5

    @property
    def kinks(self) -> tuple[float, ...]:
        return (1.0, 0.5, 0.5 / math.sqrt(self.dim))

    def tail(self, s: FloatArray) -> FloatArray:
        inner = np.clip(s, 0.5 / math.sqrt(self.dim), 0.5)
        size = np.where(s < 0.5, 1 / (8 * self.dim * inner**2), 0.5 / self.dim)
        return np.where(s < 1, np.where(s <= self.kinks[2], 0.5, size), 0.0)

    def share(self, s: FloatArray) -> FloatArray:
        inner = np.clip(s, 0.5 / math.sqrt(self.dim), 0.5)
        return np.where(s < 1, 1 / (4 * self.dim * inner), 0.0)


@final
@dataclasses.dataclass(frozen=True)
class SignSum:
    """D = 2·Binomial(d, ½) - d: ⟨(1, ..., 1), sign θ⟩ (cross-polytopes against linf)."""

    dim: int

    @property
    def kinks(self) -> tuple[float, ...]:
        return tuple(float(m) for m in range(self.dim, 0, -2))

    @property
    def mass(self) -> float:
        return float(self.tail(np.zeros(1))[0])

    def tail(self, s: FloatArray) -> FloatArray:
        # D > s means at least `count` positive signs.
        count = np.floor((np.minimum(s, self.dim) + self.dim) / 2) + 1
        return special.betainc(count, np.maximum(self.dim - count + 1, 1e-9), 0.5) * (count <= self.dim)

    def share(self, s: FloatArray) -> FloatArray:
        # E[D; D > s] = d·P[Binomial(d - 1, ½) = count - 1]/2, by the absorption identity.
        count = np.floor((np.minimum(s, self.dim) + self.dim) / 2) + 1
        trials = self.dim - 1
        inside = np.minimum(count - 1, trials)
        log_choose = (
            special.gammaln(trials + 1) - special.gammaln(inside + 1) - special.gammaln(trials - inside + 1)
        )
        return self.dim / 2 * np.exp(log_choose - trials * math.log(2)) * (count <= self.dim)


@functools.cache
def sign_sum_deviation(dim: int) -> float:
    """A deviation for which a normal law is above the sum of `dim` signs in convex order; derived here.

    √(dim + 0.7) is, for every dimension: E(N - c)₊ ≥ E(D - c)₊ is checked for all c at which the tail of D
    is not below 1e-300. The second is linear between two atoms and the first convex, so that their
    difference is least where the two slopes, the tails, are the same. Otherwise √(π/2 · dim), by Jensen.
    """
    law, deviation = SignSum(dim), math.sqrt(dim + 0.7)
    left = np.maximum(np.arange(dim % 2 - 2.0, dim, 2.0), 0.0)
    tail = law.tail(left)
    left, tail = left[tail > 1e-300], tail[tail > 1e-300]
    right = 2 * np.floor((left + dim % 2) / 2) + 2 - dim % 2
    c = np.clip(-special.ndtri(np.minimum(tail, 0.5)) * deviation, left, right)
    share, z = law.share(left), c / deviation
    above_normal = (
        deviation
        * np.exp(-(z**2) / 2)
        * (1 / math.sqrt(2 * math.pi) - z / 2 * special.erfcx(z / math.sqrt(2)))
    )
    proven = above_normal >= (share - c * tail) * (1 + 1e-9) + 1e-14 * share
    return deviation if proven.all() else math.sqrt(math.pi / 2 * dim)


def direction(level: Norm, adversary: Norm, dim: int) -> tuple[Direction, float] | None:
    """The direction for level sets of one norm and the ball of another, and a factor on D.

    For cross-polytopes against linf in more than 24 dimensions the sum of signs is replaced by a normal law
    above it. None for other norms.
    """
    if dim == 1:
        return Signs(0.5), 1.0
    if level == Norm.L2:
        # The longest vector of the l1 ball is e₁, that of the linf ball (1, ..., 1); rotations do not matter.
        return Sphere(dim), dim ** max(0.0, 0.5 - 1 / adversary.p)
    cells: dict[tuple[Norm, Norm], Direction] = {
        (Norm.L1, Norm.L1): Signs(0.5),
        (Norm.L1, Norm.L2): Normal(),
        (Norm.LINF, Norm.L1): Signs(0.5 / dim),
        (Norm.LINF, Norm.L2): Axes(dim),
        (Norm.LINF, Norm.LINF): Signs(0.5),
    }
    cells[(Norm.L1, Norm.LINF)] = SignSum(dim) if dim <= 24 else Normal(sign_sum_deviation(dim))
    cell = cells.get((level, adversary))
    return None if cell is None else (cell, 1.0)
