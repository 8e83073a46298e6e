"""Uniform noise on the cube: exact, because the growth function is min(1, p + 1 - overlap)."""

import numpy as np

from wulff._typing import FloatArray
from wulff.certificates.registry import register
from wulff.noises import Uniform
from wulff.norms import Norm


@register(Uniform, Norm.L1, method="closed-form", tight=True, ulps=2)
def uniform_l1(noise: Uniform, error: FloatArray, dim: int) -> FloatArray:
    """2 (½ - error) [Yang et al. 2020, theorem I.2]; the worst perturbation changes one coordinate."""
    return 2 * (0.5 - error)


@register(Uniform, Norm.L2, method="closed-form", tight=True, ulps=8)
def uniform_l2(noise: Uniform, error: FloatArray, dim: int) -> FloatArray:
    """2 √d (1 - (½ + error)^(1/d)), derived here; the worst perturbation changes all coordinates equally.

    log(1 - √s) is convex for √s < ½, which every coordinate of a v with overlap above ½ obeys; so among
    the v with equal ‖v‖₂ the overlap Π(1 - |v_i|/2) is smallest where the |v_i| are equal.
    """
    return 2 * np.sqrt(dim) * _root_complement(error, dim)


@register(Uniform, Norm.LINF, method="closed-form", tight=True, ulps=6)
def uniform_linf(noise: Uniform, error: FloatArray, dim: int) -> FloatArray:
    """2 (1 - (½ + error)^(1/d)) [Yang et al. 2020, table A.1, where the root is misprinted]."""
    return 2 * _root_complement(error, dim)


def _root_complement(error: FloatArray, dim: int) -> FloatArray:
    """1 - (½ + error)^(1/dim) without cancellation: error - ½ is exact where it is small."""
    return -np.expm1(np.log1p(error - 0.5) / dim)
