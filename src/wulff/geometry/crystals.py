"""Wulff crystals: the shapes of the best noise [Yang et al. 2020, definition 5.1].

The crystal of a ball B is the unit ball of the norm dual to x ↦ E|<x, y>|, y uniform on the vertices of B.
In other words it is the body whose support function is that mean, and a mean of the support functions
|<x, y>| of the segments [-y, y] belongs to the mean of the segments: the crystal is the zonotope
Σ [-y, y]/m over the m pairs ±y of vertices [proposition J.4]. For l1 it is the cube of half-width 1/d, for
linf the rhombus (d = 2), the rhombic dodecahedron (d = 3) and their likes; for l2, where every boundary
point counts as a vertex, it is a Euclidean ball.
"""

import dataclasses
import functools
import itertools
import math
from typing import Any, final

import numpy as np
from scipy import optimize
from scipy.spatial import HalfspaceIntersection

from wulff._numerics.gammas import log_gamma_ratio
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.geometry.balls import LpBall
from wulff.geometry.bodies import Body, check_points
from wulff.geometry.polytopes import Polytope
from wulff.geometry.signs import mean_absolute_sum
from wulff.norms import Norm

MOST_DETERMINANTS = 2_000_000
MOST_FACETS = 50_000
"""Sets of generators that are enumerated to find facets; beyond, gauges are found by linear programs."""


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Zonotope(Body):
    """The sum of the segments [-g, g] over the generators g.

    Attributes:
        generators: Rows that span the space; parallel ones are allowed.

    Raises:
        InputError: The generators do not span the space.
    """

    generators: FloatArray

    def __post_init__(self) -> None:
        rows = np.asarray(self.generators, dtype=np.float64)
        if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
            raise InputError(f"generators must be finite rows of shape (n, dim), got shape {rows.shape}.")
        if np.linalg.matrix_rank(rows) < rows.shape[1]:
            raise InputError(f"generators must span all {rows.shape[1]} dimensions.")
        object.__setattr__(self, "generators", rows)

    @property
    def dim(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.generators.shape[1]

    def support(self, x: FloatArray) -> FloatArray:
        return np.abs(check_points(x, self.dim) @ self.generators.T).sum(axis=-1)

    def gauge(self, y: FloatArray) -> FloatArray:
        rows = check_points(y, self.dim)
        if self._has_facets:
            normals, distances = self.facets
            return (np.abs(rows @ normals.T) / distances).max(axis=-1)
        flat = rows.reshape(-1, self.dim)
        return np.array([self._gauge_by_program(row) for row in flat]).reshape(rows.shape[:-1])

    def _gauge_by_program(self, y: FloatArray) -> float:
        """min t with y = Σ c_i g_i and |c_i| ≤ t, as a linear program in (c, t)."""
        count = len(self.generators)
        bound = np.concatenate([np.eye(count), -np.ones((count, 1))], axis=1)
        mirrored = np.concatenate([-np.eye(count), -np.ones((count, 1))], axis=1)
        equality = np.concatenate([self.generators.T, np.zeros((self.dim, 1))], axis=1)
        found: Any = optimize.linprog(
            np.eye(count + 1)[-1],
            A_ub=np.concatenate([bound, mirrored]),
            b_ub=np.zeros(2 * count),
            A_eq=equality,
            b_eq=y,
            bounds=(None, None),
        )
        return float(found.fun)

    @property
    def log_volume(self) -> float:
        return self._log_volume

    @functools.cached_property
    def _log_volume(self) -> float:
        """log of 2^d Σ |det(g_i, i ∈ I)| over the sets I of d generators [Yang et al. 2020, prop. J.5]."""
        count = math.comb(len(self.generators), self.dim)
        if count > MOST_DETERMINANTS:
            raise InputError(
                f"the volume has {count:,} determinants, more than {MOST_DETERMINANTS:,}; "
                "use volume_bounds, which samples them."
            )
        total = 0.0
        subsets = itertools.combinations(range(len(self.generators)), self.dim)
        while block := list(itertools.islice(subsets, 2**16)):
            total += float(np.abs(np.linalg.det(self.generators[np.array(block)])).sum())
        return self.dim * math.log(2) + math.log(total)

    @property
    def _has_facets(self) -> bool:
        return math.comb(len(self.generators), self.dim - 1) <= MOST_FACETS

    @functools.cached_property
    def facets(self) -> tuple[FloatArray, FloatArray]:
        """Unit normals n, one of each pair ±n, and distances h(n): the body is |<n, y>| ≤ h(n) for all.

        A facet is spanned by d - 1 independent generators, and its normal is orthogonal to them.
        """
        if self.dim == 1:
            return np.ones((1, 1)), self.support(np.ones((1, 1)))
        if not self._has_facets:
            raise InputError(
                f"{len(self.generators)} generators in {self.dim} dimensions may have more than "
                f"{MOST_FACETS:,} facets; gauge and support work without them."
            )
        subsets = np.array(list(itertools.combinations(range(len(self.generators)), self.dim - 1)))
        normals = _orthogonal(self.generators[subsets])
        sizes = np.linalg.norm(normals, axis=1)
        length = np.prod(np.linalg.norm(self.generators[subsets], axis=2), axis=1)
        normals = normals[sizes > 1e-10 * length] / sizes[sizes > 1e-10 * length, None]
        # Of n and -n keep the one whose first coordinate that is not 0 is positive.
        lead = normals[np.arange(len(normals)), (np.abs(normals) > 1e-9).argmax(axis=1)]
        normals: FloatArray = np.unique(np.round(normals * np.sign(lead)[:, None], 9), axis=0)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return normals, self.support(normals)

    @functools.cached_property
    def polytope(self) -> Polytope:
        """The same body by its vertices; in low dimension."""
        if self.dim == 1:
            size = self.support(np.ones(1))
            return Polytope(np.array([[size], [-size]]))
        normals, distances = self.facets
        both = np.concatenate([normals, -normals])
        cuts = np.concatenate([both, -np.concatenate([distances, distances])[:, None]], axis=1)
        corners = HalfspaceIntersection(cuts, np.zeros(self.dim)).intersections
        # The sum of the normals that touch a corner is inside its normal cone, where no <x, g> is 0: its
        # signs say which ends of the segments add up to the corner. So corners found twice become one.
        touching = corners @ both.T > np.concatenate([distances, distances]) * (1 - 1e-7)
        ends = np.unique(np.sign((touching @ both) @ self.generators.T), axis=0)
        return Polytope(ends @ self.generators)

    @property
    def vertices(self) -> FloatArray:
        """The vertices, as rows; in low dimension."""
        return self.polytope.vertices

    def sample(self, n: int, generator: np.random.Generator) -> FloatArray:
        return self.polytope.sample(n, generator)


def wulff_crystal(ball: LpBall | Polytope) -> LpBall | Zonotope:
    """The Wulff crystal of a ball [Yang et al. 2020, definition 5.1].

    Where the isometries of the ball carry every vertex to every other (l1, l2, linf, regular polygons) the
    crystal is the body of its volume that grows least under the worst shift in the ball [theorem 5.2]; for
    other polytopes it grows least on average over the vertices (see `mean_growth`).

    Raises:
        InputError: The ball is an lp ball with other p, whose extreme points are no finite set and have no
            uniform law that the definition could mean; or it has too many vertices to list.
    """
    if isinstance(ball, LpBall):
        if ball.dim == 1:
            return ball
        if ball.norm == Norm.L1:
            return LpBall(Norm.LINF, ball.dim, ball.radius / ball.dim)
        if ball.norm == Norm.L2:
            return LpBall(Norm.L2, ball.dim, ball.radius * mean_coordinate(ball.dim))
        if not ball.has_vertices:
            raise InputError(
                f"definition 5.1 averages over vertices, and all boundary points of the {ball.norm} ball are "
                "extreme; take the crystal of `ball.inscribed(pairs)`, or of a Polytope of your choice."
            )
    pairs = one_of_each_pair(ball.vertices)
    return Zonotope(pairs / len(pairs))


def vertex_mean(ball: LpBall | Polytope, x: FloatArray) -> float:
    """E|<x, y>| over the vertices y of the ball: the crystal's support function at the vector x.

    Exact without listing vertices for l1, l2 and linf in any dimension, within the limits of
    `mean_absolute_sum` for linf.
    """
    row = check_points(np.ravel(x), ball.dim)
    if isinstance(ball, LpBall) and ball.dim > 1:
        if ball.norm == Norm.LINF:
            return ball.radius * mean_absolute_sum(row)
        return float(wulff_crystal(ball).support(row))
    return float(np.abs(ball.vertices @ row).mean())


def mean_coordinate(dim: int) -> float:
    """E|θ₁| on the Euclidean unit sphere: Γ(d/2) / (√π Γ((d+1)/2))."""
    return math.exp(-log_gamma_ratio(dim / 2, 0.5)) / math.sqrt(math.pi)


def one_of_each_pair(vertices: FloatArray) -> FloatArray:
    """The v of each pair v, -v whose first coordinate that is not 0 is positive."""
    size = np.abs(vertices).max()
    lead = (np.abs(vertices) > 1e-9 * size).argmax(axis=1)
    return vertices[vertices[np.arange(len(vertices)), lead] > 0]


def _orthogonal(rows: FloatArray) -> FloatArray:
    """For each (d-1, d) matrix the vector orthogonal to its rows, by cofactors: the cross product."""
    dim = rows.shape[2]
    columns = [np.delete(rows, i, axis=2) for i in range(dim)]
    return np.stack([(-1) ** i * np.linalg.det(minor) for i, minor in enumerate(columns)], axis=1)
