"""Noise with cubes as level sets against l1 and l0 in the box, by total variation at v*; derived here.

The density q is a mixture of uniform laws on the cubes [-H, H]^d of its level sets: P[H > h] = P[R > h] + h
f(h)/d with the law and the density f of R = ‖Z‖∞. At every z the smaller of q(z) and q(z - v) is above a
level iff z is in both level sets, so that

    1 - TV(v) = E Π (1 - |v_i|/2H)₊,

which is smallest at v* for every H at once, and G(e, v) ≤ e + TV(v). It is tight as long as the likelihood
ratio is 1 where ½ is reached, as it is for all but small errors.

H is replaced by a discrete law that it exceeds: the bound only grows.
"""

import functools
from typing import Final

import numpy as np

from wulff._numerics import rounding
from wulff._numerics.sums import weighted_sum
from wulff._typing import FloatArray
from wulff.certificates.box.conversion import at_scale_one
from wulff.certificates.box.filling import HALF, Filling
from wulff.certificates.certificate import Bounded, Certificate
from wulff.certificates.registry import converter
from wulff.noises import Noise, NormRadialNoise
from wulff.norms import Box, Norm, Threat

NODES: Final = 2000
"""Values of the discrete law."""
SLACK: Final = 1e-10
"""Covers the rounding of probabilities and of sums of products."""


@converter(NormRadialNoise)
def cubes_in_the_box(noise: type[NormRadialNoise], threat: Threat) -> list[Certificate]:
    """Total variation at v* for noises whose level sets are cubes."""
    if not isinstance(threat, Box) or threat.norm.p not in (0, 1):
        return []
    if getattr(noise, "level_norm", None) != Norm.LINF:
        return []
    return [
        Certificate(
            noise,
            threat,
            "unit-box" if threat.room is None else "box",
            tight=False,
            ulps=64,
            function=functools.partial(_radius, threat),
            source="the r with E Π (1 - v*_i/2H) = ½ + error, a mixture of uniform laws on cubes",
            growth=Bounded(functools.partial(_grown, threat)),
        )
    ]


@functools.lru_cache(maxsize=32)
def _sizes(noise: NormRadialNoise, dim: int) -> tuple[FloatArray, FloatArray]:
    """A discrete law below that of H, at scale 1: values and their probabilities, which are too small."""
    law = noise.radial_law(dim)
    low, high = float(law.ppf(np.array(1e-12))), float(law.isf(np.array(1e-12)))
    x = np.linspace(low, high, NODES)
    below = law.cdf(x) - np.exp(law.log_density(x)) / dim
    if (np.diff(below) < -SLACK).any():  # the density rises somewhere: it is no such mixture
        return np.exp(x), np.zeros(len(x))
    below = np.clip(np.maximum.accumulate(np.nan_to_num(below, nan=1.0)), 0.0, 1.0)
    weights = np.append(np.diff(below), 1 - below[-1])
    return np.exp(x), weights


@functools.lru_cache(maxsize=64)
def _tables(threat: Box, noise: Noise, dim: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A_c = E Π_{i ≤ c} (1 - m_i/2H), the same of the product over 2H, and S_c, until A_c is below ½."""
    assert isinstance(noise, NormRadialNoise)
    values, weights = _sizes(noise.unit(), dim)
    half = 1 / (2 * values * noise.scale)
    rooms = np.ones(dim) if threat.room is None else threat.room.sizes
    product = np.ones(len(values))
    overlaps, slopes, sums = [float(weights.sum())], [float(weighted_sum(half, weights))], [0.0]
    for c in range(dim):
        product = product * np.maximum(1 - rooms[c] * half, 0.0)
        overlaps.append(float(weighted_sum(product, weights)))
        slopes.append(float(weighted_sum(product * half, weights)))
        sums.append(sums[-1] + float(rooms[c]))
        if overlaps[-1] < 0.5:
            break
    return np.array(overlaps) - SLACK, np.array(slopes) + SLACK, np.array(sums) * (1 - 1e-12)


def _radius(threat: Box, noise: Noise, error: FloatArray, dim: int) -> FloatArray:
    overlaps, slopes, sums = _tables(threat, noise, dim)
    needed = rounding.up(0.5 + error, 1)
    full = np.searchsorted(-overlaps, -needed, side="left") - 1  # the last A_c > ½ + error
    known = full >= 0
    full = np.maximum(full, 0)
    if threat.norm.p == 0:
        return np.where(known, (full + HALF) / noise.scale, np.nan)
    radius = sums[full] + np.maximum(overlaps[full] - needed, 0.0) / slopes[full]
    if full.size and full.max() + 1 < len(sums):
        following = np.minimum(full + 1, len(sums) - 1)
        radius = np.where(full < dim, np.minimum(radius, sums[following]), radius)
    whole = np.where(full >= dim, np.inf, radius)
    found = at_scale_one(whole, Filling(threat, dim), noise, 64)
    return np.where(known, found, np.nan)


def _grown(threat: Box, noise: Noise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    overlaps, slopes, sums = _tables(threat, noise, dim)
    size = rounding.up(radius * noise.scale, 4)
    if threat.norm.p == 0:
        place = np.minimum(np.ceil(size), dim).astype(np.int64)
        overlap = np.where(place < len(overlaps), overlaps[np.minimum(place, len(overlaps) - 1)], 0.0)
    else:
        full = np.searchsorted(sums, size, side="right") - 1
        last = len(sums) - 1
        rest = np.where(full < last, size - sums[full], 0.0 if last == dim else np.inf)
        overlap = np.maximum(overlaps[full] - rounding.up(rest * slopes[full], 4), 0.0)
    return np.minimum(rounding.up(error + rounding.up(1 - overlap, 4), 1), 1.0)
