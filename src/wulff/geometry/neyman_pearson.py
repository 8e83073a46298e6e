"""The Neyman–Pearson set in the plane, cell by cell, for pictures."""

import dataclasses

import numpy as np
import numpy.typing as npt

from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.geometry.densities import log_density
from wulff.noises import Noise
from wulff.noises import parse as parse_noise


@dataclasses.dataclass(frozen=True)
class BestSet:
    """The set of probability p that gains the most under a shift, on a grid of square cells.

    Attributes:
        x, y: The coordinates of the cells' centres.
        density: log q at the centres, up to a constant; shape (len(y), len(x)).
        shifted: log q(· - v) at the centres.
        inside: Which cells belong to the set.
        probability: Its probability on the grid; differs from p by a cell at most.
        grown: Its probability under the shifted noise, on the grid.
    """

    x: FloatArray
    y: FloatArray
    density: FloatArray
    shifted: FloatArray
    inside: npt.NDArray[np.bool_]
    probability: float
    grown: float


def best_set(
    noise: Noise | str, v: npt.ArrayLike, p: float, *, half_width: float, cells: int = 400
) -> BestSet:
    """The Neyman–Pearson set of a shift in the plane: cells of the largest likelihood ratio, up to mass p.

    Cells of equal ratio are taken from the far side of the shift first: any of them would do. The numbers are
    those of the grid, which should hold nearly all of the mass, for pictures; `growth_function` has better.

    Args:
        noise: A noise or its spec string.
        v: The shift, two numbers in input units.
        p: The probability of the set, in (0, 1).
        half_width: The grid covers [-half_width, half_width] around 0 and around v.
        cells: Cells along each axis.

    Raises:
        InputError: An argument is outside its range.
    """
    shift = np.asarray(v, dtype=np.float64)
    if shift.shape != (2,) or not shift.any() or not np.isfinite(shift).all():
        raise InputError(f"a shift in the plane must be two finite numbers that are not both 0, got {v!r}.")
    if not 0 < p < 1:
        raise InputError(f"p must lie in (0, 1), got {p!r}.", "p")
    if not half_width > 0 or cells < 10:
        raise InputError(f"give a positive half_width and at least 10 cells, got {half_width}, {cells}.")
    noise = parse_noise(noise).in_dim(2).of_one_size()
    low = np.minimum(0, shift) - half_width
    high = np.maximum(0, shift) + half_width
    width = float((high - low).max())
    middle = (low + high) / 2
    # Centres are moved off 0 by an irrational share of a cell, where densities may have poles.
    offset = (np.arange(cells) + 0.5 + 0.0123456789) / cells - 0.5
    x, y = middle[0] + width * offset, middle[1] + width * offset
    points: FloatArray = np.stack(np.meshgrid(x, y), axis=-1)
    density, shifted = log_density(noise, points), log_density(noise, points - shift)
    top = density.max()
    mass = np.exp(density - top)
    with np.errstate(invalid="ignore"):
        ratio = np.nan_to_num(shifted - density, nan=-1e6, posinf=1e6, neginf=-1e6)
    along = points @ shift
    order = np.lexsort((-along.ravel(), -np.round(ratio.ravel(), 9)))
    total = np.cumsum(mass.ravel()[order]) / mass.sum()
    count = int(np.searchsorted(total, p, side="right"))
    inside = np.zeros(mass.size, dtype=bool)
    inside[order[:count]] = True
    inside = np.reshape(inside, mass.shape)
    outgoing = np.exp(shifted - shifted.max())
    return BestSet(
        x,
        y,
        density,
        shifted,
        inside,
        float(mass[inside].sum() / mass.sum()),
        float(outgoing[inside].sum() / outgoing.sum()),
    )
