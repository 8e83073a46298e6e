"""What every noise must obey."""

import math
from typing import Any

import numpy as np
import torch

from wulff._numerics import fixed_point
from wulff._typing import FloatArray
from wulff.noises import IIDNoise, Noise, NormRadialNoise, Tails, parse

FALSE_ALARM = 1e-6
"""With which probability each statistical check rejects a correct sampler."""


def check_noise(noise: Noise, dim: int, *, samples: int = 4000, seed: int = 0) -> None:
    """Check spec string, sizes and sampler of a noise in one dimension, and its law against the draws.

    Certificates rest on the law: on the survival function of a coordinate, or on that of the norm and on the
    profile of level sets.

    Raises:
        AssertionError: The noise breaks its contract.
    """
    from scipy import stats  # imported here: it takes half a second

    resolved = noise.in_dim(dim)
    assert parse(str(noise)) == noise
    assert parse(str(resolved)) == resolved
    assert hash(noise) == hash(parse(str(noise)))
    assert resolved.dim == dim
    ratio = resolved.mean_square(dim)
    assert math.isclose(resolved.sigma, resolved.scale * math.sqrt(ratio), rel_tol=1e-12) or ratio == math.inf

    def draw(with_seed: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(with_seed)
        return noise.sample((samples, dim), generator=generator).numpy().astype(np.float64)

    drawn = draw(seed)
    assert drawn.shape == (samples, dim)
    assert np.isfinite(drawn).all()
    np.testing.assert_array_equal(drawn, draw(seed))
    assert not np.array_equal(drawn, draw(seed + 1))
    mirrored = -draw(seed + 2)
    assert _p_value(stats.ks_2samp(drawn[:, 0], mirrored[:, 0])) > FALSE_ALARM
    if isinstance(noise, IIDNoise):
        everything = (drawn / resolved.scale).ravel()
        law = noise.coordinate_sf

        def cdf(z: FloatArray) -> FloatArray:
            return 1 - law(z)

        assert _p_value(stats.kstest(everything, cdf)) > FALSE_ALARM
        z = np.linspace(0.1, 0.9, 9)
        slope = (law(z - 1e-6) - law(z + 1e-6)) / 2e-6
        np.testing.assert_allclose(np.exp(noise.coordinate_log_density(z)), slope, rtol=1e-6)
    _check_moves(noise, drawn / resolved.scale)
    if noise.exact_tails is not None:
        assert isinstance(noise, IIDNoise)  # every coordinate is drawn by itself
        _check_tails(noise, noise.exact_tails)
    if isinstance(noise, NormRadialNoise):
        _check_radial(noise, dim, drawn / resolved.scale)


def _check_moves(noise: Noise, drawn: np.ndarray) -> None:
    """What the law says of a move along an axis, and of directions, is so of the draws and their density."""
    size = float(np.median(np.abs(drawn[:, 0])))
    move = np.zeros(drawn.shape[1])
    move[0] = size
    said = [found for found in (noise.lost_by(move), noise.variation_along_axis(size)) if found is not None]
    if not said and not noise.is_spherical():
        return
    mirror = np.ones(len(move)) / math.sqrt(len(move))
    inside = drawn * (1 - 1e-6)  # where float32 has rounded a draw out of the support
    with np.errstate(all="ignore"):
        here, moved = noise.log_density_at(inside), noise.log_density_at(inside - move)
        mirrored = noise.log_density_at(inside - 2 * (inside @ mirror)[:, None] * mirror)
    if noise.is_spherical():
        np.testing.assert_allclose(mirrored, here, rtol=1e-9, atol=1e-9)
    variation = float(np.nanmean(-np.expm1(np.minimum(moved - here, 0.0))))
    slack = math.sqrt(math.log(2 / FALSE_ALARM) / (2 * len(drawn)))  # Hoeffding's, of values in [0, 1]
    assert all(abs(found - variation) < slack for found in said)


def _check_tails(noise: IIDNoise, tails: Tails) -> None:
    """The tails that exact sampling draws by are those of the law, and end where they may."""
    step = tails.end / 400
    places = np.array([float((2 * j - 1) * step) for j in range(1, 201)])
    found = [tail / fixed_point.ONE for tail in tails.at(step, 200)]
    np.testing.assert_allclose(found, 2 * noise.coordinate_sf(places), rtol=1e-9, atol=2.0**-63)
    assert 2 * noise.coordinate_sf(np.array([float(tails.end)]))[0] < 2.0**-63


def _check_radial(noise: NormRadialNoise, dim: int, drawn: np.ndarray) -> None:
    """The law of log R is that of the draws, its two tails fit together, and so does the profile."""
    from scipy import stats

    law, profile = noise.radial_law(dim), noise.level_profile(dim)
    with np.errstate(divide="ignore"):  # in float32, sizes next to a pole may be 0
        sizes = np.log(np.linalg.norm(drawn, ord=noise.level_norm.p, axis=1))
    assert _p_value(stats.kstest(sizes, law.cdf)) > FALSE_ALARM
    x = law.ppf(np.linspace(0.1, 0.9, 9))
    np.testing.assert_allclose(law.cdf(x) + law.sf(x), 1, rtol=1e-9)
    if profile is not None:
        place = x - profile.log_mode
        np.testing.assert_allclose(profile.log_density(place), law.log_density(x), rtol=1e-6, atol=1e-6)


def _p_value(result: Any) -> float:
    return float(result.pvalue)
