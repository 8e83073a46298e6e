"""What the level-set method needs of a radial density exp(-h(‖z‖)): its law, and steps between level sets.

Everything is a function of y = log(R / mode), where the mode is that of the density of log R: in high
dimension R differs from it in few digits only, and y holds all of them. `step` is the s with
h(R eˢ) - h(R) = τ, the distance between two level sets in log R, found without cancellation.
"""

from abc import ABC, abstractmethod

import numpy as np

from wulff._typing import FloatArray

NOWHERE = -700.0
"""The step to a level set that is empty: to a radius of practically 0."""


class Profile(ABC):
    """The law of y = log(R/mode), whose density is log-concave, and the level sets of exp(-h), h increasing.

    A member is a frozen dataclass, so that equal ones share their tables of radii.
    """

    dim: int

    @property
    def linear(self) -> bool:
        """Whether h(R) = R: then the likelihood ratio has its largest value on a set of positive mass."""
        return False

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
