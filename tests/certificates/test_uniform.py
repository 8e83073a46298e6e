"""Uniform noise against every norm: forward inequalities at 50 digits, and brute force in few dimensions."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wulff.certificates import certified_radius


def overlap(v: list[mp.mpf]) -> mp.mpf:
    return mp.fprod(max(1 - abs(coordinate) / 2, 0) for coordinate in v)


@pytest.mark.parametrize("dim", [1, 2, 3, 10])
@pytest.mark.parametrize("p", [1.0, 1.02, 1.1, 1.3, 1.5, 1.9, 2.0, 3.0, 20.0, math.inf])
@mp.workdps(50)
def test_no_perturbation_below_the_radius_reaches_a_tie(p: float, dim: int) -> None:
    rng = np.random.default_rng(round(10 * min(p, 99)) + dim)
    for error in (1e-12, 1e-3, 0.1, 0.3, 0.45, 0.4999):
        radius = float(certified_radius("uniform(scale=1)", error, f"lp({p})", dim).radius)
        shapes = [*rng.dirichlet(np.full(dim, 0.3), 20), np.full(dim, 1 / dim), np.eye(dim)[0]]
        # One large coordinate beside equal small ones: the worst for p between 1 and 2.
        shapes += [np.r_[1.0, np.full(dim - 1, share)] for share in np.geomspace(1e-6, 1, 20)]
        for shape in shapes:
            direction = [mp.mpf(float(x)) for x in shape]
            size = max(direction) if p == math.inf else mp.fsum(x**p for x in direction) ** (1 / mp.mpf(p))
            worst = [radius * x / size for x in direction]
            assert overlap(worst) >= mp.mpf(error) + mp.mpf("0.5")


@pytest.mark.parametrize(("p", "dim"), [(1.02, 2), (1.1, 3), (1.3, 2), (1.5, 2)])
def test_one_large_coordinate_is_nearly_the_minimum(p: float, dim: int) -> None:
    error = 1e-3
    radii = certified_radius("uniform(scale=1)", error, f"lp({p})", dim, method="one-large-coordinate")
    total = -math.log(0.5 + error)
    y = total * (1 - np.geomspace(1e-20, 1 - 1 / dim, 200_001))
    costs = (1 - np.exp(-y)) ** p + (dim - 1) * (1 - np.exp(-(total - y) / (dim - 1))) ** p
    assert radii.radius == pytest.approx(2 * costs.min() ** (1 / p), rel=3e-5)


@given(
    p=st.floats(1, 8),
    errors=st.tuples(st.floats(1e-9, 0.499), st.floats(1e-9, 0.499)),
    dim=st.integers(1, 50),
)
@settings(deadline=None, max_examples=60)
def test_monotone(p: float, errors: tuple[float, float], dim: int) -> None:
    small, large = sorted(errors)
    radius = certified_radius("uniform(scale=1)", [small, large], f"lp({p!r})", dim).radius
    assert radius[0] >= radius[1] * (1 - 1e-4)
    wider = certified_radius("uniform(scale=1)", small, f"lp({p!r})", dim + 1).radius
    # Coordinates that an adversary may leave alone cannot raise the radius.
    assert wider <= radius[0] * (1 + 1e-4)
