"""Level-set radii of very many errors at once, by interpolation between certified ones.

Each panel is one unit of log z, z the normal quantile of 1 - error: fixed places, so that a radius does not
depend on which other errors were asked for. On a panel log r is a polynomial through certified radii at
Chebyshev nodes. It is compared with certified radii at other points of the panel; where they differ by
more than a part in 10⁹, the panel is halved. The radius is then lowered by eight times the largest
difference seen and a part in 10¹⁰, and never exceeds a certified radius for a smaller error.
"""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt
from scipy import special

from wulff._numerics.rounding import EPSILON
from wulff._typing import FloatArray
from wulff.certificates.gaussian import normal_quantile
from wulff.certificates.level_set_solver import Duality, certify

_NODES = np.cos(np.pi * (np.arange(12) + 0.5) / 12)
_WEIGHTS = (-1.0) ** np.arange(12) * np.sin(np.pi * (np.arange(12) + 0.5) / 12)
_TESTS = np.array([-1.0, -0.72, 0.0, 0.72, 1.0])
_AGREEMENT, _MARGIN, _DEPTH = 1e-9, 1e-10, 12


@dataclasses.dataclass(frozen=True)
class Panel:
    """log r on [low, high] in log z: values at the Chebyshev nodes, margin, and the radius not to exceed."""

    low: float
    high: float
    values: FloatArray
    margin: float
    ceiling: float

    def log_radius(self, log_z: FloatArray) -> FloatArray:
        """A lower bound on log r, by the barycentric formula."""
        x = (2 * log_z - (self.low + self.high)) / (self.high - self.low)
        return np.minimum(_interpolate(self.values, x) - self.margin, self.ceiling)


def _interpolate(values: FloatArray, x: FloatArray) -> FloatArray:
    distance = x[:, None] - _NODES
    hit = np.abs(distance) < 1e-15
    ratio = _WEIGHTS / np.where(hit, 1.0, distance)
    found = (ratio @ values) / ratio.sum(axis=1)
    return np.where(hit.any(axis=1), values[hit.argmax(axis=1)], found)


@functools.lru_cache(maxsize=1024)
def _panels(duality: Duality, index: int) -> tuple[Panel, ...]:
    """The panels of [index, index + 1] in log z, ascending."""
    return tuple(_build(duality, float(index), index + 1.0, _DEPTH))


def _build(duality: Duality, low: float, high: float, depth: int) -> list[Panel]:
    places = (low + high) / 2 + (high - low) / 2 * np.concatenate([_NODES, _TESTS])
    log_r = certify(duality, error_of(np.exp(places)))
    values, tests = log_r[: len(_NODES)], log_r[len(_NODES) :]
    deviation = float(np.abs(_interpolate(values, _TESTS) - tests).max())
    attainable = 64 * EPSILON / np.exp(low)  # near ½ an error has few digits of its distance from it
    if np.isfinite(deviation) and deviation > max(_AGREEMENT, attainable) and depth > 0:
        middle = (low + high) / 2
        return _build(duality, low, middle, depth - 1) + _build(duality, middle, high, depth - 1)
    return [Panel(low, high, values, _MARGIN + 8 * deviation, float(tests[-1]))]


def error_of(z: FloatArray) -> FloatArray:
    """The error with the normal quantile z, never 0."""
    near = 0.5 - 0.5 * special.erf(z / np.sqrt(2))
    return np.maximum(np.where(z < 0.5, near, special.ndtr(-z)), 1e-307)


def interpolated(duality: Duality, error: FloatArray) -> FloatArray:
    """log r for each error, like `certify`."""
    log_z = np.log(normal_quantile(error))
    index = np.floor(log_z).astype(int)
    log_r = np.full(len(error), np.nan)
    for i in np.unique(index):
        for panel in _panels(duality, int(i)):
            here: npt.NDArray[np.bool_] = (index == i) & (log_z >= panel.low) & (log_z <= panel.high)
            if here.any():
                log_r[here] = panel.log_radius(log_z[here])
    return log_r
