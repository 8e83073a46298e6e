"""Level-set (Neyman-Pearson) certificates: exact radii of norm-radial noise, in any dimension."""

import numpy as np

from wulff._typing import FloatArray
from wulff.certificates.level_set_kernels import CubeAgainstL1, Kernel, OwnNorm, Spherical
from wulff.certificates.level_set_profiles import profile_of
from wulff.certificates.level_set_solver import Duality, certify
from wulff.noises.base import NormRadialNoise
from wulff.norms import Norm


def _kernel(noise: NormRadialNoise, dim: int, norm: Norm) -> Kernel | None:
    if dim == 1:
        return OwnNorm(1)
    if noise.level_norm == Norm.L2:
        return Spherical(dim)
    if norm == noise.level_norm:
        return OwnNorm(dim)
    return CubeAgainstL1(dim) if norm == Norm.L1 and noise.level_norm == Norm.LINF else None


def level_set_radius(noise: NormRadialNoise, error: FloatArray, dim: int, norm: Norm) -> FloatArray:
    profile, kernel = profile_of(noise.radial_law(dim)), _kernel(noise, dim, norm)
    if profile is None or kernel is None:
        return np.full(error.shape, np.nan)
    log_r = certify(Duality(profile, kernel), error)
    if isinstance(kernel, Spherical) and norm.p == np.inf:
        log_r = log_r - 0.5 * np.log(dim)
    return np.exp(log_r)
