"""Symmetric Pareto (Lomax) noise, density ∝ Π(1 + |z_i|)^-(a+1) [Yang et al. 2020, appendix M]."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from wulff._typing import FloatArray
from wulff.noises.base import HalfLine, IIDNoise
from wulff.noises.catalogue import register
from wulff.noises.domains import POSITIVE_POWER
from wulff.noises.draws import draw_laplace
from wulff.noises.randomness import Random, for_blocks

if TYPE_CHECKING:
    from torch import Tensor


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pareto(IIDNoise):
    """Independent coordinates with P[|Z_i| > z] = (1 + z/scale)^-a; sigma is finite for a > 2.

    Attributes:
        a: The power of the tail.
    """

    name: ClassVar[str] = "pareto"

    a: float = dataclasses.field(metadata=POSITIVE_POWER)

    @property
    def level_sets(self) -> str:
        return "stars along the axes"

    def mean_square(self, dim: int) -> float:
        return 2 / ((self.a - 1) * (self.a - 2)) if self.a > 2 else math.inf

    @for_blocks
    def draw(self, out: Tensor, generator: Random) -> Tensor:
        import torch

        # U^(-1/a) - 1 with -log U exponential: the size of a Laplace variable, whose sign is the sign.
        laplace = draw_laplace(out, generator)
        size = laplace.abs().div_(self.a).expm1_().clamp_(max=torch.finfo(out.dtype).max / 2**16)
        return torch.copysign(size, laplace, out=out)

    @property
    def half_line(self) -> HalfLine:
        return HalfLine.LOG_CONVEX

    def coordinate_sf(self, z: FloatArray) -> FloatArray:
        tail = 0.5 * np.exp(-self.a * np.log1p(np.abs(z)))
        return np.where(z >= 0, tail, 1 - tail)

    def coordinate_isf(self, p: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):  # infinite for a below .1
            return np.expm1(-np.log(2 * p) / self.a)

    def coordinate_inner_quantile(self, p: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.expm1(-np.log1p(-2 * p) / self.a)

    def coordinate_potential(self, z: FloatArray) -> FloatArray:
        return (self.a + 1) * np.log1p(z)

    def coordinate_log_density(self, z: FloatArray) -> FloatArray:
        return math.log(self.a / 2) - (self.a + 1) * np.log1p(np.abs(z))

    def coordinate_score(self, z: FloatArray) -> FloatArray:
        return (self.a + 1) / (1 + z)
