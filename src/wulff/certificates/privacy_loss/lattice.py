"""The privacy loss of one shifted coordinate, on a lattice and dominating the true one.

With x = z + r the loss is L = log q(x - r)/q(x). The line is cut into cells on which L is monotone; a cell
with masses A under the law of x and B under that of z, and with L between a and b, is split between the
lattice points around a and b such that both masses are kept: (A - e^a B)/(1 - e^(a-b)) goes to b and the
rest to a. Under the law of z that is a mean-preserving spread of the likelihood ratio, so that every
hockey-stick divergence grows or stays [Doroshenko et al. 2022, connect-the-dots]; the error is of second
order in the lattice's step. Rounding errors are added to A and to the share of the upper point: both move
mass up, which no divergence is reduced by either.
"""

import dataclasses
import functools
import math

import numpy as np
import numpy.typing as npt

from wulff._numerics.composition import UNIT_ROUNDOFF, LatticeMeasure
from wulff._numerics.sums import weighted_sum
from wulff._typing import FloatArray
from wulff.noises.base import HalfLine, IIDNoise

COARSEST = 1 / 64
LARGEST_INDEX = 2**16
"""Lattice points on either side of 0; mass beyond is moved up."""
TAIL = 1e-20
"""Bounded cells end at the quantiles with this tail probability; one cell on either side has the rest."""
TAIL_ACCURACY = 2.0**-45
"""The relative accuracy of `coordinate_sf`, its argument being rounded; the tests measure it at 50 digits."""
MOST_CELLS = 2**16
LARGE = 100.0
"""Losses beyond decide a test almost alone; they are not resolved further."""


@dataclasses.dataclass(frozen=True)
class _Cells:
    """Cells of the line: their masses under both laws, and the range of the loss on each."""

    shifted: FloatArray
    resting: FloatArray
    shifted_slack: FloatArray
    resting_slack: FloatArray
    low: FloatArray
    high: FloatArray
    loss_slack: FloatArray


def privacy_loss(
    noise: IIDNoise, shift: float, resolution: int = 128, step: float | None = None
) -> LatticeMeasure | None:
    """The law of the privacy loss of a coordinate at scale 1, for densities known on the half line.

    There are `resolution` lattice points per standard deviation of the loss. The spread adds step²/6 on
    average to its variance, by which a radius loses about 1/12 of the square of 1/resolution, in any
    dimension. A given step is taken instead. None where the loss is too small for float64.
    """
    given = step
    assert noise.half_line is not HalfLine.OTHER
    unit, furthest = scales(noise)
    sizes = np.geomspace(1e-2 * min(shift, unit), furthest, 40)
    edges = np.concatenate([-sizes, [0.0, shift], sizes, shift - sizes, shift + sizes])
    points = _points(noise, np.unique(edges), shift)
    cells = _cells(noise, points)
    step = given or _lattice_step(noise, cells, shift, resolution)
    for _ in range(30):
        if step < 1e-13:
            return None
        width = np.clip(cells.high, -LARGE, LARGE) - np.clip(cells.low, -LARGE, LARGE)
        # Cells add (width)² of their mass to the variance, of which step² · resolution² is there.
        added = cells.shifted * width**2 / (3e-4 * step**2)
        coarse = (width > 0.5 * step) & (added > 1)
        where = np.flatnonzero(coarse[1:-1]) + 1  # the first and the last cell are unbounded
        if len(where) < 0.01 * len(width) or points.shape[1] > MOST_CELLS:
            break
        pieces = np.minimum(np.cbrt(added[where]), 2 * width[where] / step)
        middles = _between(points[0, where - 1], points[0, where], np.clip(np.ceil(pieces), 2, 8).astype(int))
        points = np.concatenate([points, _points(noise, middles, shift)], axis=1)
        points = points[:, np.unique(points[0], return_index=True)[1]]
        cells = _cells(noise, points)
        step = given or _lattice_step(noise, cells, shift, resolution)
    return _spread(cells, step)


@functools.lru_cache(maxsize=64)
def scales(noise: IIDNoise) -> tuple[float, float]:
    """The upper quartile of a coordinate at scale 1, and where its last cell begins, which holds the rest."""
    with np.errstate(over="ignore"):
        quartile, furthest = (float(noise.coordinate_isf(np.array(tail))) for tail in (0.25, TAIL))
    return quartile, min(furthest, 1e150)


def _between(low: FloatArray, high: FloatArray, pieces: npt.NDArray[np.int64]) -> FloatArray:
    """The places that cut each interval into so many pieces of one length."""
    cell = np.repeat(np.arange(len(pieces)), pieces - 1)
    number = 1 + np.arange(len(cell)) - np.repeat(np.cumsum(pieces - 1) - (pieces - 1), pieces - 1)
    part = number / pieces[cell]
    return low[cell] + part * (high[cell] - low[cell])


def _points(noise: IIDNoise, edges: FloatArray, shift: float) -> FloatArray:
    """Rows: the edges, the tails beyond them of the shifted and the resting law, the loss and its slack."""
    tails = noise.coordinate_sf(np.abs(edges - shift)), noise.coordinate_sf(np.abs(edges))
    loss = noise.coordinate_log_density(edges - shift) - noise.coordinate_log_density(edges)
    # Each log-density is off by its own rounding and by that of its argument.
    slack = 4 * UNIT_ROUNDOFF * (_log_condition(noise, edges - shift) + _log_condition(noise, edges))
    return np.stack([edges, *tails, loss, slack])


def _cells(noise: IIDNoise, points: FloatArray) -> _Cells:
    """Cell 0 is everything below the first edge, and the last one everything above the last edge."""
    _, shifted_tail, resting_tail, loss, slack = points
    shifted, shifted_slack = _masses(shifted_tail)
    resting, resting_slack = _masses(resting_tail)
    far = math.inf if noise.half_line is HalfLine.LOG_CONCAVE else 0.0
    ends = np.concatenate([[-far], loss, [far]])
    # Where a density underflows, the loss is beyond all that is resolved, and infinite to be safe.
    slack = np.concatenate([[0.0], np.where(np.isfinite(loss), slack, 0.0), [0.0]])
    return _Cells(
        shifted,
        resting,
        shifted_slack,
        resting_slack,
        np.minimum(ends[:-1], ends[1:]),
        np.maximum(ends[:-1], ends[1:]),
        np.maximum(slack[:-1], slack[1:]),
    )


def _masses(tail: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The masses between the points and beyond them, and bounds on their errors; the centre is a point."""
    between = np.abs(np.diff(tail))
    mass = np.concatenate([tail[:1], between, tail[-1:]])
    largest = np.concatenate([tail[:1], np.maximum(tail[:-1], tail[1:]), tail[-1:]])
    return mass, 2 * TAIL_ACCURACY * largest


def _log_condition(noise: IIDNoise, z: FloatArray) -> FloatArray:
    """|log q(z)| + |z · (log q)'(z)|, by which relative errors of z and of log q count."""
    size = np.maximum(np.abs(z), 1e-300)
    return np.abs(noise.coordinate_log_density(z)) + size * np.abs(noise.coordinate_score(size)) + 1


def _lattice_step(noise: IIDNoise, cells: _Cells, shift: float, resolution: int) -> float:
    """A fraction of the loss's standard deviation that divides the loss at x = shift, where atoms may be."""
    bounded = slice(1, -1)
    low, high = (np.clip(end[bounded], -LARGE, LARGE) for end in (cells.low, cells.high))
    middle, mass = 0.5 * (low + high), cells.shifted[bounded]
    mean = float(weighted_sum(middle, mass))
    deviation = math.sqrt(float(weighted_sum((middle - mean) ** 2, mass)))
    step = min(deviation / resolution, COARSEST)
    top = noise.coordinate_log_density(np.array([0.0])) - noise.coordinate_log_density(np.array([shift]))
    pieces = float(top[0]) / step if step > 0 else 0.0
    return float(top[0]) / math.ceil(pieces) if 1 <= pieces <= LARGEST_INDEX else step


def _spread(cells: _Cells, step: float) -> LatticeMeasure:
    """Each cell's mass, split between the lattice points around its range of the loss."""
    cap = min(LARGEST_INDEX, math.floor(700 / step))  # so that no likelihood ratio overflows
    # All losses are raised by twice their slack: one at a lattice point then goes there, not to both sides.
    raised = 2 * cells.loss_slack
    low = np.floor((cells.low + raised - cells.loss_slack) / step)
    high = np.ceil((cells.high + raised + cells.loss_slack) / step)
    low = np.where(low < -cap, -np.inf, np.minimum(low, cap))
    high = np.where(high > cap, np.inf, np.maximum(high, -cap))

    mass = cells.shifted + cells.shifted_slack
    resting = np.maximum(cells.resting - cells.resting_slack, 0.0) * (1 - 1.01 * raised)
    ratio = np.exp(low * step)
    share = -np.expm1(-(high - low) * step)
    excess = (
        mass - ratio * resting + (8 + np.abs(np.where(ratio > 0, low, 0) * step)) * UNIT_ROUNDOFF * 2 * mass
    )
    upper = np.clip(np.where(ratio > 0, excess, mass) / share, 0.0, mass)
    lower = mass - upper

    points = np.concatenate([low, high]), np.concatenate([lower, upper])
    finite = np.isfinite(points[0])
    infinite = float(points[1][~finite].sum())
    index = points[0][finite].astype(np.int64)
    first = int(index.min())
    masses = np.zeros(int(index.max()) - first + 1)
    np.add.at(masses, index - first, points[1][finite])
    return LatticeMeasure(step, first, masses * (1 + TAIL_ACCURACY), infinite * (1 + TAIL_ACCURACY))
