"""Radii against linf from growth functions of single shifts (r, ..., r), one curve per shift on a list.

G(p, v) ≤ t p + D_t(v) for every t ≥ 0, with the hockey-stick divergence D_t: whatever t is used, the bound
is valid. A curve holds such lines for one shift; how they are found differs between noises.
"""

import abc
import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from wulff._numerics.normal import normal_quantile
from wulff._typing import FloatArray

SMALLEST_ERROR = 1e-40
"""Smaller errors get the radius of this one."""
LEAST_SIZE, LARGEST_SIZE = -14.0, 15.0
"""The logs of the least and the largest shift on a list, in units."""


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """The growth function of one shift from above, as the least of the lines p ↦ t p + D_t.

    Attributes:
        shift: The r of the shift (r, ..., r).
        reach: An error that the shift certainly does not bring above ½.
        log_t, log_overlap: The lines' log t and log(1 - D_t).
        log_break: The log of the p where each line meets the next one.
    """

    shift: float
    reach: float
    log_t: FloatArray
    log_overlap: FloatArray
    log_break: FloatArray

    def grown(self, p: FloatArray) -> FloatArray:
        """An upper bound on the error after the shift."""
        log_t, log_overlap = self.line(p)
        with np.errstate(over="ignore"):  # far beyond what any error survives: 1
            return np.minimum((p * np.exp(log_t) - np.expm1(log_overlap)) * (1 + 1e-12), 1.0)

    def line(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """log t and log(1 - D_t) of the line that is the lowest one at each p."""
        best = len(self.log_t) - 1 - np.searchsorted(self.log_break[::-1], np.log(p))
        return self.log_t[best], self.log_overlap[best]


def curve_through(shift: float, log_t: FloatArray, divergence: FloatArray) -> Curve:
    """The curve with upper bounds on D_t at ascending t."""
    gap = np.clip(divergence, 0.0, 1 - 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_reach = np.log(0.5 - gap) - log_t - 1e-12
        log_break = np.log(np.maximum(-np.diff(gap), 0.0)) - log_t[:-1] - np.log(np.expm1(np.diff(log_t)))
    reach = float(np.exp(np.nanmax(log_reach))) if np.isfinite(log_reach).any() else 0.0
    return Curve(shift, reach, log_t, np.log1p(-gap) - 1e-15, np.minimum.accumulate(log_break))


def useless(shift: float) -> Curve:
    """The curve of a shift that is too large for any error of interest."""
    return Curve(shift, 0.0, np.zeros(1), np.full(1, -1e3), np.zeros(0))


def groups(index: np.ndarray, chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, np.ndarray]]:
    """Each number among the chosen places of `index`, in ascending order, and the places where it stands."""
    places = np.flatnonzero(chosen)
    if not len(places):
        return
    numbers = index[places]
    short = np.min_scalar_type(-1 - int(numbers.max()))  # with a sign, for -1; few bits are sorted fast
    order = np.argsort(numbers.astype(short), kind="stable")
    places, numbers = places[order], numbers[order]
    starts = np.flatnonzero(np.diff(numbers)) + 1
    yield from zip(numbers[np.append(0, starts)].tolist(), np.split(places, starts), strict=True)


@functools.cache
def equal_ratios(ratio: float) -> FloatArray:
    """The logs of shifts of which each is so many times the one before."""
    step = math.log(ratio)
    count = math.ceil((LARGEST_SIZE - LEAST_SIZE) / step)
    return np.array([LEAST_SIZE + k * step for k in range(count)])


class ShiftCurves(abc.ABC):
    """The curves of one noise at scale 1, for shifts on a list.

    Attributes:
        unit: A shift in the middle of the list.
        sizes: The logs of the shifts on the list, in units, ascending.
    """

    @property
    @abc.abstractmethod
    def unit(self) -> float: ...

    @property
    @abc.abstractmethod
    def sizes(self) -> FloatArray: ...

    @abc.abstractmethod
    def curve(self, shift: float) -> Curve:
        """The curve of any shift > 0."""

    def node(self, index: int) -> Curve:
        """The curve of a shift on the list."""
        return self.at(self.shift(index))

    def at(self, shift: float) -> Curve:
        """`curve`, computed once."""
        return _curve(self, shift)

    def on_the_list(self, radius: FloatArray) -> FloatArray:
        """The next larger shifts on the list."""
        index = np.searchsorted(self.sizes, np.log(radius / self.unit) + 1e-9)
        following = np.append(self.sizes, np.inf)[index]
        with np.errstate(over="ignore"):
            return np.maximum(self.unit * np.exp(following), radius)

    def shift(self, index: int) -> float:
        """A shift on the list."""
        return self.unit * math.exp(self.sizes[index])

    def largest_nodes(self, p: FloatArray, every: int = 1) -> np.ndarray:
        """The index of the largest shift after which each error is still below ½; -1 if there is none.

        Of every so many shifts on the list only one is looked at.
        """
        z = normal_quantile(np.minimum(p, np.nextafter(0.5, 0)))
        sizes = self.sizes[::every]
        low, high = np.full(p.shape, -1), np.where(p < 0.5, len(sizes) - 1, 0)
        low_z, high_z = np.zeros(p.shape), np.full(p.shape, np.inf)
        for step in itertools.count(1):
            still = high - low > 1
            if not still.any():
                return np.where(low < 0, low, low * every)
            some = np.flatnonzero(still)
            ends = low[some], low_z[some], high[some], high_z[some]
            middle = (ends[0] + ends[2]) // 2 if step % 4 == 0 else _guess(sizes, z[some], *ends)
            asked = np.bincount(middle) > 0
            reach, reach_z = np.zeros((2, len(asked)))
            reach[asked] = [self.node(int(k) * every).reach for k in np.flatnonzero(asked)]
            reach_z[asked] = normal_quantile(np.clip(reach[asked], 1e-300, 0.5))
            holds, reach_z = p[some] <= reach[middle], reach_z[middle]
            low[some[holds]], low_z[some[holds]] = middle[holds], reach_z[holds]
            high[some[~holds]], high_z[some[~holds]] = middle[~holds], reach_z[~holds]
        raise AssertionError

    def may_exceed(self, p: FloatArray, radius: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether the radius of each error may be above a given one: one curve, where a search takes many.

        It is not above the next shift after the largest one on the list that keeps the error below ½.
        """
        with np.errstate(divide="ignore"):
            index = np.searchsorted(self.sizes, np.log(radius / self.unit) - 1e-9, side="right") - 1
        may = np.ones(p.shape, dtype=bool)
        nodes = list(groups(index, index >= 0))
        smallest = np.array([p[here].min() for _, here in nodes])

        def decide(first: int, last: int) -> None:
            # A larger shift reaches less: where the smallest one is not enough by far, none of them is.
            k, here = nodes[first]
            if smallest[first:last].min() > 1.001 * self.node(k).reach:
                for _, here in nodes[first:last]:
                    may[here] = False
            elif last - first > 1:
                decide(first, (first + last) // 2)
                decide((first + last) // 2, last)
            else:
                may[here] = p[here] <= self.node(k).reach

        if nodes:
            decide(0, len(nodes))
        return may

    def grown(self, p: FloatArray, radius: FloatArray) -> FloatArray:
        """Upper bounds on errors after shifts of given sizes, of which at most some dozens differ."""
        grown = np.ones(p.shape)
        for size in np.unique(radius[np.isfinite(radius)]):
            here = radius == size
            grown[here] = self.at(float(size) * (1 + 1e-12)).grown(p[here])
        return grown


@functools.lru_cache(maxsize=8192)
def _curve(curves: ShiftCurves, shift: float) -> Curve:
    return curves.curve(shift)


def _guess(
    sizes: FloatArray,
    z: FloatArray,
    low: np.ndarray,
    low_z: FloatArray,
    high: np.ndarray,
    high_z: FloatArray,
) -> np.ndarray:
    """An index between low and high: r as a power of the normal quantile z of the error it allows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        below, above, here = np.log(low_z), np.log(high_z), np.log(z)
        at_low, at_high = sizes[np.maximum(low, 0)], sizes[high]
        guess = np.select(
            [np.isfinite(below) & np.isfinite(above), np.isfinite(below), np.isfinite(above)],
            [
                at_low + (at_high - at_low) * (here - below) / (above - below),
                at_low + (here - below),
                at_high - (above - here),
            ],
            here,
        )
    guess = np.searchsorted(sizes, np.nan_to_num(guess, nan=0.0), side="right") - 1
    return np.clip(guess, low + 1, high - 1)
