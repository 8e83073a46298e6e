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
import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from wulff._numerics import rounding
from wulff._numerics.normal import normal_quantile
from wulff._typing import FloatArray
from wulff.certificates.certificate import Bounded
from wulff.certificates.level_set.kernels import CubeAgainstL1, Kernel, OwnNorm, Spherical
from wulff.certificates.level_set.solver import (
    LARGEST_LOG_R,
    Duality,
    divergences,
    grown,
    largest_certified,
)
from wulff.certificates.level_set.table import radius_table
from wulff.certificates.registry import register
from wulff.noises import Noise, NormRadialNoise
from wulff.norms import Norm

ULPS: Final = 1024
"""Covers log r and the logs of the noise's parameters, which have sizes up to 600, and the exponential."""

NEARER: Final = 1e-3
"""By which part of a radius a look stays below it: far more than the quadrature may be off."""

LOOKS: Final = 100
"""The table of more errors than these takes no longer than a look at each."""

_register = functools.partial(register, NormRadialNoise, method="level-set", tight=True, ulps=ULPS)


def _covers(*levels: Norm) -> Callable[[type[Noise]], bool]:
    """Whether a noise has a level-set profile, and level sets that are balls of one of these norms."""

    def covered(law: type[Noise]) -> bool:
        if not issubclass(law, NormRadialNoise) or law.level_profile is NormRadialNoise.level_profile:
            return False
        return law.level_norm in levels

    return covered


def _kernel_l1(noise: NormRadialNoise, dim: int) -> Kernel:
    if noise.level_norm == Norm.L1 or dim == 1:
        return OwnNorm(dim)
    return Spherical(dim) if noise.level_norm == Norm.L2 else CubeAgainstL1(dim)


def _kernel_linf(noise: NormRadialNoise, dim: int) -> Kernel:
    return OwnNorm(dim) if noise.level_norm == Norm.LINF or dim == 1 else Spherical(dim)


def _length_linf(noise: NormRadialNoise, dim: int) -> float:
    """The length, as the kernel measures it, of the worst vector in the unit cube."""
    return math.sqrt(dim) if noise.level_norm == Norm.L2 else 1.0


def _grown_l1(noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    return _grown(noise, error, radius, dim, _kernel_l1(noise, dim))


def _grown_linf(noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    length = _length_linf(noise, dim)
    longer = radius if length == 1 else rounding.up(radius * length, 2)
    return _grown(noise, error, longer, dim, _kernel_linf(noise, dim))


def _look_l1(
    noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int
) -> npt.NDArray[np.bool_]:
    return _look(noise, error, radius, dim, _kernel_l1(noise, dim))


def _look_linf(
    noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int
) -> npt.NDArray[np.bool_]:
    return _look(noise, error, radius * _length_linf(noise, dim), dim, _kernel_linf(noise, dim))


@_register(Norm.L1, growth=Bounded(_grown_l1), look=_look_l1, covers=_covers(Norm.L1, Norm.L2, Norm.LINF))
def against_l1(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """The r with p₁ = ½, p₀ = error for a shift along an axis [Yang et al. 2020, T.1; derived here]; tight.

    Of Euclidean balls, over spherical caps [theorem T.1]: all directions are alike, so that the radii against
    l1 and l2 are the same. Of cross-polytopes, over shifted facets (derived here): for the density exp(-‖z‖)
    the likelihood ratio has the largest value e^r on half of the shifted law, and the radius is -log(2·error)
    [Teng et al. 2019]. Of cubes (derived here): the likelihood ratio is 1 on a set of positive mass, which
    decides for errors of 1/(2d) and more; there r/2 is the (½ - error) quantile of |Z₁|: total variation.
    """
    return _radius(noise, error, dim, _kernel_l1(noise, dim))


@_register(Norm.L2, growth=Bounded(_grown_l1), look=_look_l1, covers=_covers(Norm.L2))
def against_l2(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """The r with p₁ = ½, p₀ = error over spherical caps [Yang et al. 2020, theorem T.1]; tight."""
    return _radius(noise, error, dim, _kernel_l1(noise, dim))


@_register(Norm.LINF, growth=Bounded(_grown_linf), look=_look_linf, covers=_covers(Norm.L2, Norm.LINF))
def against_linf(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """The r with p₁ = ½, p₀ = error for a shift along the diagonal; derived here, tight.

    Of cubes it has the kernel of cross-polytopes against l1, hence the same radii. Of Euclidean balls it is
    the l2 radius over √d, the length of the longest vector in the unit cube.
    """
    return _radius(noise, error, dim, _kernel_linf(noise, dim)) / _length_linf(noise, dim)


def divergence(
    noise: NormRadialNoise, norm: Norm, radius: float, dim: int
) -> tuple[FloatArray, FloatArray] | None:
    """Ascending log t and the D_t, from above, of the worst shift by a radius of noise at scale 1; None where
    the theorem against this norm does not give them."""
    length, kernel = (
        (_length_linf(noise, dim), _kernel_linf(noise, dim))
        if norm == Norm.LINF
        else (1.0, _kernel_l1(noise, dim))
    )
    profile, log_r = noise.level_profile(dim), math.log(radius * length * (1 + 1e-12))
    if profile is None or (isinstance(kernel, OwnNorm) and profile.linear) or log_r > LARGEST_LOG_R:
        return None
    return divergences(Duality(profile, kernel), log_r)


def _radius(noise: NormRadialNoise, error: FloatArray, dim: int, kernel: Kernel) -> FloatArray:
    profile = noise.level_profile(dim)
    if profile is None or error.size == 0:
        return np.full(error.shape, np.nan)
    if isinstance(kernel, OwnNorm) and profile.linear:
        return -np.log(2 * error)
    duality = Duality(profile, kernel)
    errors, where = np.unique(_on_ladder(error), return_inverse=True)
    return np.exp(radius_table(duality).log_radius(errors))[where].reshape(error.shape)


def _look(
    noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int, kernel: Kernel
) -> npt.NDArray[np.bool_]:
    """Where more than each radius may be certified: unless a larger error cannot be at one that is a little
    smaller, one inequality for each instead of a table of them."""
    profile, may = noise.level_profile(dim), np.ones(error.shape, dtype=bool)
    if profile is None or not 0 < error.size <= LOOKS or (isinstance(kernel, OwnNorm) and profile.linear):
        return may
    some = (radius > 1e-250) & (radius < 1e100)
    if not some.any():
        return may
    log_r = np.log(radius[some]) - NEARER
    log_z, _ = largest_certified(Duality(profile, kernel), log_r, np.full(log_r.shape, math.nan))
    may[some] = log_z <= np.log(normal_quantile(error[some]))
    return may


def _on_ladder(error: FloatArray) -> FloatArray:
    """The next error upwards on a ladder, by parts of 2⁻³⁴ of it or, near ½, 2⁻³⁸ of ½ - error.

    Neighbours on the ladder have radii that differ by more than rounding does: none rises with the error.
    """
    part, power = np.frexp(error)
    small = np.ldexp(np.ceil(np.ldexp(part, 34)), power - 34)
    part, power = np.frexp(0.5 - error)
    large = 0.5 - np.ldexp(np.floor(np.ldexp(part, 38)), power - 38)  # exact: multiples of 2⁻⁵⁴
    return np.where(error <= 0.25, small, large)


def _grown(
    noise: NormRadialNoise, error: FloatArray, radius: FloatArray, dim: int, kernel: Kernel
) -> FloatArray:
    profile = noise.level_profile(dim)
    if profile is None or (isinstance(kernel, OwnNorm) and profile.linear):
        return np.full(error.shape, np.nan)  # the closed form knows the latter's growth
    # Distances of more than e²⁵⁰ scales are as good as infinite: any error may become 1.
    far = np.log(radius) > 250
    found = grown(Duality(profile, kernel), error, np.where(far, 0.0, np.log(radius)))
    return np.where(far, 1.0, found)
