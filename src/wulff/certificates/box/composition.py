"""Independent log-concave coordinates against l1 and l0 in the box, by composing privacy losses at v*.

The overlap of two superlevel sets is symmetric and log-concave in the shift [Brunn–Minkowski], hence smallest
at the greedy perturbation v* = (m_1, …, m_c, u) of the box, for every error at once. Its loss is a sum of
those of its coordinates; equal ones are composed together. The rooms of one input are rounded up to multiples
of 1/64, so that few of them differ.
"""

import collections
import dataclasses
import functools
from typing import Any, final

import numpy as np

from wulff._numerics import rounding
from wulff._numerics.bisection import last_whole
from wulff._numerics.composition import LatticeMeasure, compose_all
from wulff._typing import FloatArray
from wulff.certificates.box.filling import HALF
from wulff.certificates.certificate import Bounded, Certificate
from wulff.certificates.privacy_loss.coordinates import LARGEST_LOSS, curve_of, interpolate
from wulff.certificates.privacy_loss.curves import SMALLEST_ERROR, Curve, useless
from wulff.certificates.privacy_loss.lattice import privacy_loss
from wulff.certificates.registry import converter
from wulff.noises import Gaussian, Noise, Uniform
from wulff.noises.base import HalfLine, IIDNoise
from wulff.norms import Box, Room, Threat

RESOLUTION = 128
"""Lattice points for each standard deviation of the loss of a step."""
PARTS = 8
"""Curves for each coordinate: after eighths of its room."""
ROOMS = 64
"""Rooms are rounded up to multiples of 1/64."""


@converter(IIDNoise)
def composed_in_the_box(noise: type[IIDNoise], threat: Threat) -> list[Certificate]:
    """The composition for laws of independent coordinates, where no closed form is exact."""
    if issubclass(noise, Gaussian | Uniform) or not isinstance(threat, Box) or threat.norm.p not in (0, 1):
        return []
    return [
        Certificate(
            noise,
            threat,
            "unit-box" if threat.room is None else "box",
            tight=False,
            ulps=8,
            function=functools.partial(_radius, threat),
            source="the r with inf_t {t · error + D_t(v*)} = ½; tight but for discretisation",
            growth=Bounded(functools.partial(_grown, threat)),
        )
    ]


@final
@dataclasses.dataclass(frozen=True, eq=False)
class BoxCurves:
    """Growth functions along r ↦ v*(r), at scale 1.

    Attributes:
        noise: The law, at scale 1.
        scale: The scale, by which rooms are divided.
        rooms: The room of each coordinate in 64ths, from above, in descending order.
    """

    noise: IIDNoise
    scale: float
    rooms: FloatArray

    @property
    def most(self) -> int:
        """The number of parts in the whole box; coordinates without room count for nothing."""
        return PARTS * int(np.count_nonzero(self.rooms))

    def size(self, parts: int) -> float:
        """‖v*‖₁ after so many parts, in units of the scale."""
        whole, part = divmod(parts, PARTS)
        filled = float(self.rooms[:whole].sum())  # exact: multiples of 1/64
        if part:
            filled += float(self.rooms[whole]) * part / PARTS
        return filled / ROOMS / self.scale

    def at(self, parts: int) -> Curve:
        """The curve for so many parts of the rooms, largest ones first."""
        whole, part = divmod(parts, PARTS)
        rooms: list[int] = (PARTS * self.rooms[:whole]).astype(int).tolist()
        sizes = collections.Counter(rooms)
        if part:
            sizes[int(part * self.rooms[whole])] += 1
        return _curve(self.noise, self.scale, tuple(sorted(sizes.items())), self.size(parts))

    def largest(self, p: float) -> int:
        """The largest number of parts after which the error p is still below ½, by bisection."""
        low, high = 0, self.most
        first = 1
        while low + first < high and self.at(low + first).reach >= p:  # the answer is often small
            low, first = low + first, 2 * first
        high = min(high, low + first)
        if high == self.most and self.at(high).reach >= p:
            return high
        return int(last_whole(lambda parts: self.at(int(parts)).reach >= p, low, high))

    def radius(self, p: float) -> float:
        """The largest r found, in units of the scale.

        Two successive ones lie on a straight path, along which overlaps are log-concave.
        """
        parts = self.largest(p)
        if parts >= self.most:
            return float(np.nextafter(self.size(parts), np.inf))
        left = self.at(parts)
        if parts == 0:
            return 0.0  # so small a radius is the one without the box
        return float(interpolate(left, self.at(parts + 1), np.array([p]))[0])

    def parts_within(self, coordinates: FloatArray, *, counted: bool) -> np.ndarray:
        """The fewest parts of a perturbation that is no smaller than v* of a size, or a number of rooms."""
        if counted:
            return np.clip(np.ceil(coordinates) * PARTS, 1, self.most).astype(np.int64)
        used = self.rooms[: self.most // PARTS]
        steps = np.repeat(used / PARTS, PARTS).cumsum()
        wanted = np.asarray(coordinates * ROOMS * (1 + 1e-12))
        return np.clip(np.searchsorted(steps, wanted, side="left") + 1, 1, self.most)


@functools.lru_cache(maxsize=4096)
def _curve(noise: IIDNoise, scale: float, sizes: tuple[tuple[int, int], ...], size: float) -> Curve:
    """The curve of a perturbation: how many coordinates have which size, in eighths of 64ths."""
    unit = float(rounding.up(np.array(1 / (PARTS * ROOMS * scale)), 2))
    lattice = _loss(noise, unit * PARTS * ROOMS)
    if lattice is None or not sizes:
        return useless(size)
    laws: list[tuple[LatticeMeasure, int]] = []
    for eighths, count in sizes:
        law = lattice if eighths == PARTS * ROOMS else _loss(noise, unit * eighths, lattice.step)
        if law is None:
            return useless(size)
        laws.append((law, count))
    moments = [(law.moments(), count) for law, count in laws]
    mean = sum(count * mean for (mean, _), count in moments)
    deviation = sum(count * spread**2 for (_, spread), count in moments) ** 0.5
    if (mean - 8 * deviation) * lattice.step > LARGEST_LOSS:
        return useless(size)
    total = compose_all(laws)
    return useless(size) if total.lost > 0.5 else curve_of(total, size)


@functools.lru_cache(maxsize=256)
def _loss(noise: IIDNoise, shift: float, step: float | None = None) -> LatticeMeasure | None:
    return privacy_loss(noise, shift, RESOLUTION, step)


def _curves(threat: Box, noise: Any, dim: int) -> BoxCurves | None:
    if noise.half_line is not HalfLine.LOG_CONCAVE:
        return None
    return BoxCurves(noise.unit(), noise.scale, _rooms(threat.room, dim))


def _rooms(room: Room | None, dim: int) -> FloatArray:
    if room is None:
        return np.full(dim, float(ROOMS))
    return np.ceil(room.sizes * ROOMS)


def _radius(threat: Box, noise: Noise, error: FloatArray, dim: int) -> FloatArray:
    curves = _curves(threat, noise, dim)
    if curves is None or curves.most == 0:
        return np.full(error.shape, np.nan)
    errors, place = np.unique(np.maximum(error, SMALLEST_ERROR), return_inverse=True)
    if threat.norm.p == 0:
        largest = [curves.largest(float(p)) for p in errors]
        found = [(dim if parts == curves.most else parts // PARTS) + HALF for parts in largest]
        return (np.array(found) / noise.scale)[place].reshape(error.shape)
    return np.array([curves.radius(float(p)) for p in errors])[place].reshape(error.shape)


def _grown(threat: Box, noise: Noise, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    curves = _curves(threat, noise, dim)
    if curves is None:
        return np.full(error.shape, np.nan)
    if curves.most == 0:
        return error
    grown = np.ones(error.shape)
    parts = curves.parts_within(radius * noise.scale, counted=threat.norm.p == 0)
    for count in np.unique(parts):
        here = parts == count
        grown[here] = curves.at(int(count)).grown(error[here])
    return grown
