"""Laplace noise."""

import numpy as np

from wulff._numerics.normal import normal_quantile
from wulff._typing import FloatArray
from wulff.certificates.certificate import Rate
from wulff.certificates.registry import register
from wulff.noises import Laplace
from wulff.norms import Norm


@register(Laplace, Norm.L1, method="closed-form", tight=True, ulps=4, growth=Rate())
def laplace_l1(noise: Laplace, error: FloatArray, dim: int) -> FloatArray:
    """-log(2 · error) [Teng et al. 2019; Yang et al. 2020, theorem I.1]; tight."""
    return -np.log(2 * error)


@register(Laplace, Norm.L2, method="convex-order", tight=False, ulps=16, growth=Rate())
def laplace_l2(noise: Laplace, error: FloatArray, dim: int) -> FloatArray:
    """√(2/π) · Φ⁻¹(1 - error), in any dimension; derived here, tight as the error approaches ½.

    The score ⟨u, sign Z⟩ with ‖u‖₂ = 1 is a sum of u_i times random signs. A random sign is the
    conditional mean √(π/2) · E[g | sign g] of a normal g, so by Jensen's inequality the score is below
    √(π/2) · N(0,1) in convex order, and its top-p mean below that of the normal: the differential
    method then gives the Gaussian radius divided by √(π/2).
    """
    return np.sqrt(2 / np.pi) * normal_quantile(error)
