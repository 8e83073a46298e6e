"""How fast a body gains volume under a shift: lim Vol((S + r v) \\ S) / r [Yang et al. 2020, section 5].

The limit is the volume of the shadow of S in the direction v, times ‖v‖₂: half the sum of area · |<n, v>|
over the facets with unit normals n. It decides how large a perturbation noise with such level sets forgives.
Bodies are compared at volume 1, where the limit is divided by Vol^((d-1)/d). At volume 1 and as d grows:

    the ball, under any unit vector of l2                √e
    the cube, under e₁                                   1
    the cube, under (1, ..., 1)                          d
    the cross-polytope, under e₁                         → e
    the cross-polytope, under (1, ..., 1)                → e √(2/π) √d
    the crystal of linf, under (1, ..., 1)               → √e √d, like the ball
"""

import math

import numpy as np
from scipy import special

from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.geometry.balls import LpBall
from wulff.geometry.bodies import Body, check_body_dim, check_points
from wulff.geometry.crystals import Zonotope, one_of_each_pair, wulff_crystal
from wulff.geometry.polytopes import Polytope
from wulff.geometry.signs import mean_absolute_sum
from wulff.norms import Norm


def log_growth(body: Body, v: FloatArray) -> float:
    """log of lim Vol((S + r v) \\ S) / r, without division by the volume; -∞ for v = 0.

    In closed form for the cube, the ball and the cross-polytope of any dimension; otherwise by the facets.
    """
    shift = check_points(np.ravel(v), body.dim)
    if not shift.any():
        return -math.inf
    if isinstance(body, LpBall) and body.norm in (Norm.L1, Norm.L2, Norm.LINF):
        return _of_ball(body, shift)
    if isinstance(body, Zonotope):
        body = body.polytope
    if not isinstance(body, Polytope):
        raise InputError(f"growth is known for l1, l2, linf balls and polytopes, not for {body}.")
    if body.dim == 1:
        return math.log(abs(float(shift[0])))
    normals, areas = body.facet_areas
    return math.log(0.5 * float(areas @ np.abs(normals @ shift)))


def _of_ball(ball: LpBall, shift: FloatArray) -> float:
    dim, rim = ball.dim, (ball.dim - 1) * math.log(ball.radius)
    if ball.norm == Norm.LINF or dim == 1:
        # The shadow of the cube along e_i is a cube; shadows of its facets add up: 2^(d-1) ‖v‖₁.
        return rim + (dim - 1) * math.log(2) + math.log(np.abs(shift).sum())
    if ball.norm == Norm.L2:
        return rim + LpBall(Norm.L2, dim - 1).log_volume + math.log(float(np.linalg.norm(shift)))
    # 2^d facets with normals σ/√d; together they have the area √d 2^d/(d-1)! of radius 1.
    facets = (dim - 1) * math.log(2) - float(special.gammaln(dim))
    return rim + facets + math.log(mean_absolute_sum(shift))


def growth(body: Body, v: FloatArray) -> float:
    """The growth of the body of volume 1 under v: lim Vol((S + r v) \\ S)/r / Vol(S)^((d-1)/d)."""
    return math.exp(log_growth(body, v) - (body.dim - 1) / body.dim * body.log_volume)


def growths(body: Body, ball: LpBall | Polytope) -> FloatArray:
    """The growth at volume 1 under each vertex of a ball, one of each pair; for l2 under e₁ alone.

    Symmetric bodies grow alike under all vertices of l1 or of linf, where one of them stands for all in
    dimensions in which they cannot be listed.
    """
    if isinstance(ball, LpBall):
        if ball.norm == Norm.L2:
            if not (isinstance(body, LpBall) and body.norm == Norm.L2):
                raise InputError("every direction is a vertex of the l2 ball; use growth with directions.")
            return np.array([growth(body, ball.radius * np.eye(ball.dim)[0])])
        if isinstance(body, LpBall) and ball.has_vertices:
            vertex = np.eye(ball.dim)[0] if ball.norm == Norm.L1 else np.ones(ball.dim)
            return np.array([growth(body, ball.radius * vertex)])
    return np.array([growth(body, v) for v in one_of_each_pair(ball.vertices)])


def worst_growth(body: Body, ball: LpBall | Polytope) -> float:
    """The largest growth at volume 1 under shifts from the ball; it is attained at a vertex.

    The growth is a norm of v: the support function of the projection body.
    """
    return float(growths(body, ball).max())


def mean_growth(body: Body, ball: LpBall | Polytope) -> float:
    """The mean growth at volume 1 over the vertices of the ball."""
    return float(growths(body, ball).mean())


def least_growth(ball: LpBall | Polytope) -> float:
    """The growth that no body of volume 1 falls below on average over the vertices: d/2 · Vol(crystal)^(1/d).

    The mean over the vertices is half the surface integral of the crystal's support function at the normal,
    which is d/2 times a mixed volume, and Minkowski's first inequality bounds it from below; only the crystal
    attains it [Yang et al. 2020, theorem 5.2]. The worst vertex is at least as bad as the mean. Where
    isometries of the ball connect all its vertices, the crystal grows alike under all of them, so that it
    minimises the worst case as well.
    """
    crystal = wulff_crystal(ball)
    return crystal.dim / 2 * math.exp(crystal.log_volume / crystal.dim)


def least_growth_against_linf(dim: int) -> tuple[float, float]:
    """Two bounds on `least_growth` of the linf ball in any dimension, where its vertices cannot be listed.

    The upper bound is the growth of the Euclidean ball. For the lower one, the determinant formula
    [proposition J.5] is a mean over d independent vertices: the crystal's volume is 2^d E|det M|/d! with a
    d×d matrix M of random signs. By Hölder's inequality E|det| ≥ (E det²)^(3/2)/(E det⁴)^(1/2), where E det²
    is d! and E det⁴ = (d!)² Σ_k (d-k+1)(d-k+2)/2 · (-2)^k/k! [Nyquist, Rice & Riordan 1954]. Both bounds
    tend to √(e d): in high dimension balls are all but optimal against linf. Derived here.

    Raises:
        InputError: The dimension is not a positive whole number.
    """
    dim = check_body_dim(dim)
    # From the 60th term on (-2)^k/k! is below float64's resolution.
    fourth = math.fsum(
        (dim - k + 1) * (dim - k + 2) / 2 * (-2.0) ** k / math.factorial(k) for k in range(min(dim, 60) + 1)
    )
    low = dim * math.exp(-(float(special.gammaln(dim + 1)) + math.log(fourth)) / (2 * dim))
    high = growth(LpBall(Norm.L2, dim), np.ones(dim))
    return low * (1 - 1e-9), high * (1 + 1e-9)
