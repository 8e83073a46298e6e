"""The shifts of a noise whose growth function is known exactly, because a certificate rests on it."""

import dataclasses
import functools
import math
from abc import ABC, abstractmethod
from typing import final

import numpy as np

from wulff._numerics.bisection import last_true
from wulff._typing import FloatArray
from wulff.certificates.level_set.kernels import CubeAgainstL1, Kernel, OwnNorm, Spherical
from wulff.certificates.level_set.solver import Duality, lowest_line
from wulff.noises import HalfLine, IIDNoise, Noise, NormRadialNoise
from wulff.norms import Norm

ACCURACY = 1e-9
"""All values here are within this of the theorem's, on both sides."""


class Shift(ABC):
    """One noise and one shift v of it, with U ranging over all sets."""

    @abstractmethod
    def growth(self, p: FloatArray) -> FloatArray:
        """G(p) = sup of q(U - v) over sets with q(U) = p, for p in [0, 1]."""

    @abstractmethod
    def hockey_stick(self, t: float) -> float:
        """D_t = sup of q(U - v) - t q(U), for t ≥ 1."""

    @property
    def total_variation(self) -> float:
        """sup of q(U - v) - q(U)."""
        return self.hockey_stick(1.0)


@final
@dataclasses.dataclass(frozen=True)
class Overlap(Shift):
    """Uniform laws: all that lies outside the overlap is gained, whatever p is."""

    lost: float

    def growth(self, p: FloatArray) -> FloatArray:
        return np.minimum(1.0, p + self.lost)

    def hockey_stick(self, t: float) -> float:
        return self.lost


@final
@dataclasses.dataclass(frozen=True)
class HalfLines(Shift):
    """One coordinate of log-concave law is shifted by r: the likelihood ratio increases along it.

    The density is positive everywhere (uniform noise has `Overlap`), so that G(0) = 0.
    """

    noise: IIDNoise
    r: float

    def growth(self, p: FloatArray) -> FloatArray:
        inner = (p > 0) & (p < 1)
        tail = np.where(inner, np.minimum(p, 1 - p), 0.5)
        place = self.noise.coordinate_isf(tail)
        place = np.where(p <= 0.5, place, -place)
        return np.where(inner, self.noise.coordinate_sf(place - self.r), np.where(p <= 0, 0.0, 1.0))

    def hockey_stick(self, t: float) -> float:
        def below(z: FloatArray) -> np.ndarray:
            density = self.noise.coordinate_log_density
            return density(z - self.r) - density(z) < math.log(t)

        place = self.r / 2
        if t > 1:
            far = float(self.noise.coordinate_isf(np.array(1e-18))) + self.r
            place = float(last_true(below, [place], [far], 80)[0])
        gained, lost = self.noise.coordinate_sf(np.array([place - self.r, place]))
        return max(float(gained - t * lost), 0.0)


@final
@dataclasses.dataclass(frozen=True)
class LevelSets(Shift):
    """Norm-radial noise under the shifts of the level-set method.

    G(p) is the least of the lines t p + D_t over t ≥ 0, and reflection at v/2 exchanges t and 1/t:
    G(p) ≤ 1 - (1 - p - D_t)/t as well.
    """

    duality: Duality
    log_r: float

    def _at(self, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        found = self.duality.fine(np.full(tau.shape, self.log_r), tau)
        return found.p1, found.p0, found.excess

    def growth(self, p: FloatArray) -> FloatArray:
        flat = np.atleast_1d(np.asarray(p, dtype=np.float64)).ravel()
        if not flat.size:
            return np.asarray(p, dtype=np.float64)
        p1, p0, excess = self._at(np.zeros(1))
        least = np.minimum(1.0, flat + excess)
        steep, shallow = flat < p0, flat > 1 - p1
        least[steep] = self._lines(flat[steep], reflected=False)
        least[shallow] = self._lines(flat[shallow], reflected=True)
        return np.clip(least, flat, 1.0).reshape(np.shape(p))

    def _lines(self, p: FloatArray, reflected: bool) -> FloatArray:
        """The least line at each p, of slope t > 1 or, reflected, 1/t."""
        if not p.size:
            return p

        tau = lowest_line(self.duality, p, np.full(p.shape, self.log_r), np.full(p.shape, not reflected))
        p1, p0, _ = self._at(tau)
        gap = np.maximum(p1 - np.exp(tau) * p0, 0.0)
        return 1 - np.exp(-tau) * (1 - p - gap) if reflected else np.exp(tau) * p + gap

    def hockey_stick(self, t: float) -> float:
        _, p0, excess = self._at(np.array([math.log(t)]))
        return max(float(excess[0] - (t - 1) * p0[0]), 0.0)


def exact_shift(noise: Noise, v: FloatArray) -> Shift | None:
    """The growth of a noise, with its dimension, under the vector v; None where no certificate knows it."""
    shift = np.abs(np.asarray(v, dtype=np.float64)).ravel() / noise.scale
    lost = noise.lost_by(shift)
    return _of_kind(noise, shift) if lost is None else Overlap(lost)


@functools.singledispatch
def _of_kind(noise: Noise, shift: FloatArray) -> Shift | None:
    """The growth of a law that is not uniform, moved by so many scales, by what laws of its kind tell."""
    return None


@_of_kind.register
def _(noise: IIDNoise, shift: FloatArray) -> Shift | None:
    if noise.is_spherical():
        return HalfLines(noise, float(np.linalg.norm(shift)))
    moved = shift[shift > 0]
    return HalfLines(noise, moved[0]) if len(moved) == 1 and noise.half_line is HalfLine.LOG_CONCAVE else None


@_of_kind.register
def _(noise: NormRadialNoise, shift: FloatArray) -> Shift | None:
    moved, dim = shift[shift > 0], len(shift)
    if not len(moved):
        return None
    diagonal = len(moved) == dim and bool(np.all(moved == moved[0]))
    profile, kernel = noise.level_profile(dim), _kernel(noise.level_norm, dim, len(moved) == 1, diagonal)
    if profile is None or kernel is None:
        return None
    r = float(np.linalg.norm(shift)) if isinstance(kernel, Spherical) else float(moved[0])
    return LevelSets(Duality(profile, kernel), math.log(r))


def _kernel(level: Norm, dim: int, axis: bool, diagonal: bool) -> Kernel | None:
    if dim == 1:
        return OwnNorm(1)
    if level == Norm.L2:
        return Spherical(dim)
    if level == Norm.L1:
        return OwnNorm(dim) if axis else None
    return CubeAgainstL1(dim) if axis else OwnNorm(dim) if diagonal else None
