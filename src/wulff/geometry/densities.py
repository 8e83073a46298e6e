"""Densities of noises in input units, up to a constant, and likelihood ratios of shifted noise."""

import numpy as np

from wulff._typing import FloatArray
from wulff.noises import Noise


def log_density(noise: Noise, z: FloatArray) -> FloatArray:
    """log q(z) up to a constant, for rows z; -∞ outside the support, ∞ at a pole.

    Raises:
        InputError: The noise is of a kind whose density is not known here.
    """
    return noise.log_density_at(np.asarray(z, dtype=np.float64) / noise.of_one_size().scale)


def log_ratio(noise: Noise, z: FloatArray, v: FloatArray) -> FloatArray:
    """log q(z - v)/q(z), the logarithm of the likelihood ratio; 0 where neither density is positive."""
    shifted, resting = log_density(noise, z - v), log_density(noise, z)
    with np.errstate(invalid="ignore"):
        ratio = shifted - resting
    return np.where(np.isnan(ratio), 0.0, ratio)
