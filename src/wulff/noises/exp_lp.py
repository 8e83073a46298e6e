"""Generalised normal noise, density ∝ exp(-Σ|z_i|^p) [Yang et al. 2020, appendix M]."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from scipy import special

from wulff._domains import within
from wulff._numerics.gammas import log_gamma_ratio
from wulff._typing import FloatArray
from wulff.noises.base import HalfLine, IIDNoise
from wulff.noises.catalogue import register
from wulff.noises.draws import QuantileTable
from wulff.noises.randomness import Random, for_blocks, source

if TYPE_CHECKING:
    import torch
    from torch import Tensor

TABULATED = 0.2
"""From this power on, draws come from a table of quantiles, off by less than 6e-6 sigma besides rounding."""


@register
@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExpLp(IIDNoise):
    """Independent coordinates with density ∝ exp(-|z/scale|^p); sigma² = scale²·Γ(3/p)/Γ(1/p).

    Attributes:
        p: The power: 1 is Laplace noise, 2 Gaussian noise of scale 1/√2, ∞ would be uniform.
    """

    name: ClassVar[str] = "exp-lp"

    p: float = dataclasses.field(
        metadata=within(at_least=0.015, because="float64 cannot hold others; for p = ∞ use uniform noise")
    )

    @property
    def level_sets(self) -> str:
        return f"l{self.p:g} balls"

    def mean_square(self, dim: int) -> float:
        return math.exp(log_gamma_ratio(1 / self.p, 2 / self.p))

    @for_blocks
    def draw(self, out: Tensor, generator: Random) -> Tensor:
        if self.p >= TABULATED:
            return _quantiles(self.p, out.device, out.dtype).draw(out, generator)
        # |Z|^p is Gamma(1/p) = Gamma(1 + 1/p) · U^p: nothing underflows for large p, and U brings the sign.
        random = source(generator)
        radii = random.gamma(out.new_empty(out.shape), 1 + 1 / self.p).log_().div_(self.p).exp_()
        return random.uniform(out).mul_(radii)

    @property
    def half_line(self) -> HalfLine:
        return HalfLine.LOG_CONCAVE if self.p >= 1 else HalfLine.LOG_CONVEX

    def coordinate_sf(self, z: FloatArray) -> FloatArray:
        power = self.coordinate_potential(np.abs(z))
        tail = 0.5 * _upper_gamma(1 / self.p, power)
        # Where the power underflows, or nearly, the density is what it is at 0.
        tail = np.where(power < 1e-290, 0.5 - 0.5 * np.abs(z) / math.gamma(1 + 1 / self.p), tail)
        return np.where(z >= 0, tail, 1 - tail)

    def coordinate_isf(self, p: FloatArray) -> FloatArray:
        # Near ½ the size is small, and only the lower tail keeps its digits.
        p = np.asarray(p)
        inner = self.coordinate_inner_quantile(np.maximum(0.5 - p, 0.0))
        upper = special.gammainccinv(1 / self.p, 2 * p) ** (1 / self.p)
        return np.where((p > 0.25) | (upper == 0), inner, upper)

    def coordinate_inner_quantile(self, p: FloatArray) -> FloatArray:
        # The density is largest at 0, so the size is at least this; the power of it may underflow.
        least = 2 * p * math.gamma(1 + 1 / self.p) * (1 - 1e-15)
        return np.maximum(special.gammaincinv(1 / self.p, 2 * p) ** (1 / self.p), least)

    def coordinate_potential(self, z: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return z**self.p

    def coordinate_log_density(self, z: FloatArray) -> FloatArray:
        return -self.coordinate_potential(np.abs(z)) - math.log(2) - math.lgamma(1 + 1 / self.p)

    def coordinate_score(self, z: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return self.p * z ** (self.p - 1)


def _upper_gamma(a: float, x: FloatArray) -> FloatArray:
    """The regularised upper incomplete gamma function, where SciPy's takes long or has too few digits.

    Its series for x up to 1.1 takes fifty times as long as the lower function, and is off by up to 100 ulps
    where a is near ½ and x above 1.
    """
    lower: FloatArray = special.gammainc(a, np.where(x <= 1, x, 0.0))
    near, above = (x <= 1) & (lower < 0.9), (x > 1) & (x <= 1.1) & (0.3 < a < 1)
    upper: FloatArray = np.where(near, 1 - lower, special.gammaincc(a, np.where(near | above, np.inf, x)))
    at = np.where(above, x, 1.0)
    between: FloatArray = special.gammaincc(a + 1, at) - at**a * np.exp(-at) / math.gamma(a + 1)
    return np.where(above, between, upper)


@functools.lru_cache(maxsize=16)
def _quantiles(p: float, device: torch.device, dtype: torch.dtype) -> QuantileTable:
    import torch

    noise, like = ExpLp(scale=1.0, p=p), torch.empty(0, device=device, dtype=dtype)
    return QuantileTable(lambda tail: noise.coordinate_isf(tail / 2), like)
