"""Densities of noises in input units, up to a constant, and likelihood ratios of shifted noise."""

import numpy as np

from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.noises import Ball, IIDNoise, MixedLinf, Noise, NormRadialNoise


def log_density(noise: Noise, z: FloatArray) -> FloatArray:
    """log q(z) up to a constant, for rows z; -∞ outside the support, ∞ at a pole.

    Raises:
        InputError: The noise is of a kind whose density is not known here.
    """
    unit = np.asarray(z, dtype=np.float64) / noise.scale
    dim = unit.shape[-1]
    if isinstance(noise, IIDNoise):
        return noise.coordinate_log_density(unit).sum(axis=-1)
    with np.errstate(divide="ignore"):
        if isinstance(noise, Ball):
            return np.where(np.linalg.norm(unit, axis=-1) <= 1, 0.0, -np.inf)
        if isinstance(noise, NormRadialNoise):
            size = np.linalg.norm(unit, ord=noise.level_norm.p, axis=-1)
            return -noise.radial_law(dim).potential(np.log(size))
        if isinstance(noise, MixedLinf):
            pole = -noise.j * np.log(np.abs(unit).max(axis=-1)) if noise.j > 0 else 0.0
            return pole - 0.5 * (unit**2).sum(axis=-1)
    raise InputError(f"the density of {noise.name} noise is not known; growth needs it.")


def log_ratio(noise: Noise, z: FloatArray, v: FloatArray) -> FloatArray:
    """log q(z - v)/q(z), the logarithm of the likelihood ratio; 0 where neither density is positive."""
    shifted, resting = log_density(noise, z - v), log_density(noise, z)
    with np.errstate(invalid="ignore"):
        ratio = shifted - resting
    return np.where(np.isnan(ratio), 0.0, ratio)
