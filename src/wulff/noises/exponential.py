"""Exponential noise, density ∝ ‖z‖^-j exp(-‖z‖^k), with level sets of three shapes.

Yang et al. 2020, appendix N; with a pole, Zhang et al. 2020, equations 10 (exp-l1, k = 1), 11 (exp-l2,
k = 2, scale = √2·σ₀) and 12 (exp-linf, k = 2).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, final

from wulff._numerics.gammas import log_gamma_ratio
from wulff.noises.base import NormRadialNoise
from wulff.noises.catalogue import register
from wulff.noises.draws import draw_log_gamma
from wulff.noises.radial import GammaLaw
from wulff.norms import Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Exponential(NormRadialNoise):
    """Density proportional to ‖z/scale‖^-j · exp(-‖z/scale‖^k).

    Attributes:
        j: The order of the pole at 0, with 0 ≤ j < d.
        k: The power of the norm in the exponent, with k > 0.
    """

    j: float = 0.0
    k: float = 1.0

    def _check_parameters(self) -> None:
        if not 0 <= self.j < math.inf:
            self._refuse("j must not be negative (the level sets would not be balls)")
        if not 0 < self.k < math.inf:
            self._refuse("k must be positive and finite (the density could not be normalised)")

    def _check_dim(self, dim: int) -> None:
        if not self.j < dim:
            self._refuse(f"j must be less than the dimension {dim} (the density could not be normalised)")
        log_mean_square = log_gamma_ratio((dim - self.j) / self.k, 2 / self.k)
        if not abs(log_mean_square) < 690:
            self._refuse(f"k must be larger in dimension {dim}, where E‖Z‖² is exp({log_mean_square:.0f})")

    def radial_law(self, dim: int) -> GammaLaw:
        return GammaLaw(dim, self.j, self.k)

    def radius_mean_square(self, dim: int) -> float:
        return math.exp(log_gamma_ratio((dim - self.j) / self.k, 2 / self.k))

    def draw_radius(self, out: Tensor, dim: int, generator: torch.Generator) -> Tensor:
        return draw_log_gamma((dim - self.j) / self.k, out, generator).div_(self.k).exp_()


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExpL1(Exponential):
    """Density ∝ ‖z‖₁^-j exp(-‖z‖₁^k) at scale 1; exp-l1(j=0, k=1) is Laplace noise."""

    name: ClassVar[str] = "exp-l1"
    level_norm: ClassVar[Norm] = Norm.L1


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExpL2(Exponential):
    """Density ∝ ‖z‖₂^-j exp(-‖z‖₂^k) at scale 1; exp-l2(j=0, k=2) is Gaussian noise of scale 1/√2."""

    name: ClassVar[str] = "exp-l2"
    level_norm: ClassVar[Norm] = Norm.L2


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExpLinf(Exponential):
    """Density ∝ ‖z‖∞^-j exp(-‖z‖∞^k) at scale 1; it tends to uniform noise as k → ∞."""

    name: ClassVar[str] = "exp-linf"
    level_norm: ClassVar[Norm] = Norm.LINF
