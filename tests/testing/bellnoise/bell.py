"""Bell-shaped noise, density ∝ exp(-‖z‖₂^(2b)), with the law of its size and its level sets."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from scipy import special

from wulff import noises
from wulff.norms import Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    FloatArray = np.ndarray


@noises.register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Bell(noises.NormRadialNoise):
    """Density ∝ exp(-‖z‖₂^(2b)) at scale 1; b = 1 is Gaussian noise.

    Attributes:
        b: The sharpness.
    """

    name: ClassVar[str] = "bell"
    level_norm: ClassVar[Norm] = Norm.L2

    b: int = dataclasses.field(default=1, metadata=noises.within(at_least=1, at_most=8))

    def radial_law(self, dim: int) -> BellLaw:
        return BellLaw(dim, self.b)

    def level_profile(self, dim: int) -> BellProfile:
        return BellProfile(dim, self.b)

    def radius_mean_square(self, dim: int) -> float:
        shape = dim / (2 * self.b)
        return math.exp(math.lgamma(shape + 1 / self.b) - math.lgamma(shape))

    def draw_radius(self, out: Tensor, dim: int, generator: torch.Generator) -> Tensor:
        # R^(2b) is a gamma variable of shape dim/(2b): a sum of dim/(2b) exponentials only if that is whole,
        # but always the sum of the 2b-th powers of dim independent coordinates of exponential power law.
        import torch

        shape = torch.full_like(out, 1 / (2 * self.b))
        total = torch.zeros_like(out)
        for _ in range(dim):
            total += torch._standard_gamma(shape, generator=generator)  # pyright: ignore[reportPrivateImportUsage]
        return out.copy_(total.pow_(1 / (2 * self.b)))


@final
@dataclasses.dataclass(frozen=True)
class BellLaw(noises.RadialLaw):
    """R^(2b) is Gamma(dim/(2b)) distributed; x = log R."""

    dim: int
    b: int

    @property
    def _shape(self) -> float:
        return self.dim / (2 * self.b)

    def _power(self, x: FloatArray) -> FloatArray:
        return np.exp(2 * self.b * x)

    @property
    def centre(self) -> tuple[float, float]:
        width = math.sqrt(float(special.polygamma(1, self._shape)))
        return math.log(self._shape) / (2 * self.b), width / (2 * self.b)

    @property
    def mean_score(self) -> float:
        lower = self._shape + 1 - 1 / (2 * self.b)
        return 2 * self.b * math.exp(math.lgamma(lower) - math.lgamma(self._shape))

    def potential(self, x: FloatArray) -> FloatArray:
        return self._power(x)

    def score(self, x: FloatArray) -> FloatArray:
        return 2 * self.b * np.exp((2 * self.b - 1) * x)

    def log_density(self, x: FloatArray) -> FloatArray:
        return self.dim * x - self._power(x) + math.log(2 * self.b) - math.lgamma(self._shape)

    def cdf(self, x: FloatArray) -> FloatArray:
        return special.gammainc(self._shape, self._power(x))

    def sf(self, x: FloatArray) -> FloatArray:
        return special.gammaincc(self._shape, self._power(x))

    def ppf(self, q: FloatArray) -> FloatArray:
        return np.log(special.gammaincinv(self._shape, q)) / (2 * self.b)

    def isf(self, q: FloatArray) -> FloatArray:
        return np.log(special.gammainccinv(self._shape, q)) / (2 * self.b)


@final
@dataclasses.dataclass(frozen=True)
class BellProfile(noises.Profile):
    """h(R) = R^(2b), as the level-set method asks for it: with u = R^(2b) = shape · exp(2b y)."""

    dim: int
    b: int

    @property
    def _shape(self) -> float:
        return self.dim / (2 * self.b)

    def _u(self, y: FloatArray) -> FloatArray:
        return np.maximum(self._shape * np.exp(np.minimum(2 * self.b * y, 600.0)), 1e-300)

    @property
    def log_mode(self) -> float:
        return math.log(self._shape) / (2 * self.b)

    @property
    def width(self) -> float:
        return min(1.0, self._shape**-0.5) / (2 * self.b)

    @property
    def furthest(self) -> float:
        return math.log(1e5 * (1 + 1 / self._shape)) / (2 * self.b)

    def log_density(self, y: FloatArray) -> FloatArray:
        constant = self._shape * math.log(self._shape) - math.lgamma(self._shape) + math.log(2 * self.b)
        return self.dim * y - self._u(y) + constant

    def slope(self, y: FloatArray) -> FloatArray:
        return self.dim - 2 * self.b * self._u(y)

    def potential(self, y: FloatArray) -> FloatArray:
        return self._u(y)

    def place(self, potential: FloatArray) -> FloatArray:
        return np.log(np.maximum(potential, 0.0) / self._shape) / (2 * self.b)

    def rise(self, y: FloatArray, s: FloatArray) -> FloatArray:
        return self._u(y) * np.expm1(2 * self.b * s)

    def step(self, y: FloatArray, tau: FloatArray) -> FloatArray:
        ratio = np.maximum(tau / self._u(y), -1 + 1e-15)
        return np.where(ratio < -1 + 1e-12, -700.0, np.log1p(ratio) / (2 * self.b))

    def log_jacobian(self, y: FloatArray, tau: FloatArray, s: FloatArray) -> FloatArray:
        return -2 * self.b * s

    def log_score(self, y: FloatArray) -> FloatArray:
        return np.log(2 * self.b * self._u(y))
