"""Uniform noise on the cube, the Wulff crystal of the l1 ball [Yang et al. 2020]."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from wulff._numerics import fixed_point
from wulff._typing import FloatArray
from wulff.noises.base import HalfLine, IIDNoise
from wulff.noises.catalogue import register
from wulff.noises.randomness import Random, for_blocks, source

if TYPE_CHECKING:
    from torch import Tensor


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Uniform(IIDNoise):
    """Uniform noise on the cube ‖z‖∞ ≤ scale; sigma = scale / √3."""

    name: ClassVar[str] = "uniform"

    @property
    def level_sets(self) -> str:
        return "cubes"

    def mean_square(self, dim: int) -> float:
        return 1 / 3

    @for_blocks
    def draw(self, out: Tensor, generator: Random) -> Tensor:
        return source(generator).uniform(out)

    def lost_by(self, shift: FloatArray) -> float:
        size = np.abs(shift)
        return 1.0 if size.max() >= 2 else float(-np.expm1(np.log1p(-size / 2).sum()))

    @property
    def exact_tails(self) -> fixed_point.Tails:
        return fixed_point.UNIFORM

    @property
    def half_line(self) -> HalfLine:
        return HalfLine.LOG_CONCAVE

    def coordinate_sf(self, z: FloatArray) -> FloatArray:
        return np.clip((1 - z) / 2, 0.0, 1.0)

    def coordinate_isf(self, p: FloatArray) -> FloatArray:
        return 1 - 2 * p

    def coordinate_inner_quantile(self, p: FloatArray) -> FloatArray:
        return 2 * p

    def coordinate_potential(self, z: FloatArray) -> FloatArray:
        return np.where(z <= 1, 0.0, np.inf)

    def coordinate_log_density(self, z: FloatArray) -> FloatArray:
        return np.where(np.abs(z) <= 1, -np.log(2.0), -np.inf)

    def coordinate_score(self, z: FloatArray) -> FloatArray:
        return np.full_like(z, np.nan)
