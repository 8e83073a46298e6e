"""Independent log-concave coordinates against l1 and l0 in the box, by composing privacy losses at v*.

The overlap of two superlevel sets is symmetric and log-concave in the shift [Brunn–Minkowski], hence smallest
at the greedy perturbation v* = (1, …, 1, u) of the unit box, for every error at once. With c whole steps its
loss is a sum of c copies of the loss of a step and one of that of u.
"""

import dataclasses
import functools
from typing import Any, final

import numpy as np

from wulff._numerics import rounding
from wulff._numerics.bisection import last_whole
from wulff._numerics.composition import compose_all
from wulff._typing import FloatArray
from wulff.certificates.box.filling import HALF
from wulff.certificates.privacy_loss.coordinates import LARGEST_LOSS, curve_of, interpolate
from wulff.certificates.privacy_loss.curves import SMALLEST_ERROR, Curve, useless
from wulff.certificates.privacy_loss.lattice import privacy_loss
from wulff.certificates.registry import Certificate, converter
from wulff.noises import Gaussian, Noise, Uniform
from wulff.noises.base import HalfLine, IIDNoise
from wulff.norms import Box, Threat

RESOLUTION = 128
"""Lattice points for each standard deviation of the loss of a step."""
PARTS = 8
"""Curves for each coordinate: after eighths of its step."""


@converter
def composed_in_the_box(noise: type[Noise], threat: Threat) -> list[Certificate]:
    """The composition for laws of independent coordinates, where no closed form is exact."""
    covered = issubclass(noise, IIDNoise) and not issubclass(noise, Gaussian | Uniform)
    if not covered or not isinstance(threat, Box) or threat.norm.p not in (0, 1):
        return []
    return [
        Certificate(
            noise,
            threat,
            "unit-box",
            tight=False,
            ulps=8,
            function=functools.partial(_radius, threat),
            source="the r with inf_t {t · error + D_t(1, …, 1, u)} = ½; tight but for discretisation",
            growth=functools.partial(_grown, threat),
        )
    ]


@final
@dataclasses.dataclass(frozen=True)
class BoxCurves:
    """Growth functions along r ↦ v*(r), at scale 1.

    Attributes:
        noise: The law, at scale 1.
        step: The room of a coordinate, in units of the scale.
        dim: The number of coordinates.
    """

    noise: IIDNoise
    step: float
    dim: int

    def at(self, parts: int) -> Curve:
        """The curve for r of so many parts of a step."""
        return _curve(self, parts)

    def largest(self, p: float) -> int:
        """The largest number of parts of steps after which the error p is still below ½, by bisection."""
        low, high = 0, PARTS * self.dim
        first = 1
        while low + first < high and self.at(low + first).reach >= p:  # the answer is often small
            low, first = low + first, 2 * first
        high = min(high, low + first)
        if high == PARTS * self.dim and self.at(high).reach >= p:
            return high
        return int(last_whole(lambda parts: self.at(int(parts)).reach >= p, low, high))

    def radius(self, p: float) -> float:
        """The largest r found, in units of the scale.

        Two successive ones lie on a straight path, along which overlaps are log-concave.
        """
        parts = self.largest(p)
        if parts >= PARTS * self.dim:
            return float(np.nextafter(self.dim * self.step, np.inf))
        left = self.at(parts)
        if parts == 0:
            return 0.0  # so small a radius is the one without the box
        return float(interpolate(left, self.at(parts + 1), np.array([p]))[0])


@functools.lru_cache(maxsize=4096)
def _curve(curves: BoxCurves, parts: int) -> Curve:
    whole, part = divmod(parts, PARTS)
    shift = parts / PARTS * curves.step
    step = privacy_loss(curves.noise, curves.step, RESOLUTION)
    if step is None or parts == 0:
        return useless(shift)
    mean, deviation = step.moments()
    if (whole * mean - 8 * whole**0.5 * deviation) * step.step > LARGEST_LOSS:
        return useless(shift)
    laws = [(step, whole)] if whole else []
    if part:
        last = privacy_loss(curves.noise, part / PARTS * curves.step, RESOLUTION, step.step)
        if last is None:
            return useless(shift)
        laws.append((last, 1))
    total = compose_all(laws)
    return useless(shift) if total.lost > 0.5 else curve_of(total, shift)


def _curves(noise: Any, dim: int) -> BoxCurves | None:
    if noise.half_line is not HalfLine.LOG_CONCAVE:
        return None
    return BoxCurves(noise.unit(), float(rounding.up(np.array(1 / noise.scale), 1)), dim)


def _radius(threat: Box, noise: Noise, error: FloatArray, dim: int) -> FloatArray:
    curves = _curves(noise, dim)
    if curves is None:
        return np.full(error.shape, np.nan)
    errors, place = np.unique(np.maximum(error, SMALLEST_ERROR), return_inverse=True)
    if threat.norm.p == 0:
        found = [(curves.largest(float(p)) // PARTS + HALF) / noise.scale for p in errors]
    else:
        found = [curves.radius(float(p)) for p in errors]
    return np.array(found)[place].reshape(error.shape)


def _grown(threat: Box, noise: Noise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    curves = _curves(noise, dim)
    if curves is None:
        return np.full(error.shape, np.nan)
    coordinates = radius * noise.scale
    grown = np.ones(error.shape)
    parts = np.ceil((np.ceil(coordinates) if threat.norm.p == 0 else coordinates * (1 + 1e-12)) * PARTS)
    parts = np.clip(parts, 1, PARTS * dim).astype(np.int64)
    for count in np.unique(parts):
        here = parts == count
        grown[here] = curves.at(int(count)).grown(error[here])
    return grown
