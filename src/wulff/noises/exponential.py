"""Exponential noise, density ∝ ‖z‖^-j exp(-‖z‖^k), with level sets of three shapes.

Yang et al. 2020, appendix N; with a pole, Zhang et al. 2020, equations 10 (exp-l1, k = 1), 11 (exp-l2,
k = 2, scale = √2·σ₀) and 12 (exp-linf, k = 2).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from scipy import special

from wulff._numerics.gammas import expm1_minus, gamma_peak, log_gamma_ratio, trigamma
from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray
from wulff.noises.base import NormRadialNoise
from wulff.noises.catalogue import register
from wulff.noises.domains import POLE, POSITIVE_POWER
from wulff.noises.draws import draw_log_gamma
from wulff.noises.level_sets import NOWHERE, Profile
from wulff.noises.radial import RadialLaw
from wulff.noises.randomness import Random, for_blocks
from wulff.norms import Norm

if TYPE_CHECKING:
    from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Exponential(NormRadialNoise):
    """Density proportional to ‖z/scale‖^-j · exp(-‖z/scale‖^k).

    Attributes:
        j: The order of the pole at 0.
        k: The power of the norm in the exponent.
    """

    j: float = dataclasses.field(default=0.0, metadata=POLE)
    k: float = dataclasses.field(default=1.0, metadata=POSITIVE_POWER)

    def _wrong_in_dim(self, dim: int) -> str | None:
        log_mean_square = log_gamma_ratio((dim - self.j) / self.k, 2 / self.k)
        if not abs(log_mean_square) < 690:
            return f"k must be larger in dimension {dim}, where E‖Z‖² is exp({log_mean_square:.0f})"
        return None

    def radial_law(self, dim: int) -> GammaLaw:
        return GammaLaw(dim, self.j, self.k)

    def level_profile(self, dim: int) -> ExponentialProfile:
        return ExponentialProfile(dim, self.j, self.k)

    @classmethod
    def with_level_sets(cls, norm: Norm) -> type[Exponential] | None:
        return {Norm.L1: ExpL1, Norm.L2: ExpL2, Norm.LINF: ExpLinf}.get(norm)

    def radius_mean_square(self, dim: int) -> float:
        return math.exp(log_gamma_ratio((dim - self.j) / self.k, 2 / self.k))

    @for_blocks
    def draw_radius(self, out: Tensor, dim: int, generator: Random) -> Tensor:
        return draw_log_gamma((dim - self.j) / self.k, out, generator).div_(self.k).exp_()


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExpL1(Exponential):
    """Density ∝ ‖z‖₁^-j exp(-‖z‖₁^k) at scale 1; exp-l1(j=0, k=1) is Laplace noise."""

    name: ClassVar[str] = "exp-l1"
    level_norm: ClassVar[Norm] = Norm.L1


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExpL2(Exponential):
    """Density ∝ ‖z‖₂^-j exp(-‖z‖₂^k) at scale 1; exp-l2(j=0, k=2) is Gaussian noise of scale 1/√2."""

    name: ClassVar[str] = "exp-l2"
    level_norm: ClassVar[Norm] = Norm.L2


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExpLinf(Exponential):
    """Density ∝ ‖z‖∞^-j exp(-‖z‖∞^k) at scale 1; it tends to uniform noise as k → ∞."""

    name: ClassVar[str] = "exp-linf"
    level_norm: ClassVar[Norm] = Norm.LINF


@final
@dataclasses.dataclass(frozen=True)
class GammaLaw(RadialLaw):
    """h(R) = R^k + j log R: R^k is Gamma(shape) distributed with shape = (dim - j)/k."""

    dim: int
    j: float
    k: float

    @property
    def shape(self) -> float:
        return (self.dim - self.j) / self.k

    @property
    def centre(self) -> tuple[float, float]:
        width = math.sqrt(trigamma(self.shape))
        return math.log(self.shape) / self.k, width / self.k

    @property
    def mean_score(self) -> float:
        # k E[R^(k-1)] + j E[1/R]; for j > 0 the two have the common factor Γ((dim - 1 - j)/k).
        if self.j == 0:
            return self.k * math.exp(log_gamma_ratio(self.shape, 1 - 1 / self.k))
        if not self.j < self.dim - 1:
            return math.inf
        return (self.dim - 1) * math.exp(log_gamma_ratio(self.shape, -1 / self.k))

    @property
    def turns(self) -> tuple[float, ...]:
        return (math.log(self.j / self.k / (self.k - 1)) / self.k,) if self.j > 0 and self.k > 1 else ()

    def potential(self, x: FloatArray) -> FloatArray:
        return np.exp(self.k * x) + self.j * x

    def score(self, x: FloatArray) -> FloatArray:
        growth = self.k * np.exp((self.k - 1) * x)
        return growth + self.j * np.exp(-x) if self.j > 0 else growth

    def log_density(self, x: FloatArray) -> FloatArray:
        u = self.k * x - math.log(self.shape)
        return -self.shape * expm1_minus(u) + (gamma_peak(self.shape) + math.log(self.k))

    def cdf(self, x: FloatArray) -> FloatArray:
        return special.gammainc(self.shape, np.exp(self.k * x))

    def sf(self, x: FloatArray) -> FloatArray:
        return special.gammaincc(self.shape, np.exp(self.k * x))

    def ppf(self, q: FloatArray) -> FloatArray:
        return _log_gamma_quantile(self.shape, special.gammaincinv(self.shape, q), q) / self.k

    def isf(self, q: FloatArray) -> FloatArray:
        return _log_gamma_quantile(self.shape, special.gammainccinv(self.shape, q), 1 - q) / self.k


@final
@dataclasses.dataclass(frozen=True)
class ExponentialProfile(Profile):
    """h(R) = Rᵏ + j log R; z = Rᵏ is Gamma(shape) distributed."""

    dim: int
    j: float
    k: float

    @property
    def shape(self) -> float:
        return (self.dim - self.j) / self.k

    @property
    def linear(self) -> bool:
        return self.j == 0 and self.k == 1

    @property
    def log_mode(self) -> float:
        return math.log(self.shape) / self.k

    @property
    def width(self) -> float:
        return min(1.0, 1 / math.sqrt(self.shape)) / self.k

    @property
    def furthest(self) -> float:
        return math.log(1e5 * (1 + 1 / self.shape)) / self.k  # where z = Rᵏ is 1e5 (1 + shape)

    def log_density(self, y: FloatArray) -> FloatArray:
        peak = gamma_peak(self.shape) + math.log(self.k)
        return peak - self.shape * expm1_minus(np.minimum(self.k * y, 600.0))

    def slope(self, y: FloatArray) -> FloatArray:
        return -(self.dim - self.j) * np.expm1(np.minimum(self.k * y, 600.0))

    def potential(self, y: FloatArray) -> FloatArray:
        return self._z(y) + self.j * (y + self.log_mode)

    def place(self, potential: FloatArray) -> FloatArray:
        if self.j == 0:
            return np.log(np.maximum(potential, 0.0) / self.shape) / self.k
        b = self.j / self.k  # z + b log z = potential
        return np.log(b * special.wrightomega(potential / b - math.log(b)) / self.shape) / self.k

    def rise(self, y: FloatArray, s: FloatArray) -> FloatArray:
        return self._z(y) * np.expm1(self.k * s) + self.j * s

    def step(self, y: FloatArray, tau: FloatArray) -> FloatArray:
        # With w = k s and b = j/k: z expm1(w) + b w = tau, convex and increasing in w.
        z = self._z(y)
        if self.j == 0:
            # A level set less than 1e-12 of z counts as empty, which is the safe side.
            ratio = np.maximum(tau / z, -1 + EPSILON)
            return np.where(ratio < -1 + 1e-12, NOWHERE, np.log1p(ratio) / self.k)
        b = self.j / self.k
        log_z = self._log_z(y)
        later = b * special.wrightomega((z + tau) / b + (log_z - math.log(b)))
        moderate = np.abs(later - z) < 0.2 * z
        w = np.where(moderate, tau / (z + b), np.log(np.maximum(later, 1e-300)) - log_z)
        # The root lies between 0 and tau/b, and below log(1 + tau/z).
        w = np.clip(w, np.minimum(tau / b, 0.0), np.maximum(tau / b, 0.0))
        top = np.logaddexp(0.0, np.log(np.maximum(tau, 1e-300)) - log_z)
        w = np.where(tau > 0, np.minimum(w, top), w)
        done = np.zeros(w.shape, dtype=bool)  # what is found stays: it does not depend on its company
        for _ in range(6):
            new = np.exp(np.minimum(w + log_z, 700.0))
            grown = np.where(np.abs(w) < 1, z * np.expm1(np.minimum(w, 1.0)), new - z)
            change = (grown + b * w - tau) / (new + b)
            w = np.where(done, w, w - change)
            # Newton's steps shrink quadratically: a last one this small leaves no error but rounding.
            done |= np.abs(change) <= 1e-9 * np.abs(w) + 1e-290
            if done.all():
                break
        return np.where(done, w, np.nan) / self.k

    def log_jacobian(self, y: FloatArray, tau: FloatArray, s: FloatArray) -> FloatArray:
        z, change = self._z(y), self.k * s
        far = np.exp(np.minimum(change + self._log_z(y), 700.0)) - z  # z may be tiny, and e^change overflow
        grown = np.where(change < 1, z * np.expm1(np.minimum(change, 1.0)), far)
        return -np.log1p(np.maximum(self.k * grown / (self.k * z + self.j), -1 + EPSILON))

    def log_score(self, y: FloatArray) -> FloatArray:
        return np.log(self.k * self._z(y) + self.j)

    def _log_z(self, y: FloatArray) -> FloatArray:
        return math.log(self.shape) + self.k * y

    def _z(self, y: FloatArray) -> FloatArray:
        return np.maximum(self.shape * np.exp(np.minimum(self.k * y, 600.0)), 1e-300)


def _log_gamma_quantile(shape: float, value: FloatArray, lower: FloatArray) -> FloatArray:
    # Below 1e-300 the distribution function is value^shape / Γ(shape + 1) to all digits.
    tiny = value < 1e-300
    with np.errstate(divide="ignore"):
        return np.where(
            tiny, (np.log(lower) + special.gammaln(shape + 1)) / shape, np.log(np.where(tiny, 1.0, value))
        )
