"""Certificates in the box: inputs live in [0, 1]^d, and so does every input that an adversary can show.

A coordinate then moves by at most its room m_i ≤ 1, and a budget of ‖v‖_q ≤ r is worth less to the adversary.
Let m₁ ≥ m₂ ≥ … and let v* = (m₁, …, m_c, u) pour the budget into the largest rooms first. A sum of convex
functions of |v_i|^q is largest at v*, which majorises every other v; so

    ‖v‖_p ≤ ‖v*‖_p for p ≥ q,

and a plain radius R against l_p is worth, against l_q in the box, the r with ‖v*(r)‖_p = R: in the unit box,
where all m_i = 1, and for R ≥ 1 it is (⌊R^p⌋ + frac(R^p)^(q/p))^(1/q). For noise with spherical level sets
and p = 2 this is exact. For uniform noise the overlap Π(1 - m_i/2) is smallest at v* [Voráček & Hein 2023].
"""

import dataclasses
import functools
import math
from typing import Any, Final

import numpy as np

from wulff._numerics import rounding
from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray
from wulff.certificates.growth import grown_error
from wulff.certificates.registry import ANY_NORM, Certificate, between_norms, converter, table
from wulff.noises import Ball, ExpL2, Gaussian, Noise, PowerL2, Uniform
from wulff.norms import Box, Norm, Threat

SPHERICAL: Final = (Gaussian, Ball, ExpL2, PowerL2)
"""Noises whose level sets are balls: the longest perturbation is the worst."""

HALF: Final = 0.5
"""Added to numbers of coordinates, which the registry rounds down to whole ones."""

_POWER_ULPS: Final = 8
"""By how many ulps a power of a float64 may be off, beside what its argument is."""


@dataclasses.dataclass(frozen=True)
class Filling:
    """The greedy perturbation v* of a box: the largest rooms are used up first.

    Attributes:
        threat: The box and how perturbations are measured in it.
        dim: The number of coordinates.
    """

    threat: Box
    dim: int

    @property
    def q(self) -> float:
        """The exponent of the adversary's norm."""
        return self.threat.norm.p

    def radius(self, limit: FloatArray, p: float) -> FloatArray:
        """The largest r such that every v in the box with ‖v‖_q < r has ‖v‖_p < limit, from below; p ≥ q.

        Against l0 it is the largest number of coordinates, and a half; ∞ where the whole box is certified.
        """
        if p == math.inf:
            largest = self._sizes(1)
            alone = np.full(limit.shape, HALF) if self.q == 0 else limit
            return np.where(limit > largest[0], np.inf, alone)
        budget = rounding.down(limit**p, _POWER_ULPS)
        full = self._count(budget, p, strict=self.q == 0)
        if self.q == 0:
            return np.where(full >= self.dim, np.inf, full + HALF)
        rest = np.maximum(budget - self._prefix(full, p, up=True), 0.0)
        last = np.minimum(rounding.down(rest ** (1 / p), _POWER_ULPS), self._sizes_at(full))
        filled = self._prefix(full, self.q, up=False) + last**self.q
        radius = np.maximum(rounding.down(filled ** (1 / self.q), 4 * _POWER_ULPS), limit)
        return np.where(full >= self.dim, np.inf, radius)

    def size(self, radius: FloatArray, p: float) -> FloatArray:
        """‖v*‖_p for a budget of ‖v‖_q ≤ radius, from above; p ≥ q."""
        if p == math.inf:
            return np.minimum(radius if self.q else np.ones(radius.shape), self._sizes(1)[0])
        if self.q == 0:
            full = np.minimum(np.ceil(radius), self.dim).astype(np.int64)
            return rounding.up(self._prefix(full, p, up=True) ** (1 / p), _POWER_ULPS)
        budget = rounding.up(radius**self.q, _POWER_ULPS)
        full = self._count(budget, self.q, strict=False)
        rest = np.maximum(budget - self._prefix(full, self.q, up=False), 0.0)
        last = np.minimum(rounding.up(rest ** (1 / self.q), _POWER_ULPS), self._sizes_at(full))
        filled = self._prefix(full, p, up=True) + rounding.up(last**p, _POWER_ULPS)
        return rounding.up(filled ** (1 / p), 4 * _POWER_ULPS)

    @property
    def everything(self) -> float:
        """The size of the largest perturbation of the box, from above; for l0 all coordinates, and a half."""
        if self.q == 0:
            return self.dim + HALF
        if self.q == math.inf:
            return float(self._sizes(1)[0])
        whole = self._prefix(np.array(self.dim), self.q, up=True)
        return float(rounding.up(whole ** (1 / self.q), _POWER_ULPS))

    def _sizes(self, count: int) -> FloatArray:
        return np.ones(count) if self.threat.room is None else self.threat.room.sizes[:count]

    def _sizes_at(self, place: np.ndarray) -> FloatArray:
        """The room of the coordinate that is filled after `place` others; 0 where there is none."""
        if self.threat.room is None:
            return np.where(place < self.dim, 1.0, 0.0)
        return np.append(self.threat.room.sizes, 0.0)[place]

    def _count(self, budget: FloatArray, power: float, *, strict: bool) -> np.ndarray:
        """How many rooms are certainly within the budget, by their sum of powers."""
        if self.threat.room is None:
            within = np.fmin(budget, self.dim + 1.0)  # nan counts as all
            whole = np.ceil(within) - 1 if strict else np.floor(within)
            return np.clip(whole, 0, self.dim).astype(np.int64)
        sums = self._sums(power, up=True)
        return np.searchsorted(sums, budget, side="left" if strict else "right") - 1

    def _prefix(self, count: np.ndarray, power: float, *, up: bool) -> FloatArray:
        """Σ m_i^power over the first `count` rooms, from above or below."""
        if self.threat.room is None:
            return count.astype(np.float64)
        return self._sums(power, up=up)[count]

    def _sums(self, power: float, *, up: bool) -> FloatArray:
        room = self.threat.room
        assert room is not None
        sums: FloatArray = np.append(0.0, np.cumsum(room.sizes**power))
        slack = (np.arange(len(sums)) + _POWER_ULPS) * EPSILON
        return sums * (1 + slack) if up else sums * (1 - slack)


@converter
def from_plain_norms(noise: type[Noise], threat: Threat) -> list[Certificate]:
    """The certificates against a box that rest on one against a norm in all of space."""
    if not isinstance(threat, Box):
        return []
    method = "unit-box" if threat.room is None else "box"
    found = (
        [] if threat.norm.p == 0 else [_in_space(entry, threat.norm) for entry in _plain(noise, threat.norm)]
    )
    for entry in table(noise):
        against = Norm.L2 if entry.norm is ANY_NORM else entry.norm
        if not isinstance(against, Norm) or entry.comparison or against.p == 0:
            continue
        exact = entry.tight and against == Norm.L2 and noise in SPHERICAL and threat.norm.p <= 2
        found.append(
            dataclasses.replace(
                entry,
                norm=threat,
                method=method,
                tight=exact,
                ulps=entry.ulps + 8,
                function=functools.partial(_converted, entry, against, threat),
                growth=None if entry.growth is None else functools.partial(_grown, entry, against, threat),
                shortfall=0.0,
                source=f"the radius against {against}, by the greedy perturbation of the box",
            )
        )
    return found


def _plain(noise: type[Noise], norm: Norm) -> list[Certificate]:
    return [entry for entry in table(noise, norm) + between_norms(noise, norm) if not entry.comparison]


def _in_space(entry: Certificate, norm: Norm) -> Certificate:
    """A certificate for all of space, which holds in the box, too, where it need not be the largest."""
    if entry.norm is ANY_NORM:
        entry = dataclasses.replace(entry, norm=norm, function=functools.partial(_against, entry, norm))
    return dataclasses.replace(entry, tight=False)


def _against(entry: Certificate, norm: Norm, noise: Noise, error: FloatArray, dim: int) -> FloatArray:
    return entry.function(noise, error, dim, norm)


def _converted(
    entry: Certificate, against: Norm, threat: Box, noise: Noise, error: FloatArray, dim: int
) -> FloatArray:
    plain = entry.radius(noise, error, dim, against)
    filling = Filling(threat, dim)
    limit = np.nan_to_num(plain, nan=0.0)
    if against.p >= threat.norm.p:
        radius = filling.radius(limit, against.p)
    else:  # greedy is not the worst: all that can be said is whether the whole box is certified
        whole = Filling(Box(against, threat.room), dim)
        radius = np.where(limit > whole.everything, np.inf, np.nan)
    return np.where(np.isnan(plain), np.nan, _at_scale_one(radius, filling, noise, entry.ulps))


def _at_scale_one(radius: FloatArray, filling: Filling, noise: Noise, ulps: int) -> FloatArray:
    """What the registry asks for; for the whole box a little more than its size, so that it stays above."""
    whole = rounding.up(np.array(filling.everything), 2 * ulps + 64)
    return np.where(np.isinf(radius), whole, radius) / noise.scale


def _grown(
    entry: Certificate,
    against: Norm,
    threat: Box,
    noise: Noise,
    error: FloatArray,
    radius: FloatArray,
    dim: int,
) -> FloatArray:
    if against.p < threat.norm.p:
        return np.full(error.shape, np.nan)
    size = Filling(threat, dim).size(rounding.up(radius * noise.scale, 2), against.p)
    return grown_error(entry, noise, error, size, dim, against)


@converter
def uniform_in_the_box(noise: type[Noise], threat: Threat) -> list[Certificate]:
    """Uniform noise against l1 and l0 in the box, where the overlap at v* is exact."""
    if not isinstance(threat, Box) or not issubclass(noise, Uniform) or threat.norm.p not in (0, 1):
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
            growth=functools.partial(_uniform_grown, threat),
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
    return _at_scale_one(np.where(full >= dim, np.inf, radius), Filling(threat, dim), noise, 0)


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
