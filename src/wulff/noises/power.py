"""Power-law noise, density ∝ (1 + ‖z‖^k)^-a, with level sets of three shapes [Yang et al. 2020, app. O]."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from scipy import special

from wulff._domains import within
from wulff._numerics.gammas import log_gamma_ratio, stirling_remainder, trigamma
from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray
from wulff.noises.base import NormRadialNoise
from wulff.noises.catalogue import register
from wulff.noises.domains import NO_TOTAL, POSITIVE_POWER
from wulff.noises.draws import draw_log_gamma
from wulff.noises.level_sets import NOWHERE, Profile
from wulff.noises.radial import RadialLaw
from wulff.noises.randomness import Random, for_blocks
from wulff.norms import Norm

if TYPE_CHECKING:
    from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PowerLaw(NormRadialNoise):
    """Density proportional to (1 + ‖z/scale‖^k)^-a.

    Attributes:
        a: The power of the tail; the variance is finite if k·a > d + 2.
        k: The power of the norm.
    """

    a: float = dataclasses.field(metadata=within(above=0, because=NO_TOTAL, also="k·a > d"))
    k: float = dataclasses.field(default=1.0, metadata=POSITIVE_POWER)

    def _wrong_in_dim(self, dim: int) -> str | None:
        alpha = dim / self.k
        if not self.a > alpha:
            return f"a must exceed d/k = {alpha:g} (the density could not be normalised)"
        if not abs(math.log(alpha / (self.a - alpha))) < 600 * self.k:
            return f"k must be larger in dimension {dim}, where float64 cannot hold the noise"
        return None

    def radial_law(self, dim: int) -> BetaPrimeLaw:
        return BetaPrimeLaw(dim, self.a, self.k)

    def level_profile(self, dim: int) -> PowerProfile:
        return PowerProfile(dim, self.a, self.k)

    @classmethod
    def with_level_sets(cls, norm: Norm) -> type[PowerLaw] | None:
        return {Norm.L1: PowerL1, Norm.L2: PowerL2, Norm.LINF: PowerLinf}.get(norm)

    def radius_mean_square(self, dim: int) -> float:
        alpha, step = dim / self.k, 2 / self.k
        beta = self.a - alpha
        if not beta > step:
            return math.inf
        log_mean_square = log_gamma_ratio(alpha, step) + log_gamma_ratio(beta, -step)
        return math.exp(log_mean_square) if log_mean_square < 690 else math.inf

    @for_blocks
    def draw_radius(self, out: Tensor, dim: int, generator: Random) -> Tensor:
        alpha = dim / self.k
        log_ratio = draw_log_gamma(alpha, out, generator)
        log_ratio.sub_(draw_log_gamma(self.a - alpha, out, generator))
        return log_ratio.div_(self.k).exp_()


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PowerL1(PowerLaw):
    """Density ∝ (1 + ‖z‖₁^k)^-a at scale 1."""

    name: ClassVar[str] = "power-l1"
    level_norm: ClassVar[Norm] = Norm.L1


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PowerL2(PowerLaw):
    """Density ∝ (1 + ‖z‖₂^k)^-a at scale 1; k = 2 is a multivariate Student law."""

    name: ClassVar[str] = "power-l2"
    level_norm: ClassVar[Norm] = Norm.L2


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PowerLinf(PowerLaw):
    """Density ∝ (1 + ‖z‖∞^k)^-a at scale 1."""

    name: ClassVar[str] = "power-linf"
    level_norm: ClassVar[Norm] = Norm.LINF


@final
@dataclasses.dataclass(frozen=True)
class BetaPrimeLaw(RadialLaw):
    """h(R) = a log(1 + R^k): R^k is BetaPrime(dim/k, a - dim/k) distributed."""

    dim: int
    a: float
    k: float

    @property
    def shapes(self) -> tuple[float, float]:
        alpha = self.dim / self.k
        return alpha, self.a - alpha

    @property
    def centre(self) -> tuple[float, float]:
        alpha, beta = self.shapes
        width = math.sqrt(trigamma(alpha) + trigamma(beta))
        return math.log(alpha / beta) / self.k, width / self.k

    @property
    def mean_score(self) -> float:
        alpha, beta = self.shapes
        step = 1 / self.k
        return self.k * math.exp(log_gamma_ratio(alpha, 1 - step) + log_gamma_ratio(beta, step))

    @property
    def turns(self) -> tuple[float, ...]:
        return (math.log(self.k - 1) / self.k,) if self.k > 1 else ()

    def potential(self, x: FloatArray) -> FloatArray:
        return self.a * np.logaddexp(0.0, self.k * x)

    def score(self, x: FloatArray) -> FloatArray:
        return self.a * self.k * np.exp(special.log_expit(self.k * x) - x)

    def log_density(self, x: FloatArray) -> FloatArray:
        alpha, beta = self.shapes
        u = self.k * x - math.log(alpha / beta)
        # log[(1 + w)/(1 + w₀)] around the mode w₀ = alpha/beta, from the side on which nothing overflows.
        growth = np.where(
            u <= 0,
            np.log1p(alpha / self.a * np.expm1(np.minimum(u, 0.0))),
            np.maximum(u, 0.0) + np.log1p(beta / self.a * np.expm1(-np.maximum(u, 0.0))),
        )
        remainders = stirling_remainder(self.a) - stirling_remainder(alpha) - stirling_remainder(beta)
        peak = 0.5 * math.log(alpha / (2 * math.pi) * (beta / self.a)) + remainders
        return alpha * u - self.a * growth + (peak + math.log(self.k))

    def cdf(self, x: FloatArray) -> FloatArray:
        alpha, beta = self.shapes
        return special.betainc(alpha, beta, special.expit(self.k * x))

    def sf(self, x: FloatArray) -> FloatArray:
        alpha, beta = self.shapes
        return special.betainc(beta, alpha, special.expit(-self.k * x))

    def ppf(self, q: FloatArray) -> FloatArray:
        alpha, beta = self.shapes
        return _log_odds(alpha, beta, q, 1 - q) / self.k

    def isf(self, q: FloatArray) -> FloatArray:
        alpha, beta = self.shapes
        return -_log_odds(beta, alpha, q, 1 - q) / self.k


@final
@dataclasses.dataclass(frozen=True)
class PowerProfile(Profile):
    """h(R) = a log(1 + Rᵏ); z = Rᵏ is BetaPrime(d/k, a - d/k) distributed."""

    dim: int
    a: float
    k: float

    @property
    def log_mode(self) -> float:
        return math.log(self._odds) / self.k

    @property
    def width(self) -> float:
        alpha, beta = self._shapes
        return min(1.0, math.sqrt(1 / alpha + 1 / beta)) / self.k

    def log_density(self, y: FloatArray) -> FloatArray:
        return BetaPrimeLaw(self.dim, self.a, self.k).log_density(y + self.log_mode)

    @property
    def furthest(self) -> float:
        return math.inf

    def slope(self, y: FloatArray) -> FloatArray:
        alpha, beta = self._shapes
        share = special.expit(self._log_z(y))
        return self.k * (alpha * (1 - share) - beta * share)

    def potential(self, y: FloatArray) -> FloatArray:
        return self.a * np.logaddexp(0.0, self._log_z(y))

    def place(self, potential: FloatArray) -> FloatArray:
        return (_log_expm1(np.maximum(potential / self.a, 0.0)) - math.log(self._odds)) / self.k

    def rise(self, y: FloatArray, s: FloatArray) -> FloatArray:
        u, change = self._log_z(y), self.k * s
        growth = special.expit(u) * np.expm1(np.clip(change, -1.0, 1.0))
        large = np.logaddexp(0.0, u + change) - np.logaddexp(0.0, u)
        return self.a * np.where(np.abs(change) < 1, np.log1p(growth), large)

    def step(self, y: FloatArray, tau: FloatArray) -> FloatArray:
        # With x = tau/a: log(1 + z) grows by x. Where x is moderate, z by the factor 1 + (1 + 1/z)(e^x - 1).
        u, x = self._log_z(y), tau / self.a
        growth = np.exp(np.minimum(np.logaddexp(0.0, -u), 700.0)) * np.expm1(np.clip(x, -1.0, 1.0))
        moderate = np.where(growth > -1, np.log1p(np.maximum(growth, -1 + EPSILON)) / self.k, NOWHERE)
        level = np.logaddexp(0.0, u) + x
        far = np.where(level > 1e-12, (_log_expm1(np.maximum(level, 1e-12)) - u) / self.k, NOWHERE)
        return np.where(np.abs(x) < 1, moderate, far)

    def log_jacobian(self, y: FloatArray, tau: FloatArray, s: FloatArray) -> FloatArray:
        # The score times R is z/(1 + z); its logarithm is small where z is large, and tau/a need not be.
        u, x = self._log_z(y), tau / self.a
        flat = special.log_expit(u) - special.log_expit(u + self.k * s)
        return np.where((u > 0) & (np.abs(x) > 1), flat, x - self.k * s)

    def log_score(self, y: FloatArray) -> FloatArray:
        return np.log(self.a * self.k) + special.log_expit(self._log_z(y))

    @property
    def _shapes(self) -> tuple[float, float]:
        alpha = self.dim / self.k
        return alpha, self.a - alpha

    @property
    def _odds(self) -> float:
        alpha, beta = self._shapes
        return alpha / beta

    def _log_z(self, y: FloatArray) -> FloatArray:
        return math.log(self._odds) + self.k * y


def _log_expm1(x: FloatArray) -> FloatArray:
    return np.where(x < 1, np.log(np.expm1(np.minimum(x, 1.0))), x + np.log1p(-np.exp(-np.maximum(x, 1.0))))


def _log_odds(alpha: float, beta: float, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """log[B/(1-B)] at the lower quantile of a Beta(alpha, beta) variable B."""
    value: FloatArray = special.betaincinv(alpha, beta, lower)
    complement: FloatArray = special.betaincinv(beta, alpha, upper)
    with np.errstate(divide="ignore"):
        low: FloatArray = (np.log(lower) + np.log(alpha) + special.betaln(alpha, beta)) / alpha
        high: FloatArray = (np.log(upper) + np.log(beta) + special.betaln(alpha, beta)) / beta
        log_value = np.where(value < 1e-300, low, np.log(np.maximum(value, 1e-300)))
        log_complement = np.where(complement < 1e-300, high, np.log(np.maximum(complement, 1e-300)))
    # Each of the two keeps its digits only while it is not close to one.
    return np.where(
        value < 0.5,
        log_value - np.log1p(-np.where(value < 0.5, value, 0.0)),
        np.log1p(-np.where(value < 0.5, 0.0, np.minimum(complement, 0.5))) - log_complement,
    )
