"""Level-set radii by tables over log r: each entry is an error for which its r is certified.

The table's places are fixed, so that a radius depends on its own error only, not on what else was asked
for. A whole number i stands for the radius e^i · mode. An error is located between two whole numbers, and
there log r is a polynomial in log z, z the normal quantile of 1 - error, through certified places (Chebyshev
nodes in log r). It is compared with other certified places; where they differ by more than a part in
10¹⁰, the interval is halved in log z, and the places in the halves are spread evenly in log z, as far as the
places tried before tell. The radius is lowered by eight times the largest difference seen and a part
in 10¹⁰; it stays between the ends of its interval, and so falls as the error grows. Where places
cannot be certified, the interval's lower end, which holds for a larger error, is the answer. An interval in
which total variation ceases to decide, where log r has a kink, is divided there first.
"""

import dataclasses
import functools
import math

import numpy as np
import numpy.typing as npt

from wulff._numerics.normal import normal_quantile
from wulff._typing import FloatArray
from wulff.certificates.level_set.solver import LARGEST_LOG_R, Duality, largest_certified, where_atom_decides

_COUNT = 12
_NODES = -np.cos(np.pi * (np.arange(_COUNT) + 0.5) / _COUNT)
_TESTS = np.array([-0.96, -0.72, 0.0, 0.72, 0.96])
_AGREEMENT, _MARGIN, _DEPTH = 3e-11, 1e-10, 14
_SMALLEST_LOG_R = -690.0


@dataclasses.dataclass(frozen=True)
class Seen:
    """Certified places in ascending order, where log z ascends strictly, too."""

    place: FloatArray
    log_z: FloatArray
    log_tau: FloatArray

    def between(self, low: int, high: int) -> "Seen":
        """Those from one index to another, both included."""
        part = slice(low, high + 1)
        return Seen(self.place[part], self.log_z[part], self.log_tau[part])

    def with_those(self, place: FloatArray, log_z: FloatArray, log_tau: FloatArray) -> "Seen":
        """The ends and those places between them; the ends alone where log z does not ascend."""
        order = np.argsort(place)
        columns = ((self.place, place), (self.log_z, log_z), (self.log_tau, log_tau))
        place, log_z, log_tau = (np.concatenate([old[:1], new[order], old[-1:]]) for old, new in columns)
        ascends = bool(np.isfinite(log_z).all() and (np.diff(log_z) > 0).all() and (np.diff(place) > 0).all())
        chosen = slice(None) if ascends else slice(None, None, len(place) - 1)
        return Seen(place[chosen], log_z[chosen], log_tau[chosen])

    def middle(self) -> int:
        """The index of the place that is the nearest to the middle in log z, and neither end."""
        inner = self.log_z[1:-1]
        return 1 + int(np.argmin(np.abs(inner - (self.log_z[0] + self.log_z[-1]) / 2)))

    def spread(self, unit: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Places, and guesses of their log τ, for numbers in [-1, 1]: evenly in log z as that is known."""
        place = _along(self.place, unit)
        if len(self.place) > 2:
            place = np.interp(_along(self.log_z, unit), self.log_z, self.place)
        if not np.isfinite(self.log_tau).all():  # where total variation decides, with τ = 0
            return place, np.full(place.shape, math.nan)
        return place, np.asarray(np.interp(place, self.place, self.log_tau))


def _along(ends: FloatArray, unit: FloatArray) -> FloatArray:
    return (ends[0] + ends[-1]) / 2 + (ends[-1] - ends[0]) / 2 * unit


@dataclasses.dataclass(frozen=True)
class Panel:
    """log r as a polynomial in log z, between two certified places.

    Attributes:
        seen: The places that were certified, of which the first and the last are the ends.
        log_z: At the nodes.
        weights: Of the barycentric formula.
        values: log r at the nodes.
        margin: What log r is lowered by; infinite if the polynomial is not to be used.
    """

    seen: Seen
    log_z: FloatArray
    weights: FloatArray
    values: FloatArray
    margin: float

    def log_radius(self, log_z: FloatArray) -> FloatArray:
        """A lower bound on log r."""
        if not self.margin < math.inf:
            return np.full(log_z.shape, self.seen.place[0] - _MARGIN)
        inside = _interpolate(self.log_z, self.weights, self.values, log_z) - self.margin
        return np.clip(inside, self.seen.place[0] - _MARGIN, self.seen.place[-1] - _MARGIN)


def _interpolate(nodes: FloatArray, weights: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    # Sums along rows, and not a matrix product, whose order depends on the number of rows.
    distance = at[:, None] - nodes
    hit = distance == 0
    ratio = weights / np.where(hit, 1.0, distance)
    with np.errstate(divide="ignore", invalid="ignore"):  # off the range: clipped
        found = (ratio * values).sum(axis=1) / ratio.sum(axis=1)
    return np.where(hit.any(axis=1), values[hit.argmax(axis=1)], found)


class RadiusTable:
    """The radii of one noise and norm, filled in as errors ask for them."""

    def __init__(self, duality: Duality) -> None:
        self._duality = duality
        self._origin = float(duality.profile.log_mode)
        self._places: dict[float, tuple[float, float]] = {}
        self._kinks: dict[float, float] = {}
        self._panels: dict[tuple[float, float], Panel] = {}
        self._first = math.ceil(_SMALLEST_LOG_R - self._origin)
        self._last = math.floor(
            min(LARGEST_LOG_R - self._origin, math.ceil(min(duality.profile.furthest, LARGEST_LOG_R)))
        )

    def log_radius(self, error: FloatArray) -> FloatArray:
        """A certified log r for each error; nan where the smallest place of the table is too large."""
        log_z = np.log(normal_quantile(error))
        index = self._locate(log_z)
        found = np.full(len(error), np.nan)
        for i in np.unique(index):
            here = index == i
            if i == self._last:
                found[here] = float(i) - _MARGIN
            elif i >= self._first:
                found[here] = self._in_cell(float(i), log_z[here])
        return found + self._origin

    def _locate(self, log_z: FloatArray) -> npt.NDArray[np.int64]:
        """The largest whole number whose radius is certified for each error; one below the first if none."""
        low = np.full(len(log_z), self._first - 1)
        high = np.full(len(log_z), self._last + 1)
        at_low, at_high = np.full(len(log_z), -np.inf), np.full(len(log_z), np.inf)
        ask = np.full(len(log_z), min(max(0, self._first), self._last))
        if not self._places:  # several at once take little longer than one
            first = np.clip(np.array([-7, -6, -3, -2, -1, 0, 1, 2]), self._first, self._last)
            self._fill(np.unique(first).astype(float))
        step = 0
        while (open_ := high - low > 1).any():
            both = np.stack([ask, np.minimum(ask + 1, self._last)])  # two at once take little longer than one
            self._fill(np.unique(both[:, open_]).astype(float))
            for place in both:
                inside = (low < place) & (place < high)
                lowest, highest = int(place.min()), int(place.max())
                known = [self._places.get(float(i), (0.0, 0.0))[0] for i in range(lowest, highest + 1)]
                found = np.array(known)[place - lowest]
                holds, fails = inside & (found <= log_z), inside & ~(found <= log_z)
                low, at_low = np.where(holds, place, low), np.where(holds, found, at_low)
                high, at_high = np.where(fails, place, high), np.where(fails, found, at_high)
            # z grows about like r where it is small, and often more slowly beyond: by growing strides, and so
            # from places that no error certifies.
            step += 1
            stride = 2.0 ** (step - 1)
            below, above = np.isfinite(at_low), np.isfinite(at_high)
            with np.errstate(invalid="ignore"):
                secant = low + (high - low) * (log_z - at_low) / (at_high - at_low)
                upward, downward = (
                    low + np.maximum(stride, log_z - at_low),
                    high - np.maximum(stride, np.where(above, at_high - log_z, 0.0)),
                )
            guess = np.select(
                [below & above, below & (high > self._last), low < self._first],
                [secant, upward, downward],
                (low + high) / 2,
            )
            guess = (low + high) / 2 if step % 4 == 0 else guess
            ask = np.clip(np.floor(np.clip(guess, -1e6, 1e6)).astype(np.int64), low + 1, high - 1)
        return low

    def _in_cell(self, low: float, log_z: FloatArray) -> FloatArray:
        """log r between a whole number and the next, from both sides of a kink if there is one."""
        ends = self._ends(low, low + 1)
        if not (ends.log_tau[0] == -math.inf < ends.log_tau[-1]):
            return self._between(ends, log_z, _DEPTH)
        if low not in self._kinks:
            first, last = low + self._origin, low + 1 + self._origin
            self._kinks[low] = where_atom_decides(self._duality, first, last) - self._origin
        kink = self._kinks[low]
        below, above = self._ends(low, kink), self._ends(kink, low + 1)
        upper = above.log_z[0] <= log_z
        found = np.empty(len(log_z))
        for here, part in ((~upper, below), (upper, above)):
            if here.any():
                found[here] = self._between(part, log_z[here], _DEPTH)
        return found

    def _ends(self, low: float, high: float) -> Seen:
        (first, first_tau), (last, last_tau) = self._place(low), self._place(high)
        return Seen(np.array([low, high]), np.array([first, last]), np.array([first_tau, last_tau]))

    def _between(self, seen: Seen, log_z: FloatArray, depth: int) -> FloatArray:
        usable = bool(np.isfinite(seen.log_z[[0, -1]]).all())
        if usable or depth == 0:
            panel = self._panel(seen)
            if panel.margin < math.inf or depth == 0:
                return panel.log_radius(log_z)
            seen = panel.seen
        if len(seen.place) > 2:
            middle = seen.middle()
            lower, upper = seen.between(0, middle), seen.between(middle, len(seen.place) - 1)
        else:
            low, high = seen.place.tolist()
            middle = (low + high) / 2
            if middle not in self._places:  # three halvings at once take little longer than one
                self._fill(low + (high - low) * (np.arange(7) + 1) / 8)
            lower, upper = self._ends(low, middle), self._ends(middle, high)
        above = upper.log_z[0] <= log_z
        found = np.empty(len(log_z))
        for here, part in ((~above, lower), (above, upper)):
            if here.any():
                found[here] = self._between(part, log_z[here], depth - 1)
        return found

    def _place(self, place: float) -> tuple[float, float]:
        if place not in self._places:
            self._fill(np.array([place]))
        return self._places[place]

    def _fill(self, places: FloatArray) -> None:
        new = places[[place not in self._places for place in places.tolist()]]
        if new.size:
            log_z, log_tau = largest_certified(
                self._duality, new + self._origin, np.full(new.shape, math.nan)
            )
            found = zip(log_z.tolist(), log_tau.tolist(), strict=True)
            self._places.update(zip(new.tolist(), found, strict=True))

    def _panel(self, seen: Seen) -> Panel:
        ends = (float(seen.place[0]), float(seen.place[-1]))
        if ends not in self._panels:
            self._panels[ends] = self._build(seen)
        return self._panels[ends]

    def _build(self, seen: Seen) -> Panel:
        places, log_tau = seen.spread(np.concatenate([_NODES, _TESTS]))
        log_z, log_tau = largest_certified(self._duality, places + self._origin, log_tau)
        nodes, values = log_z[:_COUNT], places[:_COUNT]
        weights, margin = np.ones(_COUNT), math.inf
        if np.isfinite(log_z).all() and (np.diff(nodes) > 0).all():
            gaps = (nodes[:, None] - nodes) * 4 / (nodes[-1] - nodes[0]) + np.eye(_COUNT)
            weights = 1 / gaps.prod(axis=1)
            deviation = np.abs(_interpolate(nodes, weights, values, log_z[_COUNT:]) - places[_COUNT:]).max()
            attainable = 2e-14 * (values[-1] - values[0]) / (nodes[-1] - nodes[0])
            margin = _MARGIN + 8 * float(deviation) if deviation <= max(_AGREEMENT, attainable) else math.inf
        return Panel(seen.with_those(places, log_z, log_tau), nodes, weights, values, margin)


@functools.lru_cache(maxsize=128)
def radius_table(duality: Duality) -> RadiusTable:
    """The table of a noise and a norm, made once."""
    return RadiusTable(duality)
