"""Laws known only by their log-density: integration, distribution function, quantiles and sampling."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from wulff._numerics.bisection import bisect
from wulff._numerics.sums import weighted_sum
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.noises.randomness import Random, source

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_DEPTH = 60.0  # the law is cut off where its density is exp(-60) of the peak
_DEEPEST = 745.0  # float64 holds no probability that is smaller than exp(-745)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
_TABLE = 8192
_REACH = 40.0  # draws have log-odds within ±40: a float64 exponential variable reaches no further


NO_TOTAL_MASS = "the density must have a finite total mass, within sizes that float64 can hold"


class NumericalLaw:
    """The law of a real x with density ∝ exp(log_density(x)), integrated cell by cell.

    The cells are halved until Gauss–Legendre sums over a cell and over its two halves agree to 1e-14 of the
    total mass. The log-density must be finite and continuous, and its peak must not be so narrow among
    other local peaks that a grid of 4000 points cannot tell where it is.

    Args:
        log_density: An elementwise function on the line.
        lo: Where to look for the law.
        hi: Where to look for the law.
        nodes: Places at which the log-density changes its formula; they become ends of cells.
        whole: False to look for the reach only, of a law that may go on beyond the range.

    Attributes:
        reach: Beyond these ends nothing has a probability that float64 can hold.

    Raises:
        InputError: The density is not finite, or is still large at the ends of the range.
    """

    def __init__(
        self,
        log_density: Callable[[FloatArray], FloatArray],
        lo: float,
        hi: float,
        *,
        nodes: FloatArray | None = None,
        whole: bool = True,
    ) -> None:
        self._unnormalised = log_density
        support = _support(log_density, lo, hi, whole)
        if support is None:
            raise InputError(f"{NO_TOTAL_MASS}.")
        first, last, self.mode, self._peak = support
        self.reach = (self._end(first, lo), self._end(last, hi))
        if not whole:
            return
        self.edges = np.linspace(first, last, 65)
        if nodes is not None:
            self.edges = np.unique(np.concatenate([self.edges, nodes[(nodes > first) & (nodes < last)]]))
        self.edges, masses = self._refine()
        self._left = np.concatenate([[0.0], np.cumsum(masses)])
        self._right = np.concatenate([np.cumsum(masses[::-1])[::-1], [0.0]])
        self.total = self._left[-1]
        self.log_total = self._peak + float(np.log(self.total))
        self.width = float(np.sqrt(self.expectation(lambda x: (x - self.mode) ** 2)))

    def _end(self, near: float, far: float) -> float:
        """Just beyond where the density is exp(-_DEEPEST) of its peak, or `far` if it never is."""

        def above(x: FloatArray) -> np.ndarray:
            return ~(self._unnormalised(x) < self._peak - _DEEPEST)

        return float(bisect(above, [near], [far], 100)[1][0])

    def expectation(self, factor: Callable[[FloatArray], FloatArray]) -> float:
        """E[factor(X)] for a factor that is as smooth as the density and grows more slowly than it falls."""
        return float(self._integral(self.edges[:-1], self.edges[1:], factor).sum() / self.total)

    def log_density(self, x: FloatArray) -> FloatArray:
        """The log of the normalised density."""
        return self._unnormalised(x) - self._peak - np.log(self.total)

    def cdf(self, x: FloatArray) -> FloatArray:
        """P[X ≤ x]."""
        x, cell = self._locate(x)
        return (self._left[cell] + self._integral(self.edges[cell], x)) / self.total

    def sf(self, x: FloatArray) -> FloatArray:
        """P[X > x]."""
        x, cell = self._locate(x)
        return (self._right[cell + 1] + self._integral(x, self.edges[cell + 1])) / self.total

    def ppf(self, q: FloatArray) -> FloatArray:
        """The x with P[X ≤ x] = q, by bisection."""
        return self._solve(np.asarray(q, dtype=np.float64), self.cdf, 1.0)

    def isf(self, q: FloatArray) -> FloatArray:
        """The x with P[X > x] = q, by bisection."""
        return self._solve(np.asarray(q, dtype=np.float64), self.sf, -1.0)

    def draw(self, out: Tensor, generator: Random) -> Tensor:
        """Fill `out` with draws by inverse CDF: cubics in the log-odds of a uniform, cell by cell."""
        import torch

        random = source(generator)
        odds = random.exponential(out).log_()
        odds.sub_(random.exponential(torch.empty_like(out)).log_())
        places, steps, least, most = self._quantile_table(out.device, out.dtype)
        odds.clamp_(least, most)
        index = torch.searchsorted(places, odds).sub_(1).clamp_(0, len(places) - 2)
        place, width, x, rise, left, right = steps.index_select(1, index.view(-1)).view(6, *out.shape)
        t = (odds - place) / width
        bend = left * (1 - t) - right * t + (2 * t - 1) * rise
        return out.copy_(x + t * rise + t * (1 - t) * bend)

    @functools.cache  # noqa: B019  (laws are cached themselves, and few)
    def _quantile_table(
        self, device: torch.device, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor, float, float]:
        """Log-odds: a grid, and the ends of all cells; what a draw needs of each step between two; both ends.

        Of a step these are its beginning, its width, x there, the rise of x, and what the rise would be with
        the slope at its left end and with that at its right end.
        """
        import torch

        odds = np.linspace(-_REACH, _REACH, _TABLE)
        tail = 1 / (1 + np.exp(np.abs(odds)))
        x = np.where(odds < 0, self.ppf(tail), self.isf(tail))
        with np.errstate(divide="ignore"):
            ends = np.log(self._left) - np.log(self._right)
        known = np.abs(ends) < _REACH
        odds, x = np.concatenate([odds, ends[known]]), np.concatenate([x, self.edges[known]])
        order = np.argsort(odds, kind="stable")
        odds, x = odds[order], np.maximum.accumulate(x[order])
        kept = np.append(True, np.diff(odds) > 1e-6)  # steps that float32 log-odds can tell apart
        odds, x = odds[kept], x[kept]
        tail = 1 / (1 + np.exp(np.abs(odds)))
        with np.errstate(over="ignore"):
            slope = tail * (1 - tail) * np.exp(-self.log_density(x))
        # A slope beyond three times the secant would make the interpolation overshoot.
        limit = 3 * np.diff(x) / np.diff(odds)
        slopes = np.stack([np.minimum(slope[:-1], limit), np.minimum(slope[1:], limit)])
        places, x, slopes = (torch.tensor(part, dtype=dtype) for part in (odds, x, slopes))
        width = places.diff()
        steps = torch.stack([places[:-1], width, x[:-1], x.diff(), slopes[0] * width, slopes[1] * width])
        return places.to(device), steps.to(device), float(places[0]), float(places[-1])

    def _refine(self) -> tuple[FloatArray, FloatArray]:
        edges = self.edges
        for _ in range(60):
            middles = (edges[:-1] + edges[1:]) / 2
            whole = self._integral(edges[:-1], edges[1:])
            halves = self._integral(edges[:-1], middles) + self._integral(middles, edges[1:])
            rough = np.abs(halves - whole) > 1e-14 * halves.sum()
            if not rough.any() or len(edges) > 50_000:
                break
            edges = np.sort(np.concatenate([edges, middles[rough]]))
        return edges, self._integral(edges[:-1], edges[1:])

    def _integral(
        self, a: FloatArray, b: FloatArray, factor: Callable[[FloatArray], FloatArray] | None = None
    ) -> FloatArray:
        half = (b - a)[..., None] / 2
        x = (a + b)[..., None] / 2 + half * NODES
        values = np.exp(self._unnormalised(x) - self._peak)
        return weighted_sum((values if factor is None else values * factor(x)) * half, WEIGHTS)

    def _locate(self, x: FloatArray) -> tuple[FloatArray, np.ndarray]:
        x = np.clip(x, self.edges[0], self.edges[-1])
        return x, np.clip(np.searchsorted(self.edges, x) - 1, 0, len(self.edges) - 2)

    def _solve(self, q: FloatArray, function: Callable[[FloatArray], FloatArray], sign: float) -> FloatArray:
        lo, hi = np.full_like(q, self.edges[0]), np.full_like(q, self.edges[-1])
        lo, hi = bisect(lambda x: sign * function(x) < sign * q, lo, hi, 64)
        return (lo + hi) / 2


def has_total_mass(log_density: Callable[[FloatArray], FloatArray], lo: float, hi: float) -> bool:
    """Whether there is a `NumericalLaw` on that range."""
    return _support(log_density, lo, hi, whole=True) is not None


def _support(
    log_density: Callable[[FloatArray], FloatArray], lo: float, hi: float, whole: bool
) -> tuple[float, float, float, float] | None:
    """The range in which the density is above exp(-_DEPTH) of its peak, the peak's place and its height.

    None where it is nowhere positive or, if the law must be whole, still large at the ends.
    """
    while True:
        x = np.linspace(lo, hi, 4001)
        values = np.asarray(log_density(x), dtype=np.float64)
        if np.isnan(values).any() or (values == np.inf).any():
            raise InputError("the log-density must be a number below infinity for every size > 0.")
        top = int(np.argmax(values))
        kept = np.flatnonzero(values > values[top] - _DEPTH)
        cut_off = len(kept) > 0 and (kept[0] == 0 or kept[-1] == 4000)
        if len(kept) == 0 or (whole and cut_off and values[[0, -1]].max() > values[top] - 30):
            return None
        first, last = max(kept[0] - 1, 0), min(kept[-1] + 1, 4000)
        if last - first > 3000:
            return float(x[first]), float(x[last]), float(x[top]), float(values[top])
        lo, hi = float(x[first]), float(x[last])
