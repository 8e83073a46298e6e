"""Steps, projections and random points of balls, against their definitions."""

import math

import pytest
import torch

from wulff.attacks import project, random_point, size, steepest, to_grid
from wulff.norms import Norm

NORMS = ["l1", "l2", "linf", "lp(1.5)", "lp(4)"]


def rows(count: int, dim: int = 50, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 2, dim // 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NORMS)
def test_steepest_is_the_dual_direction(name: str) -> None:
    norm, gradient = Norm.parse(name), rows(6).double()
    direction = steepest(gradient, norm)
    torch.testing.assert_close(size(direction, norm), torch.ones(6, dtype=torch.float64))
    gain = (gradient * direction).flatten(1).sum(dim=1)
    dual = {1.0: math.inf, math.inf: 1.0}.get(norm.p) or norm.p / (norm.p - 1)
    torch.testing.assert_close(gain, torch.linalg.vector_norm(gradient.flatten(1), ord=dual, dim=1))
    assert not steepest(torch.zeros_like(gradient), norm).any()
    assert steepest(gradient * 1e-30, norm).isfinite().all()


def test_steps_against_l1_are_sparse() -> None:
    gradient = rows(3, dim=1000)
    moved = steepest(gradient, Norm.L1)
    assert (moved.flatten(1).count_nonzero(dim=1) == 10).all()
    torch.testing.assert_close(size(moved, Norm.L1), torch.ones(3))
    kept = moved != 0
    assert gradient[kept].abs().min() > gradient[~kept].abs().median()
    assert (moved[kept].sign() == gradient[kept].sign()).all()


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_projections_end_inside_and_move_nothing_that_is_inside(name: str, scale: float) -> None:
    norm = Norm.parse(name)
    radius = torch.linspace(0.01, 3, 40, dtype=torch.float64)
    delta = rows(40) * scale
    inside = project(delta, norm, radius)
    assert (size(inside.double(), norm) < radius).all()
    assert (inside * delta >= 0).all()
    assert (inside.abs() <= delta.abs() * (1 + 1e-6)).all()
    torch.testing.assert_close(project(inside, norm, radius * (1 + 1e-5)), inside)


@pytest.mark.parametrize("name", ["l1", "l2", "linf"])
def test_projections_are_the_nearest_points(name: str) -> None:
    norm, radius = Norm.parse(name), torch.full((5,), 0.7, dtype=torch.float64)
    delta = rows(5, dim=4).double()
    nearest = project(delta, norm, radius)
    generator = torch.Generator().manual_seed(1)
    for _ in range(300):
        other = random_point(delta, norm, radius, generator)
        # ⟨δ - Pδ, z - Pδ⟩ ≤ 0 for every z of the ball characterises the projection on a convex set.
        product = ((delta - nearest) * (other - nearest)).flatten(1).sum(dim=1)
        assert (product <= 1e-5).all()


@pytest.mark.parametrize("name", NORMS)
def test_random_points_fill_the_ball(name: str) -> None:
    norm = Norm.parse(name)
    generator = torch.Generator().manual_seed(3)
    points = random_point(
        torch.empty(4000, 3, dtype=torch.float64), norm, torch.full((4000,), 2.0), generator
    )
    lengths = size(points, norm)
    assert (lengths < 2).all()
    if norm.p in (1, 2, math.inf):
        # P[length < 1] = 1/8 in three dimensions; five standard deviations are a false alarm of 6e-7.
        inner = (lengths < 1).double().mean().item()
        assert abs(inner - 1 / 8) < 5 * math.sqrt(1 / 8 * 7 / 8 / 4000)
        assert lengths.max() > 1.98


@pytest.mark.parametrize("name", NORMS)
def test_grid_points_stay_inside_and_near(name: str) -> None:
    norm, levels = Norm.parse(name), 16
    generator = torch.Generator().manual_seed(2)
    x = torch.randint(levels + 1, (60, 2, 25), generator=generator) / levels
    radius = torch.linspace(0.05, 2, 60, dtype=torch.float64)
    adversary = (x + random_point(x, norm, radius, generator)).clamp(0, 1)
    found = to_grid(adversary, x, norm, radius, levels)
    steps = found.double() * levels
    assert torch.equal(steps, steps.round())
    assert (size(found.double() - x.double(), norm) < radius).all()
    assert ((found - adversary).abs() < 1 / levels + 1e-6).all()
    assert found.min() >= 0
    assert found.max() <= 1
    # With room to spare, every coordinate goes to the nearest point of the grid.
    nearest = to_grid(adversary, x, norm, radius + 50, levels)
    assert ((nearest - adversary).abs() <= 0.5 / levels + 1e-6).all()
