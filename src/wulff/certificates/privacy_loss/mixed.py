"""Mixed-norm noise against linf, by the growth functions of single shifts; see `mixed_curves`.

The largest error that a shift on a list does not bring above ½ is computed, and between the shifts the log of
the radius is found as a function of the log of the differential radius at the same error, which depends on
the law in nearly the same way: from one place to the next the slope is 1 to within some hundredths.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wulff._typing import FloatArray
from wulff.certificates.certificate import Bounded
from wulff.certificates.differential.mixed import ULPS, mixed_radii
from wulff.certificates.privacy_loss.curves import LARGEST_SIZE, LEAST_SIZE, SMALLEST_ERROR, groups
from wulff.certificates.privacy_loss.mixed_curves import SMALLEST_DIM, MixedLossCurves
from wulff.certificates.registry import register
from wulff.noises import MixedLinf
from wulff.norms import Norm

MARGIN = 2e-4
"""By which part of itself a radius is lowered for what parabolas may miss, a fortieth of a fourth difference,
of which the largest that was seen is .002; and for what two rules may agree in missing."""
GAP = 0.15
"""About what the log of a radius is above that of the differential radius."""
LOOKS, NEARER = 8, 1e-3
"""Of so many errors each is looked at, at a shift smaller by this part; the list takes no longer for more."""
MANY = 400
"""In fewer dimensions the list of shifts is denser: their radii depend on the error less evenly."""


def _grown(noise: MixedLinf, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    if dim < SMALLEST_DIM:
        return np.full_like(error, np.nan)
    curves = MixedLossCurves(dim, noise.j)
    return curves.grown(error, curves.on_the_list(radius))


def _look(noise: MixedLinf, error: FloatArray, radius: FloatArray, dim: int) -> npt.NDArray[np.bool_]:
    """Where more than each radius may be certified: unless a shift that is a little smaller is too large."""
    if dim < SMALLEST_DIM or error.size > LOOKS:
        return np.full(error.shape, dim >= SMALLEST_DIM)
    curves = MixedLossCurves(dim, noise.j)
    reach = [curves.reach(size * (1 - NEARER))[0] if size > 1e-250 else 1.0 for size in radius.tolist()]
    return error <= np.array(reach)


@register(
    MixedLinf,
    Norm.LINF,
    method="privacy-loss",
    tight=False,
    ulps=ULPS,
    growth=Bounded(_grown),
    smallest_p=3,
    look=_look,
)
def mixed_linf_curves(noise: MixedLinf, error: FloatArray, dim: int) -> FloatArray:
    """The r with inf_t {t · error + D_t(r, ..., r)} = ½ [Zhang et al. 2020, theorem 3], for d ≥ 6.

    Computed for shifts on a list. Between two of them the log of r is the lower one of the parabolas through
    three neighbours, as a function of the log of the differential radius at the same error; 0 where that is.
    """
    if dim < SMALLEST_DIM:
        return np.full_like(error, np.nan)
    curves, p = MixedLossCurves(dim, noise.j), np.maximum(error, SMALLEST_ERROR)
    with np.errstate(divide="ignore"):
        log_known = np.log(mixed_radii(noise, p, dim, Norm.LINF))
    known = np.isfinite(log_known)  # no differential radius tells errors apart where the pole is too strong
    cell, radius = np.full(error.shape, -1), np.zeros(error.shape)
    cell[known] = _cells(curves, log_known[known])
    for k, here in groups(cell, cell >= 0):
        x, y, parts, reach = zip(*(_place(curves, i) for i in range(k - 1, k + 3)), strict=True)
        found = np.exp(lower_parabola(x, y, log_known[here], max(parts) / 2))
        # Differential radii fall with the error, so that this place reaches each of these, but for rounding.
        reached = p[here] <= reach[1] + 1e-6 * min(reach[1], 0.5 - reach[1])
        radius[here] = np.where(reached, found, 0.0)
    return radius


@functools.cache
def _sizes(dense: bool) -> FloatArray:
    """The logs of the shifts on the list, in units; fewer where they are small and all is nearly linear."""
    step = 0.25 if dense else 0.5
    return np.concatenate([np.arange(LEAST_SIZE, -3.0, 2 * step), np.arange(-3.0, LARGEST_SIZE + step, step)])


@functools.lru_cache(maxsize=2048)
def _place(curves: MixedLossCurves, k: int) -> tuple[float, float, float, float]:
    """Of a shift on the list the log of the differential radius at its largest error, that of the shift,
    lowered, by how much the former may be too large, and that error."""
    sizes = _sizes(curves.dim < MANY)
    if not 0 <= k < len(sizes):
        return math.copysign(math.inf, k), math.copysign(math.inf, k), 0.0, 0.5 if k < 0 else 0.0
    shift = curves.unit * math.exp(sizes[k])
    error, part = curves.reach(shift)
    log_shift = math.log(shift) - MARGIN - part
    if error < 1e-100:
        return math.inf, log_shift, part, 0.0
    if k > 0 and log_shift < math.log(curves.unit) + sizes[k - 1]:
        # It is lowered by more than the way from the one before, which is for smaller errors, too.
        _, before, _, larger = _place(curves, k - 1)
        log_shift = max(log_shift, before) if error <= larger else log_shift
    noise = MixedLinf(scale=1.0, j=curves.j)
    known = float(mixed_radii(noise, np.array([error]), curves.dim, Norm.LINF)[0])
    return math.log(known) if known > 0 else -math.inf, log_shift, part, error


def _cells(curves: MixedLossCurves, log_known: FloatArray) -> npt.NDArray[np.int64]:
    """The number of the place up to each log of a differential radius, the next being above; -1 if none."""
    sizes = log_known + GAP - math.log(curves.unit)
    cell = np.searchsorted(_sizes(curves.dim < MANY), sizes, side="right") - 1
    while True:
        below, above = np.empty(cell.shape), np.empty(cell.shape)
        for k, here in groups(cell, cell >= -1):
            below[here], above[here] = _place(curves, k)[0], _place(curves, k + 1)[0]
        move = (log_known >= above).astype(np.int64) - (log_known < below)
        if not move.any():
            return cell
        cell += move


def lower_parabola(x: Sequence[float], y: Sequence[float], at: FloatArray, margin: float) -> FloatArray:
    """A lower bound between the middle ones of four places on a rising curve, from y there up to y behind.

    The curve lies between the two parabolas through three of the places unless its third derivative changes
    its sign, and places that are too far to the right move them by less than the margin. Where the places are
    not in ascending order, or not finite, the y before is the bound.
    """
    if not (np.isfinite(x).all() and (np.diff(x) > 0).all()):
        return np.full(at.shape, y[1])
    both = (_parabola(x[i : i + 3], y[i : i + 3], at) for i in (0, 1))
    return np.clip(np.minimum(*both) - margin, y[1], y[2])


def _parabola(x: Sequence[float], y: Sequence[float], at: FloatArray) -> FloatArray:
    first, second = np.diff(y) / np.diff(x)
    return y[0] + (at - x[0]) * (first + (at - x[1]) * (second - first) / (x[2] - x[0]))
