"""Uniform noise against l1 and l0 in the box: its overlap is smallest at v* [Voráček & Hein 2023]."""

import functools
from typing import Any

import numpy as np

from wulff._numerics import rounding
from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray
from wulff.certificates.box.conversion import at_scale_one
from wulff.certificates.box.filling import HALF, Filling
from wulff.certificates.certificate import Bounded, Certificate
from wulff.certificates.registry import converter
from wulff.noises import Noise, Uniform
from wulff.norms import Box, Threat


@converter(Uniform)
def uniform_in_the_box(noise: type[Uniform], threat: Threat) -> list[Certificate]:
    """Uniform noise against l1 and l0 in the box, where the overlap at v* is exact."""
    if not isinstance(threat, Box) or threat.norm.p not in (0, 1):
        return []
    return [
        Certificate(
            noise,
            threat,
            "unit-box" if threat.room is None else "box",
            tight=True,
            ulps=8,
            function=functools.partial(_uniform, threat),
            source="S_c + 2λ(1 - (½ + error)/p_c), p_c = Π_{i ≤ c} (1 - m_i/2λ) [Voráček & Hein 2023]",
            growth=Bounded(functools.partial(_uniform_grown, threat)),
        )
    ]


def _uniform(threat: Box, noise: Noise, error: FloatArray, dim: int) -> FloatArray:
    overlaps, sums = _uniform_tables(threat, noise.scale, dim)
    needed = rounding.up(0.5 + error, 1)
    full = np.searchsorted(-overlaps, -needed, side="left") - 1  # the last p_c > ½ + error
    if threat.norm.p == 0:
        return np.asarray((full + HALF) / noise.scale, dtype=np.float64)
    part = 2 * noise.scale * np.maximum(1 - rounding.up(needed / overlaps[full], 1), 0.0)
    radius = rounding.down(sums[full] + part, 4)
    return at_scale_one(np.where(full >= dim, np.inf, radius), Filling(threat, dim), noise, 0)


def _uniform_grown(threat: Box, noise: Noise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    overlaps, sums = _uniform_tables(threat, noise.scale, dim)
    size = rounding.up(radius * noise.scale, 2)
    if threat.norm.p == 0:
        overlap = overlaps[np.minimum(np.ceil(size), dim).astype(np.int64)]
    else:
        full = np.minimum(np.searchsorted(sums, size, side="right") - 1, dim)
        rest = np.where(full < dim, size - sums[full], 0.0)
        overlap = overlaps[full] * np.maximum(1 - rounding.up(rest / (2 * noise.scale), 2), 0.0)
    return np.minimum(rounding.up(error + rounding.up(1 - overlap, 4), 1), 1.0)


def _uniform_tables(threat: Box, scale: float, dim: int) -> tuple[FloatArray, FloatArray]:
    """p_c and S_c from below, for c = 0, …, dim."""
    room: Any = threat.room
    sizes = np.ones(dim) if room is None else room.sizes
    factors = np.maximum(1 - rounding.up(sizes / (2 * scale), 1), 0.0)
    slack = 2 * np.arange(dim + 1) * EPSILON
    overlaps: FloatArray = np.append(1.0, np.cumprod(factors))
    sums: FloatArray = np.append(0.0, np.cumsum(sizes))
    return overlaps * (1 - slack), sums * (1 - slack)
