"""Uniform noise on the Euclidean ball [Yang et al. 2020, appendix S]."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, final

from wulff.noises.base import NormRadialNoise
from wulff.noises.catalogue import register
from wulff.noises.radial import BallLaw
from wulff.norms import Norm

if TYPE_CHECKING:
    import torch
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

    def radius_mean_square(self, dim: int) -> float:
        return dim / (dim + 2)

    def draw_radius(self, out: Tensor, dim: int, generator: torch.Generator) -> Tensor:
        return out.exponential_(generator=generator).div_(-dim).exp_()
