"""The table that stands for a user's log-density: the law of custom noise is the table's, exactly.

A function can be asked at points only, and what it does between them cannot be proven. So its values and
slopes at the nodes of a table define another log-density, a cubic in the size between nodes and a power law
beyond the last ones; that one is certified and sampled. Where the function is smooth the two agree to
about 1e-12. A feature between two nodes that none of them shows is not part of the law, of neither.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray

SMALLEST, LARGEST = 1e-75, 1e75
"""Where tables end at the latest: powers up to the fourth can still be computed there."""

_FIRST, _MOST = 1025, 100_000
_AGREEMENT = 3e-11
_ROUNDS = 24
_BESIDE = 1e-9
_FLAT = 1e-7
_SCALE_FREE = 1e-9

Function = Callable[[FloatArray], FloatArray]


class ProfileTable:
    """A log-density g as a function of the size z > 0.

    Args:
        value: The user's log-density.
        slope: Its derivative.
        ends: The first and the last node.
        breaks: Sizes at which the slope may jump: they become nodes, with a slope for each side.
    """

    def __init__(
        self, value: Function, slope: Function, ends: tuple[float, float], breaks: tuple[float, ...]
    ) -> None:
        inner = np.array([size for size in breaks if ends[0] < size < ends[1]], dtype=np.float64)
        nodes = np.unique(np.concatenate([np.geomspace(*ends, _FIRST), inner]))
        for _ in range(_ROUNDS):
            self._tabulate(value, slope, nodes, np.isin(nodes, inner))
            # A quarter into each cell, where the slope of a cubic through its ends differs most.
            quarters = nodes[:-1] + np.diff(nodes) / 4
            wanted, steepness = value(quarters), slope(quarters)
            off = np.abs(self.slope(np.log(quarters)) - steepness)
            tolerance = _AGREEMENT * np.abs(steepness) + 8 * EPSILON * (1 + np.abs(wanted)) / np.diff(nodes)
            rough = ~(off <= tolerance) & (nodes[1:] > nodes[:-1] * (1 + 1e-12))
            if not rough.any() or len(nodes) > _MOST:
                break
            nodes = np.sort(np.concatenate([nodes, np.sqrt(nodes[:-1][rough]) * np.sqrt(nodes[1:][rough])]))

    def _tabulate(self, value: Function, slope: Function, nodes: FloatArray, broken: np.ndarray) -> None:
        width, values, slopes = np.diff(nodes), value(nodes), slope(nodes)
        after, before = slopes[:-1].copy(), slopes[1:].copy()
        if broken.any():
            left, right = broken[:-1], broken[1:]
            after[left] = slope(nodes[:-1][left] + _BESIDE * width[left])
            before[right] = slope(nodes[1:][right] - _BESIDE * width[right])
        # Where the values hardly differ, their difference is rounding; the slopes know better.
        rise = np.diff(values)
        rise = np.where(np.abs(rise) <= _FLAT * (1 + np.abs(values[1:])), width * (after + before) / 2, rise)
        values = values[0] + np.concatenate([[0.0], np.cumsum(rise)])
        secant = rise / width
        self.nodes, self._width, self._values = nodes, width, values
        # a + b t + c t² + e t³ for t = (z - node)/width, with slopes in units of t.
        self._a, self._b = values[:-1], after * width
        self._c = (3 * secant - 2 * after - before) * width
        self._e = (after + before - 2 * secant) * width
        self._ends = ((nodes[0], values[0], after[0]), (nodes[-1], values[-1], before[-1]))

    def __call__(self, x: FloatArray) -> FloatArray:
        """g at z = e^x."""
        cell, t = self._cell(x)
        found: FloatArray = self._a[cell] + t * (self._b[cell] + t * (self._c[cell] + t * self._e[cell]))
        for beyond, (node, value, slope) in self._outside(x):
            away = (
                x - np.log(node)
                if self._is_power(node, slope)
                else np.expm1(np.minimum(x - np.log(node), 0.0))
            )
            found = np.where(beyond, value + slope * node * away, found)
        return found

    def slope(self, x: FloatArray) -> FloatArray:
        """g' at z = e^x."""
        cell, t = self._cell(x)
        found: FloatArray = (self._b[cell] + t * (2 * self._c[cell] + 3 * t * self._e[cell])) / self._width[
            cell
        ]
        for beyond, (node, _, slope) in self._outside(x):
            shrinks = np.exp(np.log(node) - x) if self._is_power(node, slope) else np.ones_like(x)
            found = np.where(beyond, slope * shrinks, found)
        return found

    def slopes(self) -> FloatArray:
        """g' at all places between which it is monotone, ascending: ends and vertices of its parabolas."""
        with np.errstate(divide="ignore", invalid="ignore"):
            vertex = np.clip(np.nan_to_num(-self._c / (3 * self._e), nan=0.0), 0.0, 1.0)
        t = np.stack([np.zeros_like(vertex), vertex, np.ones_like(vertex)], axis=1)
        b, c, e = self._b[:, None], self._c[:, None], self._e[:, None]
        return ((b + t * (2 * c + 3 * t * e)) / self._width[:, None]).ravel()

    def _outside(self, x: FloatArray) -> tuple[tuple[np.ndarray, tuple[float, float, float]], ...]:
        first, last = np.log(self.nodes[0]), np.log(self.nodes[-1])
        return (x < first, self._ends[0]), (x > last, self._ends[1])

    def _is_power(self, node: float, slope: float) -> bool:
        # Near 0 a density without a pole is continued by its tangent.
        return node == self.nodes[-1] or abs(slope * node) > _SCALE_FREE

    def _cell(self, x: FloatArray) -> tuple[np.ndarray, FloatArray]:
        z = np.exp(np.clip(x, -700.0, 700.0))
        cell = np.clip(np.searchsorted(self.nodes, z, side="right") - 1, 0, len(self.nodes) - 2)
        return cell, np.clip((z - self.nodes[cell]) / self._width[cell], 0.0, 1.0)
