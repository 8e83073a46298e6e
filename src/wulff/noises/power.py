"""Power-law noise, density ∝ (1 + ‖z‖^k)^-a, with level sets of three shapes [Yang et al. 2020, app. O]."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, final

from wulff._numerics.gammas import log_gamma_ratio
from wulff.noises.base import NormRadialNoise
from wulff.noises.catalogue import register
from wulff.noises.draws import draw_log_gamma
from wulff.noises.radial import BetaPrimeLaw
from wulff.norms import Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PowerLaw(NormRadialNoise):
    """Density proportional to (1 + ‖z/scale‖^k)^-a.

    Attributes:
        a: The power of the tail, with k·a > d; the variance is finite if k·a > d + 2.
        k: The power of the norm, with k > 0.
    """

    a: float
    k: float = 1.0

    def _check_parameters(self) -> None:
        if not 0 < self.k < math.inf:
            self._refuse("k must be positive and finite (the density could not be normalised)")
        if not 0 < self.a < math.inf:
            self._refuse("a must be positive and finite (the density could not be normalised)")

    def _check_dim(self, dim: int) -> None:
        alpha = dim / self.k
        if not self.a > alpha:
            self._refuse(f"a must exceed d/k = {alpha:g} (the density could not be normalised)")
        if not abs(math.log(alpha / (self.a - alpha))) < 600 * self.k:
            self._refuse(f"k must be larger in dimension {dim}, where float64 cannot hold the noise")

    def radial_law(self, dim: int) -> BetaPrimeLaw:
        return BetaPrimeLaw(dim, self.a, self.k)

    def radius_mean_square(self, dim: int) -> float:
        alpha, step = dim / self.k, 2 / self.k
        beta = self.a - alpha
        if not beta > step:
            return math.inf
        log_mean_square = log_gamma_ratio(alpha, step) + log_gamma_ratio(beta, -step)
        return math.exp(log_mean_square) if log_mean_square < 690 else math.inf

    def draw_radius(self, out: Tensor, dim: int, generator: torch.Generator) -> Tensor:
        alpha = dim / self.k
        log_ratio = draw_log_gamma(alpha, out, generator)
        log_ratio.sub_(draw_log_gamma(self.a - alpha, out, generator))
        return log_ratio.div_(self.k).exp_()


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PowerL1(PowerLaw):
    """Density ∝ (1 + ‖z‖₁^k)^-a at scale 1."""

    name: ClassVar[str] = "power-l1"
    level_norm: ClassVar[Norm] = Norm.L1


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PowerL2(PowerLaw):
    """Density ∝ (1 + ‖z‖₂^k)^-a at scale 1; k = 2 is a multivariate Student law."""

    name: ClassVar[str] = "power-l2"
    level_norm: ClassVar[Norm] = Norm.L2


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PowerLinf(PowerLaw):
    """Density ∝ (1 + ‖z‖∞^k)^-a at scale 1."""

    name: ClassVar[str] = "power-linf"
    level_norm: ClassVar[Norm] = Norm.LINF
