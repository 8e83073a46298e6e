"""Closed forms of the differential method for power-law noise, density ∝ (1 + ‖z‖^k)^-a."""

import numpy as np

from wulff._typing import FloatArray
from wulff.certificates.certificate import Rate
from wulff.certificates.registry import register
from wulff.noises import PowerLinf
from wulff.norms import Norm


@register(PowerLinf, Norm.L1, method="closed-form", tight=False, ulps=256, growth=Rate())
def power_linf_l1(noise: PowerLinf, error: FloatArray, dim: int) -> FloatArray:
    """2d(½ - error)/E[T] for error ≥ 1/(2d); E[T] = a - d for k = 1 [Yang et al. 2020, O.1].

    The score against one axis is T with probability 1/d (with a fair sign) and else 0, so that Φ = E[T]/(2d)
    from there on; E[T] = k Γ(α+1-1/k)Γ(β+1/k)/(Γ(α)Γ(β)) with α = d/k and β = a - α.
    """
    mean = noise.a - dim if noise.k == 1 else noise.radial_law(dim).mean_score
    return np.where(error >= 0.5 / dim, 2 * dim * (0.5 - error) / mean, np.nan)
