"""Laplace noise [Lecuyer et al. 2018, Teng et al. 2019]."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from wulff._numerics import fixed_point
from wulff._typing import FloatArray
from wulff.noises.base import HalfLine, IIDNoise
from wulff.noises.catalogue import register
from wulff.noises.draws import draw_laplace
from wulff.noises.randomness import Random, for_blocks

if TYPE_CHECKING:
    from torch import Tensor


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Laplace(IIDNoise):
    """Independent Laplace noise, density proportional to exp(-‖z‖₁ / scale); sigma = √2 · scale."""

    name: ClassVar[str] = "laplace"

    @property
    def level_sets(self) -> str:
        return "cross-polytopes"

    def mean_square(self, dim: int) -> float:
        return 2.0

    @for_blocks
    def draw(self, out: Tensor, generator: Random) -> Tensor:
        return draw_laplace(out, generator)

    @property
    def exact_tails(self) -> fixed_point.Tails:
        return fixed_point.LAPLACE

    @property
    def half_line(self) -> HalfLine:
        return HalfLine.LOG_CONCAVE

    def coordinate_sf(self, z: FloatArray) -> FloatArray:
        tail = 0.5 * np.exp(-np.abs(z))
        return np.where(z >= 0, tail, 1 - tail)

    def coordinate_isf(self, p: FloatArray) -> FloatArray:
        return -np.log(2 * p)

    def coordinate_inner_quantile(self, p: FloatArray) -> FloatArray:
        return -np.log1p(-2 * p)

    def coordinate_potential(self, z: FloatArray) -> FloatArray:
        return z

    def coordinate_log_density(self, z: FloatArray) -> FloatArray:
        return -np.abs(z) - np.log(2.0)

    def coordinate_score(self, z: FloatArray) -> FloatArray:
        return np.ones_like(z)
