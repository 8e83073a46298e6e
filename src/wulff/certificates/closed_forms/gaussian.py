"""Gaussian noise against every norm."""

from wulff._numerics.normal import normal_quantile
from wulff._typing import FloatArray
from wulff.certificates.certificate import ANY_NORM, Rate
from wulff.certificates.registry import register
from wulff.noises import Gaussian
from wulff.norms import Norm


@register(Gaussian, ANY_NORM, method="closed-form", tight=True, ulps=48, growth=Rate())
def gaussian(noise: Gaussian, error: FloatArray, dim: int, norm: Norm) -> FloatArray:
    """Φ⁻¹(1 - error) · d^min(0, 1/p - 1/2) [Cohen et al. 2019, theorem 1].

    The law of x + Z against x + v + Z depends on ‖v‖₂ only, so that the largest ‖v‖₂ in the ball of the
    norm decides, and the radius is tight for every p.
    """
    return normal_quantile(error) * norm.equivalence(Norm.L2, dim)
