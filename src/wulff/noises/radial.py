"""Radial laws: what a norm-radial noise tells the certificates about its radius R, at scale 1.

Everything is a function of x = log R. In high dimension the law of x is narrow and close to normal, whereas
R itself may be far outside the range in which a density of R can be written down.
"""

import dataclasses
import functools
import math
from abc import ABC, abstractmethod
from typing import final

import numpy as np
from scipy import special

from wulff._numerics.gammas import expm1_minus, gamma_peak, log_gamma_ratio, stirling_remainder
from wulff._typing import FloatArray
from wulff.noises.tables import NumericalLaw


class RadialLaw(ABC):
    """The law of x = log R for the density ∝ exp(-h(‖z‖)) on inputs with `dim` coordinates."""

    dim: int

    @abstractmethod
    def potential(self, x: FloatArray) -> FloatArray:
        """h(R), up to a constant."""

    @abstractmethod
    def score(self, x: FloatArray) -> FloatArray:
        """The radial score T = h'(R); `nan` everywhere if h jumps, so that no score exists."""

    @abstractmethod
    def log_density(self, x: FloatArray) -> FloatArray:
        """The log of the normalised density of x = log R."""

    @abstractmethod
    def cdf(self, x: FloatArray) -> FloatArray:
        """P[log R ≤ x]."""

    @abstractmethod
    def sf(self, x: FloatArray) -> FloatArray:
        """P[log R > x]."""

    @abstractmethod
    def ppf(self, q: FloatArray) -> FloatArray:
        """The x with P[log R ≤ x] = q."""

    @abstractmethod
    def isf(self, q: FloatArray) -> FloatArray:
        """The x with P[log R > x] = q."""

    @property
    @abstractmethod
    def mean_score(self) -> float:
        """E[T]; infinite where it does not exist."""

    @property
    def turns(self) -> tuple[float, ...]:
        """The x at which |T| changes between rising and falling."""
        return ()

    @property
    @abstractmethod
    def centre(self) -> tuple[float, float]:
        """Where the density of x peaks, and about how wide the peak is: (mode, standard deviation)."""


class NumericalRadialLaw(RadialLaw):
    """A radial law whose probabilities are integrated numerically."""

    @property
    @abstractmethod
    def sizes(self) -> NumericalLaw:
        """The law of x."""

    @property
    def centre(self) -> tuple[float, float]:
        return self.sizes.mode, self.sizes.width

    def log_density(self, x: FloatArray) -> FloatArray:
        return self.sizes.log_density(x)

    def cdf(self, x: FloatArray) -> FloatArray:
        return self.sizes.cdf(x)

    def sf(self, x: FloatArray) -> FloatArray:
        return self.sizes.sf(x)

    def ppf(self, q: FloatArray) -> FloatArray:
        return self.sizes.ppf(q)

    def isf(self, q: FloatArray) -> FloatArray:
        return self.sizes.isf(q)

    @property
    def mean_score(self) -> float:
        """E[T], infinite if it is not decided within the range of sizes that is looked at."""
        return _mean_score(self)


@functools.lru_cache(maxsize=64)
def _mean_score(law: NumericalRadialLaw) -> float:
    x = law.sizes.edges
    with np.errstate(over="ignore", divide="ignore"):
        log_integrand = law.log_density(x) + np.log(np.abs(law.score(x)))
    if not (log_integrand[[0, -1]] < np.nanmax(log_integrand) - 35).all():
        return math.inf
    return law.sizes.expectation(lambda x: np.abs(law.score(x)))


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
        width = math.sqrt(_trigamma(self.shape))
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
        width = math.sqrt(_trigamma(alpha) + _trigamma(beta))
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
class BallLaw(RadialLaw):
    """h = 0 on R ≤ 1 and ∞ beyond: R^dim is uniform, and there is no score."""

    dim: int

    @property
    def centre(self) -> tuple[float, float]:
        return 0.0, 1 / self.dim

    @property
    def mean_score(self) -> float:
        return math.nan

    def potential(self, x: FloatArray) -> FloatArray:
        return np.where(x <= 0, 0.0, np.inf)

    def score(self, x: FloatArray) -> FloatArray:
        return np.full_like(x, np.nan)

    def log_density(self, x: FloatArray) -> FloatArray:
        return np.where(x <= 0, self.dim * x + math.log(self.dim), -np.inf)

    def cdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self.dim * np.minimum(x, 0.0))

    def sf(self, x: FloatArray) -> FloatArray:
        return -np.expm1(self.dim * np.minimum(x, 0.0))

    def ppf(self, q: FloatArray) -> FloatArray:
        return np.log(q) / self.dim

    def isf(self, q: FloatArray) -> FloatArray:
        return np.log1p(-q) / self.dim


def _log_gamma_quantile(shape: float, value: FloatArray, lower: FloatArray) -> FloatArray:
    # Below 1e-300 the distribution function is value^shape / Γ(shape + 1) to all digits.
    tiny = value < 1e-300
    with np.errstate(divide="ignore"):
        return np.where(
            tiny, (np.log(lower) + special.gammaln(shape + 1)) / shape, np.log(np.where(tiny, 1.0, value))
        )


def _trigamma(x: float) -> float:
    return float(special.polygamma(1, x))


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
