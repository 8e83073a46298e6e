"""Three kernels: how much of a sphere lies inside a shifted level set.

X has the cone measure on the sphere of radius R, v is the worst perturbation of size r, and R₀ ≥ R₁ are
the radii of two level sets. The level-set method needs, in units of r and with q = R₀ - R₁,

    outside = P[‖X - v‖ ≥ R₀ | ‖X‖ = R₁]     (the perturbed noise, seen from its own centre),
    inside  = P[‖X - v‖ ≤ R₁ | ‖X‖ = R₀]     (the unperturbed noise),

which are (1, 0) if R₀ + R₁ ≤ r, (0, 0) if q ≥ r, and given by a kernel in between. Each kernel also
returns excess = outside - inside without cancellation, for radii so small that both are near ½.
"""

import dataclasses
import math
from abc import ABC, abstractmethod
from typing import final

import numpy as np
from scipy import special

from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray

Overlaps = tuple[FloatArray, FloatArray, FloatArray]


class Kernel(ABC):
    """Overlaps of the spheres of one norm with their translates along the worst perturbation."""

    dim: int

    @abstractmethod
    def overlaps(self, radius: FloatArray, s: FloatArray, q: FloatArray) -> Overlaps:
        """(outside, inside, outside - inside), for 0 ≤ q < 1 < R₀ + R₁.

        Args:
            radius: R₁ / r.
            s: log(R₀ / R₁).
            q: (R₀ - R₁) / r.
        """


@final
@dataclasses.dataclass(frozen=True)
class Spherical(Kernel):
    """Euclidean spheres, any direction of v: caps [Yang et al. 2020, theorem T.1].

    In the triangle with the sides R₀, R₁ and r the caps are bounded by the cosines of the angles at r,
    (r² - q(R₀ + R₁)) / (2 R₁ r) and (r² + q(R₀ + R₁)) / (2 R₀ r). Their cotangents have 4·area, by
    Heron's formula, in the common denominator, and the cotangent times √(d-1) is Student-distributed.
    """

    dim: int

    def overlaps(self, radius: FloatArray, s: FloatArray, q: FloatArray) -> Overlaps:
        freedom = self.dim - 1
        both = 2 * radius + q
        area = np.sqrt((1 - q) * (1 + q)) * np.sqrt(np.maximum(both - 1, 1e-300)) * np.sqrt(both + 1)
        slant = q * both
        t_outside = math.sqrt(freedom) * (1 - slant) / area
        t_inside = math.sqrt(freedom) * (1 + slant) / area
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

    def overlaps(self, radius: FloatArray, s: FloatArray, q: FloatArray) -> Overlaps:
        power = self.dim - 1
        log_out = power * np.log1p(np.maximum((q - 1) / (2 * radius), -1.0 + EPSILON))
        # (R₀ + R₁ - r)/(2 R₀) = 1 - (q + 1)/(2 R₀)
        log_in = power * np.log1p(np.maximum(-(q + 1) / (2 * (radius + q)), -1.0 + EPSILON))
        inside = 0.5 * np.exp(log_in)
        return 1 - 0.5 * np.exp(log_out), inside, -0.5 * (np.expm1(log_out) + np.expm1(log_in))


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

    def overlaps(self, radius: FloatArray, s: FloatArray, q: FloatArray) -> Overlaps:
        facet = 1 / (2 * self.dim)
        across = (1 - 1 / self.dim) * (1 - q) / (2 * radius)
        shrink = -(self.dim - 1) * s
        return facet + across, facet * np.exp(shrink), across - facet * np.expm1(shrink)
