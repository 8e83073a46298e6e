"""Logistic noise and a theorem about it."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from scipy import special

from wulff import certificates, noises
from wulff.norms import Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    FloatArray = np.ndarray


@noises.register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Logistic(noises.IIDNoise):
    """Independent logistic coordinates: density 1/(4 cosh²(z/2)) at scale 1."""

    name: ClassVar[str] = "logistic"

    @property
    def half_line(self) -> noises.HalfLine:
        return noises.HalfLine.LOG_CONCAVE

    @property
    def exact_tails(self) -> noises.Tails:
        return noises.Tails(_tails, Fraction(444, 10))  # where they are 1.05e-19

    def mean_square(self, dim: int) -> float:
        return math.pi**2 / 3

    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        other = out.clone().exponential_(generator=generator)
        return out.exponential_(generator=generator).log_().sub_(other.log_())

    def coordinate_sf(self, z: FloatArray) -> FloatArray:
        return special.expit(-z)

    def coordinate_isf(self, p: FloatArray) -> FloatArray:
        return -special.logit(p)

    def coordinate_inner_quantile(self, p: FloatArray) -> FloatArray:
        return 2 * np.arctanh(2 * p)

    def coordinate_potential(self, z: FloatArray) -> FloatArray:
        return 2 * np.log1p(2 * np.sinh(np.minimum(z, 60) / 4) ** 2) + np.maximum(z - 60, 0)

    def coordinate_log_density(self, z: FloatArray) -> FloatArray:
        return -np.abs(z) - 2 * np.log1p(np.exp(-np.abs(z)))

    def coordinate_score(self, z: FloatArray) -> FloatArray:
        return np.tanh(z / 2)


def _tails(step: Fraction, count: int) -> list[int]:
    """2/(1 + e^z) = 2E/(1 + E) of E = exp(-z), which is off by 2¹⁷ units for each j at most."""
    one, exponential = 1 << 192, noises.Laplace(scale=1.0).exact_tails
    return [2 * one * e // (one + e) for e in exponential.at(step, count)]


@certificates.register(
    Logistic, Norm.L2, method="convex-order", tight=False, ulps=32, growth=certificates.Rate()
)
def logistic_l2(noise: Logistic, error: FloatArray, dim: int) -> FloatArray:
    """√(2/π) · Φ⁻¹(1 - error), in any dimension.

    The score of a coordinate is symmetric and below 1, so that ⟨u, score⟩ with ‖u‖₂ = 1 is below a sum of
    signs in convex order, and that below √(π/2) · N(0, 1).
    """
    return -math.sqrt(2 / math.pi) * special.ndtri(error)
