"""Convex bodies, symmetric around 0: what a unit ball and a crystal have in common."""

import math
from abc import ABC, abstractmethod

import numpy as np

from wulff._checks import whole_number
from wulff._typing import FloatArray
from wulff.errors import InputError


class Body(ABC):
    """A convex body in `dim` dimensions with 0 inside, equal to its mirror image -S.

    Points are rows: functions of points take arrays of shape (..., dim) and return shape (...).
    """

    dim: int

    @abstractmethod
    def support(self, x: FloatArray) -> FloatArray:
        """h(x) = max of <x, y> over y in the body: the distance of the facing tangent plane, times ‖x‖₂."""

    @abstractmethod
    def gauge(self, y: FloatArray) -> FloatArray:
        """The norm whose unit ball is the body: the smallest t ≥ 0 with y in t·S."""

    @property
    @abstractmethod
    def log_volume(self) -> float:
        """The logarithm of the volume."""

    @abstractmethod
    def sample(self, n: int, generator: np.random.Generator) -> FloatArray:
        """n independent points of the uniform law on the body, exactly; shape (n, dim)."""

    @property
    def volume(self) -> float:
        """The volume; 0 or infinite where float64 cannot hold it, which `log_volume` can."""
        try:
            return math.exp(self.log_volume)
        except OverflowError:
            return math.inf

    def contains(self, y: FloatArray) -> np.ndarray:
        """Whether each point lies in the body; its boundary counts, up to a part in 10⁹."""
        return self.gauge(y) <= 1 + 1e-9


def check_points(points: FloatArray, dim: int) -> FloatArray:
    """Points as float64 rows with `dim` coordinates; refuses other shapes and numbers that are not finite."""
    rows = np.asarray(points, dtype=np.float64)
    if rows.ndim == 0 or rows.shape[-1] != dim:
        raise InputError(f"points must have shape (..., {dim}), got {rows.shape}.")
    if not np.isfinite(rows).all():
        raise InputError("points must be finite, got inf or nan.")
    return rows


def check_body_dim(dim: int) -> int:
    """A number of dimensions as an int; refuses what is not a positive whole number."""
    return whole_number("dim", dim)
