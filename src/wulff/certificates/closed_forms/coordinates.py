"""Independent coordinates: quantiles against l1, and a convex order against l2."""

import math

import numpy as np

from wulff._numerics.normal import normal_quantile
from wulff._typing import FloatArray
from wulff.certificates.certificate import Rate
from wulff.certificates.registry import register
from wulff.noises import HalfLine, IIDNoise, Pareto
from wulff.norms import Norm


@register(
    IIDNoise,
    Norm.L1,
    method="quantile",
    tight=True,
    ulps=2**14,
    growth=Rate(),
    covers=lambda law: law is not Pareto,
)
def log_concave_l1(noise: IIDNoise, error: FloatArray, dim: int) -> FloatArray:
    """F⁻¹(1 - error) for log-concave coordinates [Yang et al. 2020, theorem M.1]; tight.

    The score φ'(Z₁) is largest in the tail {Z₁ > z}, where its mean is the density at z. Half spaces
    across one axis attain the bound.
    """
    if noise.half_line is not HalfLine.LOG_CONCAVE:
        return np.full_like(error, np.nan)
    return noise.coordinate_isf(error)


@register(Pareto, Norm.L2, method="convex-order", tight=False, ulps=32, growth=Rate())
def pareto_l2(noise: Pareto, error: FloatArray, dim: int) -> FloatArray:
    """√(2/π) · Φ⁻¹(1 - error)/(1 + a), in any dimension; derived here.

    The score of a coordinate is symmetric and bounded by 1 + a, so ⟨u, score⟩ with ‖u‖₂ = 1 is below
    (1 + a)·Σ u_i·sign_i in convex order, and that below (1 + a)·√(π/2)·N(0,1).
    """
    return math.sqrt(2 / math.pi) / (1 + noise.a) * normal_quantile(error)
