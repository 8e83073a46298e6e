"""What the level-set method needs of a radial density exp(-h(‖z‖)): its law, and steps between level sets.

Everything is a function of y = log(R / mode), where the mode is that of the density of log R: in high
dimension R differs from it in few digits only, and y holds all of them. `step` is the s with
h(R eˢ) - h(R) = τ, the distance between two level sets in log R, found without cancellation.
"""

import dataclasses
import math
from abc import ABC, abstractmethod
from typing import final

import numpy as np
from scipy import special

from wulff._numerics.gammas import expm1_minus, gamma_peak
from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray
from wulff.noises.radial import BetaPrimeLaw, GammaLaw, RadialLaw

_NOWHERE = -700.0
"""The step to a level set that is empty: to a radius of practically 0."""


class Profile(ABC):
    """The law of y = log(R/mode), whose density is log-concave, and the level sets of exp(-h)."""

    dim: int
    k: float

    @property
    @abstractmethod
    def log_mode(self) -> float:
        """log R at y = 0, where the density of y peaks."""

    @property
    @abstractmethod
    def width(self) -> float:
        """The smallest length in y over which the density or the level sets change their character."""

    @property
    @abstractmethod
    def furthest(self) -> float:
        """A log R, from y = 0, beyond which exp(-h) is smaller than any error of interest."""

    @abstractmethod
    def log_density(self, y: FloatArray) -> FloatArray:
        """The log of the normalised density of y."""

    @abstractmethod
    def slope(self, y: FloatArray) -> FloatArray:
        """The derivative of `log_density`."""

    @abstractmethod
    def potential(self, y: FloatArray) -> FloatArray:
        """h(R)."""

    @abstractmethod
    def place(self, potential: FloatArray) -> FloatArray:
        """The y with h(R) = potential; -∞ or nan where there is none."""

    @abstractmethod
    def rise(self, y: FloatArray, s: FloatArray) -> FloatArray:
        """h(R eˢ) - h(R), without cancellation."""

    @abstractmethod
    def step(self, y: FloatArray, tau: FloatArray) -> FloatArray:
        """The s with h(R eˢ) - h(R) = tau, of the sign of tau."""

    @abstractmethod
    def log_jacobian(self, y: FloatArray, tau: FloatArray, s: FloatArray) -> FloatArray:
        """log d(y + s)/dy at fixed tau, which is log[R h'(R) / (R₀ h'(R₀))] with R₀ = R eˢ."""

    @abstractmethod
    def log_score(self, y: FloatArray) -> FloatArray:
        """log[R h'(R)]."""

    def tail(self, y: float) -> float:
        """An upper bound on the mass beyond y, on the side away from the mode.

        The density of y is log-concave, hence below its tangent: the mass is at most density / |slope|.
        """
        at = np.array([y])
        return float(np.exp(self.log_density(at)[0]) / abs(self.slope(at)[0]))


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
            return np.where(ratio < -1 + 1e-12, _NOWHERE, np.log1p(ratio) / self.k)
        b = self.j / self.k
        log_z = self._log_z(y)
        later = b * special.wrightomega((z + tau) / b + (log_z - math.log(b)))
        moderate = np.abs(later - z) < 0.2 * z
        w = np.where(moderate, tau / (z + b), np.log(np.maximum(later, 1e-300)) - log_z)
        # The root lies between 0 and tau/b, and below log(1 + tau/z).
        w = np.clip(w, np.minimum(tau / b, 0.0), np.maximum(tau / b, 0.0))
        top = np.logaddexp(0.0, np.log(np.maximum(tau, 1e-300)) - log_z)
        w = np.where(tau > 0, np.minimum(w, top), w)
        change = w
        for _ in range(5):
            new = np.exp(np.minimum(w + log_z, 700.0))
            grown = np.where(np.abs(w) < 1, z * np.expm1(np.minimum(w, 1.0)), new - z)
            change = (grown + b * w - tau) / (new + b)
            w = w - change
        # Newton's steps shrink quadratically: a last one this small leaves no error but rounding.
        w = np.where(np.abs(change) <= 1e-9 * np.abs(w) + 1e-290, w, np.nan)
        return w / self.k

    def log_jacobian(self, y: FloatArray, tau: FloatArray, s: FloatArray) -> FloatArray:
        z = self._z(y)
        shrinks = self.k * z * np.expm1(self.k * s) / (self.k * z + self.j)
        return -np.log1p(np.maximum(shrinks, -1 + EPSILON))

    def log_score(self, y: FloatArray) -> FloatArray:
        return np.log(self.k * self._z(y) + self.j)

    def _log_z(self, y: FloatArray) -> FloatArray:
        return math.log(self.shape) + self.k * y

    def _z(self, y: FloatArray) -> FloatArray:
        return np.maximum(self.shape * np.exp(np.minimum(self.k * y, 600.0)), 1e-300)


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
        moderate = np.where(growth > -1, np.log1p(np.maximum(growth, -1 + EPSILON)) / self.k, _NOWHERE)
        level = np.logaddexp(0.0, u) + x
        far = np.where(level > 1e-12, (_log_expm1(np.maximum(level, 1e-12)) - u) / self.k, _NOWHERE)
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


def profile_of(law: RadialLaw) -> Profile | None:
    """The profile of a radial law, or None where the level-set method has none for it."""
    if isinstance(law, GammaLaw):
        return ExponentialProfile(law.dim, law.j, law.k)
    if isinstance(law, BetaPrimeLaw):
        return PowerProfile(law.dim, law.a, law.k)
    return None
