"""The greedy perturbation of a box, v*: the largest rooms are used up first.

A sum of convex functions of |v_i|^q is largest at v*, which majorises every other v with the same ‖v‖_q.
"""

import dataclasses
import math
from typing import Final

import numpy as np

from wulff._numerics import rounding
from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray
from wulff.norms import Box

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
