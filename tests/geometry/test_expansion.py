"""How fast bodies gain volume: theorems K.3 to K.7, 5.2 and 5.4 of Yang et al. 2020, and a search."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

from wulff.certificates import certified_radius
from wulff.errors import InputError
from wulff.geometry import (
    LpBall,
    Polytope,
    Zonotope,
    distance,
    growth,
    growths,
    least_growth,
    least_growth_against_linf,
    level_equivalent,
    log_growth,
    mean_growth,
    phi_at_half,
    search_polygon,
    worst_growth,
    wulff_crystal,
)

E = math.e
LARGE = 10**6


def first(dim: int) -> np.ndarray:
    return np.eye(1, dim)[0]


@pytest.mark.parametrize(
    ("norm", "shift", "limit"),
    [
        ("l2", first, lambda dim: math.sqrt(E)),
        ("l2", np.ones, lambda dim: math.sqrt(E * dim)),
        ("linf", first, lambda dim: 1.0),
        ("linf", np.ones, lambda dim: dim),
        ("l1", first, lambda dim: E),
        ("l1", np.ones, lambda dim: E * math.sqrt(2 / math.pi) * math.sqrt(dim)),
    ],
)
def test_growth_of_balls_tends_to_its_limit(norm: str, shift, limit) -> None:
    """K.3 to K.7: √e, e, d, e √(2/π) (times √d for (1, ..., 1)); within 2 log(d)/d, as d grows."""
    off = []
    for dim in (10, 1000, LARGE):
        off.append(abs(growth(LpBall(norm, dim), shift(dim)) / limit(dim) - 1))
        assert off[-1] < max(1e-9, 2 * math.log(dim) / dim)
    assert off[-1] <= max(off[0], 1e-9)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("dim", [2, 3, 5])
def test_closed_forms_are_the_limit_of_shifted_bodies(norm: str, dim: int) -> None:
    """lim Vol((S + rv) \\ S)/r by simulation: hits of the shifted body that miss the body at rest.

    With r = .02 the linear term is off by r² at most of order r; 200,000 points, five standard errors.
    """
    body, generator = LpBall(norm, dim), np.random.default_rng(dim)
    v, r, n = generator.normal(size=dim), 0.02, 200_000
    points = body.sample(n, generator)
    share = float((body.gauge(points + r * v) > 1).mean())
    exact = math.exp(log_growth(body, v) - body.log_volume) * r
    slack = 5 * math.sqrt(share / n) + 0.08 * exact
    assert share == pytest.approx(exact, abs=slack)


@pytest.mark.parametrize("dim", [2, 3, 4])
@pytest.mark.parametrize("norm", ["l1", "linf"])
def test_closed_forms_agree_with_the_facet_formula(norm: str, dim: int) -> None:
    """The projection formula ½ Σ area |<n, v>| over Qhull's facets, to 1e-9."""
    generator = np.random.default_rng(1)
    for v in [*generator.normal(size=(3, dim)), first(dim), np.ones(dim)]:
        ball = LpBall(norm, dim, 1.7)
        assert log_growth(ball, v) == pytest.approx(log_growth(ball.polytope(), v), abs=1e-9)
    assert growth(LpBall(norm, dim), np.ones(dim)) == pytest.approx(
        growth(LpBall(norm, dim, 3.0), np.ones(dim))
    )
    assert growth(LpBall(norm, dim), np.zeros(dim)) == 0


def test_many_sided_polygon_grows_like_the_disc() -> None:
    polygon = LpBall("l2", 2).inscribed(300)
    assert growth(polygon, np.array([0.6, 0.8])) == pytest.approx(2 / math.sqrt(math.pi), rel=1e-4)


BALLS = {
    "l1, d=2": LpBall("l1", 2),
    "linf, d=2": LpBall("linf", 2),
    "linf, d=3": LpBall("linf", 3),
    "linf, d=4": LpBall("linf", 4),
    "hexagon": LpBall("l2", 2).inscribed(3),
}


@pytest.mark.parametrize("name", BALLS)
def test_the_crystal_grows_least(name: str) -> None:
    """Theorem 5.2: no body beats the crystal, alike under all vertices, in the worst case or on average."""
    ball = BALLS[name]
    crystal = wulff_crystal(ball)
    least = least_growth(ball)
    assert growths(crystal, ball) == pytest.approx(least, rel=1e-8)
    generator = np.random.default_rng(2)
    rivals: list[Any] = [LpBall(norm, ball.dim) for norm in ("l1", "l2", "linf")]
    for _ in range(40):
        points = generator.normal(size=(6 + 2 * ball.dim, ball.dim)) * generator.uniform(0.3, 2, ball.dim)
        rivals.append(_hull(points))
        rivals.append(Zonotope(points[: ball.dim + 2]))
    for rival in rivals:
        values = np.array([growth(rival, v) for v in ball.vertices])
        assert values.mean() >= least * (1 - 1e-9)
        assert values.max() >= least * (1 - 1e-9)


def test_the_crystal_is_the_only_one_to_grow_least() -> None:
    ball = LpBall("linf", 3)
    for norm in ("l1", "l2", "linf"):
        assert worst_growth(LpBall(norm, 3), ball) > 1.05 * least_growth(ball)
    assert least_growth(LpBall("linf", 2)) == pytest.approx(worst_growth(LpBall("l1", 2), LpBall("linf", 2)))


def test_least_growth_against_linf_in_every_dimension() -> None:
    """Between its bounds where the crystal can be listed, to 1e-9; its limit is that of the ball, √(e d)."""
    for dim in (1, 2, 3, 4):
        low, high = least_growth_against_linf(dim)
        assert low <= least_growth(LpBall("linf", dim)) <= high
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=dim)))
        matrices = signs[np.array(list(itertools.product(range(2**dim), repeat=dim)))]
        exact = np.abs(np.linalg.det(matrices)).mean() * 2**dim / math.factorial(dim)
        assert dim / 2 * exact ** (1 / dim) == pytest.approx(least_growth(LpBall("linf", dim)), rel=1e-9)
        fourth = (np.linalg.det(matrices) ** 4).mean() / math.factorial(dim) ** 2
        assert low == pytest.approx(dim * (math.factorial(dim) * fourth) ** (-1 / (2 * dim)), rel=1e-8)
    off = []
    for dim in (10, 1000, LARGE):
        low, high = least_growth_against_linf(dim)
        assert low < high == pytest.approx(worst_growth(LpBall("l2", dim), LpBall("linf", dim)))
        off.append(1 - low / math.sqrt(E * dim))
        assert abs(off[-1]) < 2 * math.log(dim) / dim
    assert abs(off[-1]) < abs(off[0])
    with pytest.raises(InputError, match="positive integer"):
        least_growth_against_linf(0)


def test_where_vertices_differ_the_crystal_wins_on_average_only() -> None:
    """What theorem 5.2 needs: for a polygon with vertices of two kinds the worst case has another optimum."""
    half = np.array([[3.0, 0], [0, 1]])
    ball = Polytope(np.concatenate([half, -half]))
    crystal = wulff_crystal(ball)
    assert mean_growth(crystal, ball) == pytest.approx(least_growth(ball))
    # Isometries or not, a box shaped like the crystal grows alike along both axes; a hexagon does not.
    assert growths(crystal, ball) == pytest.approx(np.full(2, least_growth(ball)))
    half = np.array([[3.0, 0], [1, 1], [-1, 1]])
    ball = Polytope(np.concatenate([half, -half]))
    crystal = wulff_crystal(ball)
    assert mean_growth(crystal, ball) == pytest.approx(least_growth(ball))
    strips = _strips(ball)
    assert worst_growth(strips, ball) < worst_growth(crystal, ball) * (1 - 1e-3)


def _strips(ball: Polytope) -> Polytope:
    """All points that no vertex v moves by more than 1 across: the worst-case optimum in the plane."""
    normals = np.stack([-ball.vertices[:, 1], ball.vertices[:, 0]], axis=1)
    corners = []
    for i in range(len(normals)):
        for j in range(i):
            matrix = normals[[i, j]]
            if abs(np.linalg.det(matrix)) > 1e-9:
                corner = np.linalg.solve(matrix, np.ones(2))
                if (normals @ corner).max() <= 1 + 1e-9:
                    corners.append(corner)
    return _hull(np.array(corners))


def _hull(points: np.ndarray) -> Polytope:
    from scipy.spatial import ConvexHull

    both = np.unique(np.round(np.concatenate([points, -points]), 12), axis=0)
    return Polytope(both[ConvexHull(both).vertices])


@pytest.mark.parametrize("name", ["l1, d=2", "linf, d=2", "hexagon"])
def test_brute_force_in_the_plane_ends_at_the_crystal(name: str) -> None:
    """A search over symmetric polygons: growth within 1e-4 of the least one, shape within 2 %."""
    ball = BALLS[name]
    found = search_polygon(ball, np.random.default_rng(0), pairs=6)
    assert found.growth[0] > 1.05 * least_growth(ball)
    assert least_growth(ball) * (1 - 1e-9) <= found.growth[-1] < least_growth(ball) * (1 + 1e-4)
    assert distance(found.polygons[-1], wulff_crystal(ball)) < 0.02
    assert distance(found.polygons[0], wulff_crystal(ball)) > 0.1


@pytest.mark.parametrize(
    ("spec", "dim"),
    [
        ("exp-l2(scale=1,j=0,k=1)", 3),
        ("exp-linf(scale=1,j=1,k=2)", 3),
        ("exp-linf(scale=2,j=1,k=2)", 50),
        ("power-l1(scale=1,a=9,k=1)", 3),
    ],
)
def test_phi_at_half_orders_level_equivalent_noises(spec: str, dim: int) -> None:
    """Theorem 5.4: at equal volumes of level sets the crystal has the least Φ(½), by the ratio of growths."""
    phi, steepness = {}, {}
    for level in ("l1", "l2", "linf"):
        noise = level_equivalent(spec, level, dim)
        phi[level] = phi_at_half(noise, "l1", dim)
        steepness[level] = phi[level] / worst_growth(LpBall(level, dim), LpBall("l1", dim))
    assert phi["linf"] < phi["l2"] < phi["l1"]  # the cube is the crystal of l1
    # Everything but the growth of the level sets is the same.
    assert steepness["l1"] == pytest.approx(steepness["linf"], rel=1e-9)
    assert steepness["l2"] == pytest.approx(steepness["linf"], rel=1e-9)


@pytest.mark.parametrize("level", ["l1", "l2", "linf"])
@pytest.mark.parametrize("norm", ["l1", "linf"])
def test_phi_at_half_is_the_slope_of_the_certificates(level: str, norm: str) -> None:
    noise = level_equivalent("exp-l2(scale=1.3,j=0,k=1)", level, 4)
    error = 0.5 - 1e-4
    radius = float(certified_radius(noise, error, norm, 4, method="differential").radius)
    assert (0.5 - error) / radius == pytest.approx(phi_at_half(noise, norm, 4), rel=1e-3)


def test_refusals() -> None:
    with pytest.raises(InputError, match="every direction"):
        worst_growth(LpBall("linf", 3), LpBall("l2", 3))
    with pytest.raises(InputError, match="growth is known"):
        growth(LpBall("lp(3)", 3), np.ones(3))
    with pytest.raises(InputError, match="in the plane"):
        search_polygon(LpBall("l1", 3), np.random.default_rng(0))
    with pytest.raises(InputError, match="level-equivalent"):
        level_equivalent("uniform(scale=1)", "l1", 3)
