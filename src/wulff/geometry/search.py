"""Brute force: the best shape in the plane, found without knowing of crystals."""

import dataclasses
from typing import Any, cast

import numpy as np
from scipy import optimize
from scipy.spatial import ConvexHull

from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.geometry.balls import LpBall
from wulff.geometry.bodies import Body
from wulff.geometry.crystals import one_of_each_pair
from wulff.geometry.polytopes import Polytope


@dataclasses.dataclass(frozen=True)
class Search:
    """The course of a search.

    Attributes:
        polygons: Snapshots, from the random start to the end.
        growth: The mean growth at area 1 of each.
    """

    polygons: list[Polytope]
    growth: list[float]


def search_polygon(
    ball: LpBall | Polytope, generator: np.random.Generator, *, pairs: int = 6, rounds: int = 20
) -> Search:
    """The symmetric polygon with the least mean growth under the vertices of a ball, by descent.

    Starts from random vertices and goes downhill in all coordinates at once. Between two rounds vertices
    that have sunk into the polygon are put back on its boundary, and all are shaken a little. Theorem 5.2
    [Yang et al. 2020] says that it must end at the Wulff crystal, of which it knows nothing.

    Args:
        ball: A ball in the plane.
        generator: The source of randomness.
        pairs: Pairs of vertices; superfluous ones end on an edge.
        rounds: How often it starts again from where it is.

    Raises:
        InputError: The ball is not in the plane.
    """
    if ball.dim != 2:
        raise InputError(f"polygons are searched for in the plane, got dim = {ball.dim}.")
    shifts = one_of_each_pair(ball.vertices)
    angle = generator.uniform(0, np.pi, pairs)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * generator.uniform(0.5, 1.5, (pairs, 1))
    course = Search([], [])

    def note(flat: FloatArray) -> None:
        half = flat.reshape(-1, 2)
        course.polygons.append(_polygon(half / np.sqrt(_area(half))))
        course.growth.append(_mean_growth(half, shifts))

    def growth(flat: FloatArray) -> tuple[float, FloatArray]:
        value, slope = _growth_and_slope(flat.reshape(-1, 2), shifts)
        return value, slope.ravel()

    note(points)
    best = points
    for _ in range(rounds):
        found = cast(Any, optimize.minimize)(
            growth,
            points.ravel(),
            method="BFGS",
            jac=True,
            callback=note if len(course.growth) < 12 else None,
            options={"maxiter": 200, "gtol": 1e-9},
        )
        half = np.asarray(found.x, dtype=np.float64).reshape(-1, 2)
        half = half / np.sqrt(_area(half))
        if _mean_growth(half, shifts) <= _mean_growth(best, shifts):
            best = half
        points = _surfaced(best) + 1e-3 * generator.normal(size=best.shape)
    note(best)
    return course


def distance(first: Body, second: Body, directions: int = 720) -> float:
    """How far two bodies in the plane are apart at volume 1: the largest difference of support functions.

    Relative to the largest support of the second.
    """
    angle = 2 * np.pi * np.arange(directions) / directions
    around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    one, two = (body.support(around) / np.sqrt(body.volume) for body in (first, second))
    return float(np.abs(one - two).max() / two.max())


def _surfaced(half: FloatArray) -> FloatArray:
    """The same vertices, those inside the hull moved just beyond the middle of the longest edges."""
    both = np.concatenate([half, -half])
    hull = ConvexHull(both)
    corners = both[hull.vertices]
    following = np.roll(corners, -1, axis=0)
    longest = np.argsort(-np.linalg.norm(following - corners, axis=1))
    outside = set(hull.vertices.tolist())
    inner = [i for i in range(len(half)) if i not in outside and i + len(half) not in outside]
    moved = half.copy()
    for i, edge in zip(inner, longest[::2], strict=False):  # edges come in pairs of one length
        moved[i] = 1.01 * 0.5 * (corners[edge] + following[edge])
    return moved


def _polygon(half: FloatArray) -> Polytope:
    points = np.concatenate([half, -half])
    corners = points[ConvexHull(points).vertices]
    # Qhull may keep one of two mirror images that lie on an edge but for rounding.
    paired = np.abs(corners[:, None] + corners[None]).max(axis=2).min(axis=1) < 1e-12
    return Polytope(corners[paired])


def _area(half: FloatArray) -> float:
    return float(ConvexHull(np.concatenate([half, -half])).volume)


def _mean_growth(half: FloatArray, shifts: FloatArray) -> float:
    return _growth_and_slope(half, shifts)[0]


def _growth_and_slope(half: FloatArray, shifts: FloatArray) -> tuple[float, FloatArray]:
    """The mean growth at area 1, and its gradient by the vertices."""
    both = np.concatenate([half, -half])
    hull = ConvexHull(both)
    area, corners = float(hull.volume), both[hull.vertices]
    # The area is half the sum of the cross products of successive corners, counterclockwise.
    chord = np.roll(corners, -1, axis=0) - np.roll(corners, 1, axis=0)
    area_slope = np.zeros_like(both)
    area_slope[hull.vertices] = 0.5 * np.stack([chord[:, 1], -chord[:, 0]], axis=1)
    # In the plane the shadow is an interval: the growth under v is the width across v, times ‖v‖₂.
    directions = np.stack([-shifts[:, 1], shifts[:, 0]], axis=1)
    across = half @ directions.T
    furthest = np.abs(across).argmax(axis=0)
    reach = across[furthest, np.arange(len(directions))]
    width = 2 * float(np.abs(reach).mean())
    width_slope = np.zeros_like(half)
    np.add.at(width_slope, furthest, 2 * np.sign(reach)[:, None] * directions / len(directions))
    slope = width_slope - 0.5 * width / area * (area_slope[: len(half)] - area_slope[len(half) :])
    return width / np.sqrt(area), slope / np.sqrt(area)
