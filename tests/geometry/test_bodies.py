"""Balls, polytopes and zonotopes: norms, volumes, moments and uniform points.

Statistical tests have fixed seeds; each would fail for a new seed with probability below 1e-5.
"""

import math

import numpy as np
import pytest
from scipy import stats

from wulff.errors import InputError
from wulff.geometry import (
    Body,
    LpBall,
    Polytope,
    Zonotope,
    determinant_bounds,
    edges,
    hit_and_run,
    volume_bounds,
    wulff_crystal,
)

DODECAHEDRON = wulff_crystal(LpBall("linf", 3))
BODIES: dict[str, Body] = {
    "l1": LpBall("l1", 3),
    "l2": LpBall("l2", 4, 2.0),
    "lp": LpBall("lp(1.5)", 3),
    "linf": LpBall("linf", 2, 0.5),
    "octahedron": LpBall("l1", 3).polytope(),
    "hexagon": LpBall("l2", 2).inscribed(3),
    "dodecahedron": DODECAHEDRON,
    "crystal of the hexagon": wulff_crystal(LpBall("l2", 2).inscribed(3)),
    "line": LpBall("l2", 1),
}


@pytest.mark.parametrize("name", BODIES)
def test_support_and_gauge_are_dual(name: str) -> None:
    """<x, y> ≤ h(x) ‖y‖, with equality for the boundary point that faces x: seen from many points."""
    body = BODIES[name]
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(40, body.dim)), body.sample(3000, generator)
    assert np.all(body.gauge(y) <= 1 + 1e-12)
    assert body.contains(y).all()
    assert not body.contains(1.001 * y / body.gauge(y)[:, None]).any()
    ratio = (x @ (y / body.gauge(y)[:, None]).T) / body.support(x)[:, None]
    assert ratio.max() <= 1 + 1e-9
    assert ratio.max(axis=1).min() > 0.75
    assert body.support(-x) == pytest.approx(body.support(x))


@pytest.mark.parametrize("name", [name for name in BODIES if name != "line"])
def test_volume_lies_between_the_bounds(name: str) -> None:
    body = BODIES[name]
    found = volume_bounds(body, np.random.default_rng(2), 8000, alpha=1e-6)
    assert found.low <= body.volume <= found.high
    assert found.low > 0.7 * found.high


def test_volume_bounds_fail_as_rarely_as_stated() -> None:
    # 400 simulations at alpha = .1: more than 70 failures have probability below 1e-5.
    generator = np.random.default_rng(3)
    body = BODIES["octahedron"]
    found = [volume_bounds(body, generator, 200, alpha=0.1) for _ in range(400)]
    assert sum(not one.low <= body.volume <= one.high for one in found) <= 70


def test_known_volumes() -> None:
    assert LpBall("l2", 3).volume == pytest.approx(4 * math.pi / 3)
    assert LpBall("l1", 5).volume == pytest.approx(2**5 / math.factorial(5))
    assert LpBall("linf", 7, 0.5).volume == pytest.approx(1)
    assert LpBall("l1", 4).polytope().volume == pytest.approx(2**4 / math.factorial(4))
    assert LpBall("linf", 4).polytope().volume == pytest.approx(16)
    assert LpBall("l1", 100_000).volume == 0  # what float64 cannot hold, its logarithm can
    assert LpBall("l1", 100_000).log_volume == pytest.approx(-982_000, rel=1e-3)


@pytest.mark.parametrize("name", ["octahedron", "hexagon", "dodecahedron", "crystal of the hexagon"])
def test_samples_have_the_exact_moments(name: str) -> None:
    body = BODIES[name]
    points = body.sample(20_000, np.random.default_rng(4))
    exact = (body.polytope if isinstance(body, Zonotope) else body).covariance  # type: ignore[attr-defined]
    assert np.allclose(points.mean(axis=0), 0, atol=5 * np.sqrt(np.trace(exact) / 20_000))
    assert np.allclose(points.T @ points / len(points), exact, atol=0.04 * np.trace(exact))
    # The gauge of a uniform point has the law P[gauge ≤ t] = t^d.
    assert stats.kstest(body.gauge(points) ** body.dim, "uniform").pvalue > 1e-5


@pytest.mark.parametrize("name", ["l1", "l2", "lp", "linf"])
def test_ball_samples_are_uniform(name: str) -> None:
    body = BODIES[name]
    points = body.sample(5000, np.random.default_rng(5))
    assert stats.kstest(body.gauge(points) ** body.dim, "uniform").pvalue > 1e-5
    box = np.random.default_rng(6).uniform(-1, 1, (60_000, body.dim)) * body.support(np.eye(body.dim))
    inside = box[body.gauge(box) <= 1]
    assert stats.ks_2samp(points[:, 0], inside[:, 0]).pvalue > 1e-5


def test_hit_and_run_reaches_the_uniform_law_of_the_dodecahedron() -> None:
    points = hit_and_run(DODECAHEDRON, 3000, np.random.default_rng(7), steps=60)
    assert DODECAHEDRON.contains(points).all()
    assert stats.kstest(DODECAHEDRON.gauge(points) ** 3, "uniform").pvalue > 1e-5
    exact = DODECAHEDRON.polytope.covariance
    assert np.allclose(points.T @ points / len(points), exact, atol=0.08 * np.trace(exact))


def test_hit_and_run_in_more_dimensions() -> None:
    points = hit_and_run(LpBall("l2", 10), 2000, np.random.default_rng(8))
    assert stats.kstest(np.linalg.norm(points, axis=1) ** 10, "uniform").pvalue > 1e-5


def test_gauge_by_linear_program_agrees_with_facets() -> None:
    generator = np.random.default_rng(9)
    body = Zonotope(generator.normal(size=(7, 3)))
    points = generator.normal(size=(8, 3))
    by_program = np.array([body._gauge_by_program(point) for point in points])
    assert body.gauge(points) == pytest.approx(by_program, rel=1e-7)
    assert body.polytope.gauge(points) == pytest.approx(by_program, rel=1e-7)


def test_bodies_refuse_what_they_are_not() -> None:
    square = np.array([[1.0, 1], [-1, 1], [1, -1], [-1, -1]])
    for points, message in [
        (square[:3], "mirror image"),
        (np.concatenate([square, [[0.5, 0], [-0.5, 0]]]), "no vertex"),
        (np.array([[1.0, 1], [-1, -1]]), "span"),
        (np.array([[np.nan, 1], [-1, -1]]), "finite"),
        (np.zeros(3), "shape"),
    ]:
        with pytest.raises(InputError, match=message):
            Polytope(points)
    with pytest.raises(InputError, match="span"):
        Zonotope(np.array([[1.0, 1], [2, 2]]))
    with pytest.raises(InputError, match="no finite set of vertices"):
        _ = LpBall("l2", 3).vertices
    with pytest.raises(InputError, match="at most 16"):
        _ = LpBall("linf", 17).vertices
    with pytest.raises(InputError, match="positive"):
        LpBall("l2", 3, -1.0)
    with pytest.raises(InputError, match="dim"):
        LpBall("l2", 0)
    with pytest.raises(InputError, match="shape"):
        LpBall("l2", 3).gauge(np.zeros(2))
    with pytest.raises(InputError, match="determinants"):
        _ = Zonotope(np.random.default_rng(0).normal(size=(60, 8))).log_volume


def test_edges_of_the_octahedron() -> None:
    assert len(edges(LpBall("l1", 3).polytope())) == 12
    assert len(edges(LpBall("linf", 3).polytope())) == 12


def test_determinant_bounds_contain_the_volume() -> None:
    body = Zonotope(np.random.default_rng(10).normal(size=(12, 4)))
    found = determinant_bounds(body, np.random.default_rng(11), 3000, alpha=1e-6)
    assert found.low <= body.volume <= found.high
    assert found.low > 0.7 * found.high
