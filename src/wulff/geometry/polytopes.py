"""Centrally symmetric polytopes: facets, volume, moments and uniform points, exactly, in low dimension."""

import dataclasses
import functools
import itertools
import math

import numpy as np
from scipy.spatial import ConvexHull, KDTree, QhullError

from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.geometry.bodies import Body, check_points

MOST_DIMENSIONS = 8
"""In more dimensions hulls take too long."""

_TOLERANCE = 1e-9


@dataclasses.dataclass(frozen=True, eq=False)
class Polytope(Body):
    """The convex hull of a finite set of points that is equal to its mirror image.

    Attributes:
        points: The vertices, as rows; each -v is among them as well.

    Raises:
        InputError: The points are not symmetric, do not span the space, or one is no vertex.
    """

    points: FloatArray

    def __post_init__(self) -> None:
        points = np.asarray(self.points, dtype=np.float64)
        if points.ndim != 2 or not points.size or not np.isfinite(points).all():
            raise InputError(f"vertices must be finite rows of shape (n, dim), got shape {points.shape}.")
        size = float(np.abs(points).max())
        lonely = points[_unmatched(points, size)]
        if len(lonely):
            raise InputError(f"vertices must come in pairs v, -v; there is no mirror image of {lonely[0]}.")
        if np.linalg.matrix_rank(points, tol=_TOLERANCE * size) < points.shape[1]:
            raise InputError(f"vertices must span all {points.shape[1]} dimensions; these lie in a plane.")
        object.__setattr__(self, "points", points)
        if 1 < self.dim <= MOST_DIMENSIONS and len(self.hull.vertices) < len(points):
            inner = sorted(set(range(len(points))) - set(self.hull.vertices.tolist()))
            raise InputError(f"{points[inner[0]]} is no vertex of the hull; leave out points inside it.")

    @property
    def dim(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.points.shape[1]

    @property
    def vertices(self) -> FloatArray:
        """The vertices, as rows."""
        return self.points

    @functools.cached_property
    def hull(self) -> ConvexHull:
        """The facets, by Qhull; the facets of a general polytope are cut into simplices."""
        if not 2 <= self.dim <= MOST_DIMENSIONS:
            raise InputError(f"facets are found in 2 to {MOST_DIMENSIONS} dimensions, got {self.dim}.")
        try:
            return ConvexHull(self.points)
        except QhullError as error:
            raise InputError(f"Qhull cannot build the hull: {str(error).splitlines()[0]}.") from None

    @functools.cached_property
    def facets(self) -> tuple[FloatArray, FloatArray]:
        """Outer unit normals n and distances h(n) > 0: the body is <n, y> ≤ h(n) for all; one of each."""
        equations = np.unique(np.round(self.hull.equations / _TOLERANCE) * _TOLERANCE, axis=0)
        # Rounding may leave neighbours on both sides of a grid line.
        kept: list[FloatArray] = []
        for row in equations:
            if not any(np.abs(row - other).max() < 100 * _TOLERANCE for other in kept):
                kept.append(row)
        found = np.array(kept)
        return found[:, :-1], -found[:, -1]

    def support(self, x: FloatArray) -> FloatArray:
        return (check_points(x, self.dim) @ self.points.T).max(axis=-1)

    def gauge(self, y: FloatArray) -> FloatArray:
        rows = check_points(y, self.dim)
        if self.dim == 1:
            return np.abs(rows[..., 0]) / np.abs(self.points).max()
        equations = self.hull.equations
        return (rows @ (equations[:, :-1] / -equations[:, -1:]).T).max(axis=-1)

    @property
    def log_volume(self) -> float:
        return math.log(self.simplex_volumes.sum())

    @functools.cached_property
    def simplex_volumes(self) -> FloatArray:
        """The volumes of the simplices that 0 spans with the pieces of the boundary."""
        return np.abs(np.linalg.det(self._simplices)) / math.factorial(self.dim)

    @functools.cached_property
    def facet_areas(self) -> tuple[FloatArray, FloatArray]:
        """Outer unit normals and (d-1)-dimensional volumes of the pieces of the boundary."""
        equations = self.hull.equations
        # A simplex with its apex at 0 has the volume area · height / d.
        return equations[:, :-1], self.simplex_volumes * self.dim / -equations[:, -1]

    @functools.cached_property
    def covariance(self) -> FloatArray:
        """E[Y Yᵀ] of the uniform law, exactly."""
        # Over a simplex with vertices w_0 = 0, ..., w_d: E[YYᵀ] = (Σwᵢwᵢᵀ + ssᵀ)/((d+1)(d+2)), s = Σwᵢ.
        corners = self._simplices
        total = corners.sum(axis=1)
        each = np.einsum("nki,nkj->nij", corners, corners) + total[:, :, None] * total[:, None, :]
        share = self.simplex_volumes / self.simplex_volumes.sum()
        return np.einsum("n,nij->ij", share, each) / ((self.dim + 1) * (self.dim + 2))

    def sample(self, n: int, generator: np.random.Generator) -> FloatArray:
        share = self.simplex_volumes / self.simplex_volumes.sum()
        chosen = generator.choice(len(share), size=n, p=share)
        weights = generator.dirichlet(np.ones(self.dim + 1), size=n)[:, 1:]
        return np.einsum("nk,nki->ni", weights, self._simplices[chosen])

    @property
    def _simplices(self) -> FloatArray:
        """The corners of each simplex other than 0; shape (pieces, dim, dim)."""
        if self.dim == 1:
            size = np.abs(self.points).max()
            return np.array([[[size]], [[-size]]])
        return self.points[self.hull.simplices]


def edges(polytope: Polytope) -> list[tuple[int, int]]:
    """The pairs of vertices that are joined by an edge: those that share dim - 1 independent facets."""
    normals, distances = polytope.facets
    on = np.abs(polytope.vertices @ normals.T - distances) < 1e-6 * distances
    found: list[tuple[int, int]] = []
    for i, j in itertools.combinations(range(len(on)), 2):
        common = normals[on[i] & on[j]]
        if len(common) >= polytope.dim - 1 and np.linalg.matrix_rank(common, tol=1e-6) == polytope.dim - 1:
            found.append((i, j))
    return found


def _unmatched(points: FloatArray, size: float) -> np.ndarray:
    """The indices of the points whose mirror image is missing."""
    distance = np.asarray(KDTree(points).query(-points)[0], dtype=np.float64)
    return np.flatnonzero(distance > _TOLERANCE * size)
