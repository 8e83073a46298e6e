"""Radial laws: what a norm-radial noise tells the certificates about its radius R, at scale 1.

Everything is a function of x = log R. In high dimension the law of x is narrow and close to normal, whereas
R itself may be far outside the range in which a density of R can be written down.
"""

import functools
import math
from abc import ABC, abstractmethod

import numpy as np

from wulff._typing import FloatArray
from wulff.noises.numerical_law import NumericalLaw


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
