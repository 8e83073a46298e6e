"""The differential method for every norm-radial noise: one engine for nine pairs of norms."""

import functools

import numpy as np

from wulff._typing import FloatArray
from wulff.certificates.certificate import Rate
from wulff.certificates.differential.directions import Direction, direction
from wulff.certificates.differential.profile import LARGEST_SHORTFALL, Profile, build_profile
from wulff.certificates.differential.quadrature import RadialQuadrature
from wulff.certificates.registry import register
from wulff.noises import Ball, NormRadialNoise, RadialLaw
from wulff.norms import Norm

_ULPS = 2**17
"""3e-11, for the expectations over the radius: see the checks of RadialQuadrature."""


_register = functools.partial(
    register,
    NormRadialNoise,
    method="differential",
    tight=False,
    ulps=_ULPS,
    growth=Rate(shortfall=LARGEST_SHORTFALL),
    covers=lambda law: law is not Ball,  # whose density jumps
)


@_register(Norm.L1)
def differential_l1(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """∫_error^½ dp/Φ(p), Φ(p) = min_c {c p + E[T·E(D - c/T)₊]} [Yang et al. 2020, theorem 4.1].

    Φ(p) is the largest mean of the score ⟨u, ∇ψ(Z)⟩ = T·D over sets of probability p and perturbations u
    in the unit ball; T = h'(R) is the radial score and D = ⟨u, n(θ)⟩ the direction, independent of it.
    The theorem needs a density that is absolutely continuous along lines, so laws that jump are not covered.
    """
    return _radii(noise, error, dim, Norm.L1)


@_register(Norm.L2)
def differential_l2(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """∫_error^½ dp/Φ(p), Φ(p) = min_c {c p + E[T·E(D - c/T)₊]} [Yang et al. 2020, theorem 4.1].

    Exact for spherical level sets; for cubes and cross-polytopes the direction is replaced by a law above it
    in convex order, derived here, which makes Φ larger and the radius smaller.
    """
    return _radii(noise, error, dim, Norm.L2)


@_register(Norm.LINF)
def differential_linf(noise: NormRadialNoise, error: FloatArray, dim: int) -> FloatArray:
    """∫_error^½ dp/Φ(p), Φ(p) = min_c {c p + E[T·E(D - c/T)₊]} [Yang et al. 2020, theorem 4.1].

    For cross-polytopes in more than 24 dimensions the sum of signs is replaced by a normal law above it in
    convex order, of variance d + 0.7, derived here.
    """
    return _radii(noise, error, dim, Norm.LINF)


def _radii(noise: NormRadialNoise, error: FloatArray, dim: int, adversary: Norm) -> FloatArray:
    law = noise.radial_law(dim)
    if np.isnan(law.mean_score):
        return np.full_like(error, np.nan)
    if np.isinf(law.mean_score):
        return np.zeros_like(error)  # Φ is infinite
    profile, factor = differential_profile(law, noise.level_norm, adversary)
    return np.full_like(error, np.nan) if profile is None else profile.radius(error) / factor


def differential_profile(law: RadialLaw, level: Norm, adversary: Norm) -> tuple[Profile | None, float]:
    """The radii at scale 1 for all errors, to be divided by the factor; None where nothing is certified."""
    cell = direction(level, adversary, law.dim)
    if cell is None:
        return None, 1.0
    return _profile(law, cell[0]), cell[1] * law.mean_score


@functools.lru_cache(maxsize=256)
def _profile(law: RadialLaw, cell: Direction) -> Profile | None:
    """One for all norms whose direction is the same up to its factor, as it is on spheres."""
    try:
        return build_profile(RadialQuadrature(law), cell)
    except ArithmeticError:
        return None
