"""Uniform noise on the Euclidean ball: exact, because the growth function is min(1, p + 1 - overlap)."""

import numpy as np
from scipy import special

from wulff._typing import FloatArray
from wulff.certificates.certificate import ANY_NORM, Overlap
from wulff.certificates.registry import register
from wulff.noises import Ball
from wulff.norms import Norm


@register(Ball, ANY_NORM, method="closed-form", tight=True, ulps=2**14, growth=Overlap())
def ball(noise: Ball, error: FloatArray, dim: int, norm: Norm) -> FloatArray:
    """2√b · d^min(0, 1/p - 1/2), P[Beta(½, (d+1)/2) < b] = ½ - error [Yang et al. 2020, theorem S.1].

    The overlap of two balls at distance r is twice a spherical cap, written there with the quantile of
    Beta((d+1)/2, (d+1)/2) at ¼ + error/2; the square of the cap's height has the law above, which keeps its
    digits as the error approaches ½. The overlap depends on ‖v‖₂ only, so the largest ‖v‖₂ in the ball of
    the norm decides.
    """
    return 2 * np.sqrt(special.betaincinv(0.5, (dim + 1) / 2, 0.5 - error)) * norm.equivalence(Norm.L2, dim)
