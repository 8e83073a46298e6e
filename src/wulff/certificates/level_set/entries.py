"""Level-set (Neyman-Pearson) certificates: exact radii of norm-radial noise, for every error and dimension.

The set that is hardest to certify collects the largest likelihood ratios between the noise and its
translate [Yang et al. 2020, section 3]; for norm-radial noise its probabilities are one-dimensional
integrals. Which translate is the worst is settled once for all errors, as follows (derived here). The
hockey-stick divergence ∫(q(·-v) - t q)₊ is the integral of the submodular function (y - t z)₊ against the
volumes of the overlaps U_a ∩ (U_b + v) of the level sets, so the v that minimises all overlaps is the worst
for every error at once. Overlaps of convex sets are log-concave in v (Brunn-Minkowski), so that a vertex of
the adversary's ball is the worst: r e₁ for l1. Cubes and (1, ..., 1) have product overlaps, Euclidean balls
have no preferred direction, and cross-polytopes have the smallest overlaps at r e₁.
"""

import functools
from typing import Final

import numpy as np

from wulff._numerics import rounding
from wulff._typing import FloatArray
from wulff.certificates.level_set.kernels import CubeAgainstL1, Kernel, OwnNorm, Spherical
from wulff.certificates.level_set.laws import ExponentialProfile, profile_of
from wulff.certificates.level_set.solver import Duality, grown
from wulff.certificates.level_set.table import radius_table
from wulff.certificates.registry import register
from wulff.noises import ExpL1, ExpL2, ExpLinf, PowerL1, PowerL2, PowerLinf
from wulff.noises.base import NormRadialNoise
from wulff.norms import Norm

ULPS: Final = 1024
"""Covers log r and the logs of the noise's parameters, which have sizes up to 600, and the exponential."""

_register = functools.partial(register, method="level-set", tight=True, ulps=ULPS)


def _spherical_kernel(dim: int) -> Kernel:
    return OwnNorm(1) if dim == 1 else Spherical(dim)


def _cube_kernel(dim: int) -> Kernel:
    return OwnNorm(1) if dim == 1 else CubeAgainstL1(dim)


def _spherical_grown(noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    return _grown(noise, error, radius, dim, _spherical_kernel(dim))


def _spherical_linf_grown(
    noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int
) -> FloatArray:
    return _spherical_grown(noise, error, rounding.up(radius * np.sqrt(dim), 2), dim)


def _own_norm_grown(noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    return _grown(noise, error, radius, dim, OwnNorm(dim))


def _cube_l1_grown(noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    return _grown(noise, error, radius, dim, _cube_kernel(dim))


@_register(ExpL2, Norm.L2, growth=_spherical_grown)
@_register(ExpL2, Norm.L1, growth=_spherical_grown)
@_register(PowerL2, Norm.L2, growth=_spherical_grown)
@_register(PowerL2, Norm.L1, growth=_spherical_grown)
def spherical(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """The r with p₁ = ½, p₀ = error over spherical caps [Yang et al. 2020, theorem T.1]; tight.

    All directions are alike, so that the radii against l1 and l2 are the same.
    """
    return _radius(noise, error, dim, _spherical_kernel(dim))


@_register(ExpL2, Norm.LINF, growth=_spherical_linf_grown)
@_register(PowerL2, Norm.LINF, growth=_spherical_linf_grown)
def spherical_linf(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """The l2 radius over √d, the length of the longest vector in the unit cube; derived here, tight."""
    return spherical(noise, error, dim) / np.sqrt(dim)


@_register(ExpL1, Norm.L1, growth=_own_norm_grown)
@_register(PowerL1, Norm.L1, growth=_own_norm_grown)
@_register(ExpLinf, Norm.LINF, growth=_own_norm_grown)
@_register(PowerLinf, Norm.LINF, growth=_own_norm_grown)
def own_norm(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """The r with p₁ = ½, p₀ = error over shifted facets; derived here, tight.

    Cross-polytopes against l1 and cubes against linf have the same kernel, hence the same radii. For the
    density exp(-‖z‖) the likelihood ratio has the largest value e^r on half of the shifted law, and the
    radius is -log(2·error) [for l1: Teng et al. 2019].
    """
    return _radius(noise, error, dim, OwnNorm(dim))


@_register(ExpLinf, Norm.L1, growth=_cube_l1_grown)
@_register(PowerLinf, Norm.L1, growth=_cube_l1_grown)
def cube_l1(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """The r with p₁ = ½, p₀ = error for cubes shifted along an axis; derived here, tight.

    The likelihood ratio is 1 on a set of positive mass. For errors of 1/(2d) and more that set decides,
    and r/2 is the (½ - error) quantile of |Z₁|: total variation.
    """
    return _radius(noise, error, dim, _cube_kernel(dim))


def _radius(noise: NormRadialNoise, error: FloatArray, dim: int, kernel: Kernel) -> FloatArray:
    profile = profile_of(noise.radial_law(dim))
    if profile is None or error.size == 0:
        return np.full(error.shape, np.nan)
    if isinstance(kernel, OwnNorm) and profile == ExponentialProfile(dim, 0.0, 1.0):
        return -np.log(2 * error)
    duality = Duality(profile, kernel)
    errors, where = np.unique(error, return_inverse=True)
    return np.exp(radius_table(duality).log_radius(errors))[where].reshape(error.shape)


def _grown(
    noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int, kernel: Kernel
) -> FloatArray:
    profile = profile_of(noise.radial_law(dim))
    if profile is None or (isinstance(kernel, OwnNorm) and profile == ExponentialProfile(dim, 0.0, 1.0)):
        return np.full(error.shape, np.nan)  # the closed form knows the latter's growth
    # Distances of more than e²⁵⁰ scales are as good as infinite: any error may become 1.
    far = np.log(radius) > 250
    found = grown(Duality(profile, kernel), error, np.where(far, 0.0, np.log(radius)))
    return np.where(far, 1.0, found)
