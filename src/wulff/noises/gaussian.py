"""Gaussian noise [Cohen et al. 2019]."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from scipy import special

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
class Gaussian(IIDNoise):
    """Independent normal noise, density proportional to exp(-‖z‖₂² / (2 scale²)); sigma = scale."""

    name: ClassVar[str] = "gaussian"

    @classmethod
    def is_spherical(cls) -> bool:
        return True

    @property
    def level_sets(self) -> str:
        return "Euclidean balls"

    def mean_square(self, dim: int) -> float:
        return 1.0

    @for_blocks
    def draw(self, out: Tensor, generator: Random) -> Tensor:
        return source(generator).normal(out)

    @property
    def exact_tails(self) -> fixed_point.Tails:
        return fixed_point.GAUSSIAN

    @property
    def half_line(self) -> HalfLine:
        return HalfLine.LOG_CONCAVE

    def coordinate_sf(self, z: FloatArray) -> FloatArray:
        return special.ndtr(-z)

    def coordinate_isf(self, p: FloatArray) -> FloatArray:
        return -special.ndtri(p)

    def coordinate_inner_quantile(self, p: FloatArray) -> FloatArray:
        return np.sqrt(2.0) * special.erfinv(2 * p)

    def coordinate_potential(self, z: FloatArray) -> FloatArray:
        return 0.5 * z**2

    def coordinate_log_density(self, z: FloatArray) -> FloatArray:
        return -0.5 * z**2 - 0.5 * np.log(2 * np.pi)

    def coordinate_score(self, z: FloatArray) -> FloatArray:
        return z
