"""Uniform noise on the Euclidean ball [Yang et al. 2020, appendix S]."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from scipy import special

from wulff._typing import FloatArray
from wulff.noises.base import NormRadialNoise
from wulff.noises.catalogue import register
from wulff.noises.radial import RadialLaw
from wulff.noises.randomness import Random, for_blocks, source
from wulff.norms import Norm

if TYPE_CHECKING:
    from torch import Tensor


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Ball(NormRadialNoise):
    """Uniform noise on the ball ‖z‖₂ ≤ scale; sigma = scale / √(d + 2)."""

    name: ClassVar[str] = "ball"
    level_norm: ClassVar[Norm] = Norm.L2

    def radial_law(self, dim: int) -> BallLaw:
        return BallLaw(dim)

    def lost_by(self, shift: FloatArray) -> float:
        half = min(float(np.linalg.norm(shift)) / 2, 1.0)
        return float(special.betainc(0.5, (len(shift) + 1) / 2, half**2))

    def radius_mean_square(self, dim: int) -> float:
        return dim / (dim + 2)

    @for_blocks
    def draw_radius(self, out: Tensor, dim: int, generator: Random) -> Tensor:
        return source(generator).exponential(out).div_(-dim).exp_()


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
