"""Wulff crystals: definition 5.1 and propositions J.4 and J.5 of Yang et al. 2020."""

import itertools
import math

import numpy as np
import pytest

from wulff.errors import InputError
from wulff.geometry import LpBall, Polytope, Zonotope, edges, vertex_mean, wulff_crystal
from wulff.geometry.signs import mean_absolute_sum, mean_absolute_walk

POLYTOPES = {
    "l1 in 3 dimensions": LpBall("l1", 3).polytope(),
    "linf in 2 dimensions": LpBall("linf", 2).polytope(),
    "linf in 3 dimensions": LpBall("linf", 3).polytope(),
    "linf in 4 dimensions": LpBall("linf", 4).polytope(),
    "octagon": LpBall("l2", 2).inscribed(4),
    "polygon of lp(3)": LpBall("lp(3)", 2).inscribed(5),
}


@pytest.mark.parametrize("name", POLYTOPES)
def test_crystal_is_the_unit_ball_of_the_dual_norm(name: str) -> None:
    """J.4: the zonotope's gauge is the dual norm sup <x, y> / E|<x, v>|, to 1e-6 by brute force."""
    ball = POLYTOPES[name]
    crystal = wulff_crystal(ball)
    generator = np.random.default_rng(1)
    y = generator.normal(size=(5, ball.dim))
    # The supremum over x is attained at a facet normal, up to scale: there the mean norm has an edge.
    dense = generator.normal(size=(200_000, ball.dim)) if ball.dim < 4 else np.zeros((0, ball.dim))
    x = np.concatenate([dense, crystal.polytope.facets[0]])
    mean = np.abs(x @ ball.vertices.T).mean(axis=1)
    dual = (np.abs(y @ x.T) / mean).max(axis=1)
    assert crystal.gauge(y) == pytest.approx(dual, rel=1e-6)
    if len(dense):
        inner = (np.abs(y @ dense.T) / mean[: len(dense)]).max(axis=1)
        assert np.all(inner <= crystal.gauge(y) * (1 + 1e-9))
        assert np.all(inner > crystal.gauge(y) * 0.99)


@pytest.mark.parametrize("name", POLYTOPES)
def test_support_function_is_the_mean_over_vertices(name: str) -> None:
    ball = POLYTOPES[name]
    x = np.random.default_rng(2).normal(size=(20, ball.dim))
    mean = np.abs(x @ ball.vertices.T).mean(axis=1)
    assert wulff_crystal(ball).support(x) == pytest.approx(mean, rel=1e-12)
    assert [vertex_mean(ball, row) for row in x] == pytest.approx(mean, rel=1e-12)
    assert wulff_crystal(ball).polytope.support(x) == pytest.approx(mean, rel=1e-7)


@pytest.mark.parametrize("name", POLYTOPES)
def test_volume_by_determinants_is_that_of_the_hull(name: str) -> None:
    """J.5, to 1e-8: the sum over sets of generators against Qhull's triangulation."""
    crystal = wulff_crystal(POLYTOPES[name])
    assert crystal.volume == pytest.approx(crystal.polytope.volume, rel=1e-8)


def test_volume_of_random_zonotopes() -> None:
    generator = np.random.default_rng(3)
    for dim, count in [(2, 9), (3, 7), (4, 6)]:
        body = Zonotope(generator.normal(size=(count, dim)))
        assert body.volume == pytest.approx(body.polytope.volume, rel=1e-7)


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 3072])
def test_crystal_of_l1_is_the_cube(dim: int) -> None:
    crystal = wulff_crystal(LpBall("l1", dim))
    assert isinstance(crystal, LpBall)
    x = np.random.default_rng(4).normal(size=(5, dim))
    assert crystal.support(x) == pytest.approx(np.abs(x).mean(axis=1), rel=1e-12)


def test_crystal_of_l2_is_a_ball_with_the_mean_coordinate_as_radius() -> None:
    for dim in (2, 3, 50):
        crystal = wulff_crystal(LpBall("l2", dim))
        sphere = np.random.default_rng(5).normal(size=(200_000 // dim, dim))
        sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
        # Five standard errors of the mean.
        values = np.abs(sphere[:, 0])
        assert crystal.gauge(np.eye(dim)[0]) ** -1 == pytest.approx(
            values.mean(), abs=5 * values.std() / math.sqrt(len(values))
        )
    assert wulff_crystal(LpBall("l2", 2)).gauge(np.array([1.0, 0])) == pytest.approx(math.pi / 2)
    assert wulff_crystal(LpBall("l2", 3)).gauge(np.array([1.0, 0, 0])) == pytest.approx(2)


def test_many_vertices_on_the_circle_come_close_to_the_disc() -> None:
    crystal = wulff_crystal(LpBall("l2", 2).inscribed(200))
    angle = np.linspace(0, 2 * np.pi, 77)
    support = crystal.support(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    assert support == pytest.approx(np.full(77, 2 / np.pi), rel=1e-4)


def test_crystal_of_linf_is_rhombus_and_rhombic_dodecahedron() -> None:
    rhombus = wulff_crystal(LpBall("linf", 2))
    expected = {(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)}
    assert {tuple(np.round(v, 9) + 0.0) for v in rhombus.vertices} == expected
    solid = wulff_crystal(LpBall("linf", 3)).polytope
    corners = {tuple(np.round(v, 9) + 0.0) for v in solid.vertices}
    axes = {tuple(s * e) for e in np.eye(3) for s in (1, -1)}
    cube = set(itertools.product((0.5, -0.5), repeat=3))
    assert corners == {tuple(map(float, v)) for v in axes | cube}
    assert len(solid.facets[0]) == 12
    assert len(edges(solid)) == 24


def test_mean_absolute_sum_agrees_with_enumeration() -> None:
    generator = np.random.default_rng(6)
    for n in (1, 2, 5, 9):
        x = generator.normal(size=n)
        signs = np.array(list(itertools.product((-1, 1), repeat=n)))
        assert mean_absolute_sum(x) == pytest.approx(np.abs(signs @ x).mean(), rel=1e-12)
        ones = np.abs(signs.sum(axis=1)).mean()
        assert mean_absolute_sum(np.ones(n)) == pytest.approx(ones, rel=1e-12)
        assert mean_absolute_sum(np.concatenate([np.zeros(3), np.full(n, -2.0)])) == pytest.approx(2 * ones)
    assert mean_absolute_walk(10**8) == pytest.approx(math.sqrt(2e8 / math.pi), rel=1e-8)
    assert mean_absolute_sum(np.zeros(4)) == 0
    with pytest.raises(InputError, match="36 entries"):
        mean_absolute_sum(np.arange(1.0, 38.0))


def test_crystals_that_the_definition_does_not_give_are_refused() -> None:
    with pytest.raises(InputError, match="inscribed"):
        wulff_crystal(LpBall("lp(1.5)", 2))
    with pytest.raises(InputError, match="too many to list"):
        wulff_crystal(LpBall("linf", 20))
    assert vertex_mean(LpBall("linf", 3072), np.ones(3072)) == pytest.approx(
        math.sqrt(2 * 3072 / math.pi), rel=1e-3
    )


def test_crystals_of_a_polytope_with_vertices_of_two_kinds() -> None:
    # Nothing here depends on symmetry beyond ±: a stretched hexagon.
    half = np.array([[2.0, 0], [1, 1], [-1, 1]])
    ball = Polytope(np.concatenate([half, -half]))
    assert wulff_crystal(ball).volume == pytest.approx(wulff_crystal(ball).polytope.volume)
