"""Three kernels: how much of a sphere lies inside a shifted level set.

X has the cone measure on the sphere of radius R, v is the worst perturbation of size r, and R₀ ≥ R₁ are
the radii of two level sets. The level-set method needs, in units of r and with q = R₀ - R₁,

    outside = P[‖X - v‖ ≥ R₀ | ‖X‖ = R₁]     (the perturbed noise, seen from its own centre),
    inside  = P[‖X - v‖ ≤ R₁ | ‖X‖ = R₀]     (the unperturbed noise),

which are (1, 0) if R₀ + R₁ ≤ r, (0, 0) if q ≥ r, and given by a kernel in between. Each kernel also
returns excess = outside - inside without cancellation, for radii so small that both are near ½. The
distances to the two limits, apart = r - q and meet = R₀ + R₁ - r, are arguments as well, because they lose
all digits when they are computed from the other two and r is much larger than R₁.
"""

import dataclasses
import math
from abc import ABC, abstractmethod
from typing import final

import numpy as np
from scipy import special

from wulff._typing import FloatArray

Overlaps = tuple[FloatArray, FloatArray, FloatArray]


@dataclasses.dataclass(frozen=True)
class Sides:
    """Triangles with the sides R₀ ≥ R₁ and r, in units of r.

    Attributes:
        radius: R₁.
        s: log(R₀/R₁).
        q: R₀ - R₁.
        apart: 1 - q.
        meet: R₀ + R₁ - 1.
    """

    radius: FloatArray
    s: FloatArray
    q: FloatArray
    apart: FloatArray
    meet: FloatArray


class Kernel(ABC):
    """Overlaps of the spheres of one norm with their translates along the worst perturbation."""

    dim: int

    @abstractmethod
    def overlaps(self, sides: Sides) -> Overlaps:
        """(outside, inside, outside - inside), where apart > 0 and meet > 0."""


@final
@dataclasses.dataclass(frozen=True)
class Spherical(Kernel):
    """Euclidean spheres, any direction of v: caps [Yang et al. 2020, theorem T.1].

    In the triangle with the sides R₀, R₁ and r the caps are bounded by the cosines of the angles at r,
    (r² - q(R₀ + R₁)) / (2 R₁ r) and (r² + q(R₀ + R₁)) / (2 R₀ r). Their cotangents have 4·area, by
    Heron's formula, in the common denominator, and the cotangent times √(d-1) is Student-distributed.
    """

    dim: int

    def overlaps(self, sides: Sides) -> Overlaps:
        freedom = self.dim - 1
        u, m = sides.apart, sides.meet
        slant = u - m * sides.q  # r² - q (R₀ + R₁)
        area = np.sqrt(u * (2 - u)) * np.sqrt(m) * np.sqrt(2 + m)
        t_outside = math.sqrt(freedom) * slant / area
        t_inside = math.sqrt(freedom) * (2 - slant) / area
        if freedom == 1:  # Cauchy; SciPy's stdtr(1, t) is off by 1e-9 near t = 0
            left, right = np.arctan(t_outside) / np.pi, np.arctan(t_inside) / np.pi
            return np.arctan2(1.0, -t_outside) / np.pi, np.arctan2(1.0, t_inside) / np.pi, left + right
        outside, inside = special.stdtr(freedom, t_outside), special.stdtr(freedom, -t_inside)
        excess = outside - inside
        small = t_inside < 0.5  # |t_outside| ≤ t_inside, up to the factor R₀/R₁
        excess[small] = self._central(t_outside[small]) + self._central(t_inside[small])
        return outside, inside, excess

    def _central(self, t: FloatArray) -> FloatArray:
        # P[0 < T < t] of Student's law.
        square = t * t
        mass = special.betainc(0.5, (self.dim - 1) / 2, square / (square + (self.dim - 1)))
        return np.copysign(0.5 * mass, t)


@final
@dataclasses.dataclass(frozen=True)
class OwnNorm(Kernel):
    """Cross-polytopes against l1, and cubes against linf: the same numbers; derived here.

    The shift r e₁ (or r (1, ..., 1)) makes ‖X - v‖ ≤ h, for |R - r| ≤ h < R + r, one scaled facet of the
    sphere: its share is ½ ((R + h - r)/(2R))^(d-1). In one dimension this is the kernel of every norm.
    """

    dim: int

    def overlaps(self, sides: Sides) -> Overlaps:
        outer, inner = 2 * sides.radius, 2 * (sides.radius + sides.q)
        log_out = (self.dim - 1) * _log_ratio(sides.meet, outer, sides.apart)
        log_in = (self.dim - 1) * _log_ratio(sides.meet, inner, 1 + sides.q)
        inside = 0.5 * np.exp(log_in)
        return 1 - 0.5 * np.exp(log_out), inside, -0.5 * (np.expm1(log_out) + np.expm1(log_in))


def _log_ratio(part: FloatArray, whole: FloatArray, rest: FloatArray) -> FloatArray:
    # log(part / whole), where part + rest = whole, from the smaller of the two.
    ratio = rest / whole
    return np.where(ratio < 0.5, np.log1p(-np.minimum(ratio, 0.5)), np.log(part / whole))


@final
@dataclasses.dataclass(frozen=True)
class CubeAgainstL1(Kernel):
    """Cubes shifted along one axis, for d ≥ 2; derived here.

    Only the shifted coordinate matters: it is ±R with probability 1/(2d) each, otherwise uniform on
    [-R, R]. Then outside = 1/(2d) + (1 - 1/d)(1 - q)/(2 R₁), inside = (R₁/R₀)^(d-1)/(2d). These are the
    limits τ → 0 from above as well: the set where the likelihood ratio is 1, which has positive mass,
    counts on neither side.
    """

    dim: int

    def overlaps(self, sides: Sides) -> Overlaps:
        facet = 1 / (2 * self.dim)
        across = (1 - 1 / self.dim) * sides.apart / (2 * sides.radius)
        shrink = -(self.dim - 1) * sides.s
        return facet + across, facet * np.exp(shrink), across - facet * np.expm1(shrink)
