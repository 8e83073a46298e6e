"""Closed forms obey their theorems' inequalities at 50 digits, and are hardly smaller than exact."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest

from tests.exact import normal_sf
from wulff.certificates import certified_radius

RNG = np.random.default_rng(0)
ERRORS = [
    *(10.0 ** -RNG.uniform(0.31, 300, 60)),
    *(0.5 - 10.0 ** -RNG.uniform(0.31, 15, 60)),
    *RNG.uniform(0.001, 0.499, 60),
]
DIMENSIONS = (1, 2, 3, 64, 3072, 150_528)
CLOSE = mp.mpf(10) ** -13


def radius(spec: str, error: float, norm: str, dim: int) -> mp.mpf:
    return mp.mpf(float(certified_radius(spec, error, norm, dim, "closed-form").radius))


@pytest.mark.parametrize(
    ("norm", "p"), [("l1", 1), ("l2", 2), ("linf", mp.inf), ("lp(1.5)", 1.5), ("lp(3)", 3)]
)
def test_gaussian(norm: str, p: float) -> None:
    for error, dim in itertools.product(ERRORS[::3], DIMENSIONS):
        # The worst perturbation of size r moves ‖v‖₂ = r · d^max(0, 1/2 - 1/p).
        stretch = mp.mpf(dim) ** max(mp.mpf(0), mp.mpf(1) / 2 - 1 / mp.mpf(p))
        r = radius("gaussian(scale=1)", error, norm, dim)
        assert normal_sf(r * stretch) >= mp.mpf(error)
        assert normal_sf(r * stretch * (1 + CLOSE)) <= mp.mpf(error)


def test_laplace_l1() -> None:
    for error in ERRORS:
        r = radius("laplace(scale=1)", error, "l1", 5)
        assert mp.exp(-r) / 2 >= mp.mpf(error)
        assert mp.exp(-r * (1 + CLOSE)) / 2 <= mp.mpf(error)


@pytest.mark.parametrize(("norm", "p"), [("l1", 1), ("l2", 2), ("linf", mp.inf)])
def test_uniform(norm: str, p: float) -> None:
    """The growth function at the worst v is error + 1 - overlap(v): it must not exceed ½."""
    for error, dim in itertools.product(ERRORS, DIMENSIONS):
        changed = 1 if p == 1 else dim
        r = radius("uniform(scale=1)", error, norm, dim)

        def overlap(r: mp.mpf, changed: int = changed) -> mp.mpf:
            each = r / mp.mpf(changed) ** (1 / mp.mpf(p))
            return (1 - each / 2) ** changed

        assert mp.mpf(error) + 1 - overlap(r) <= mp.mpf(1) / 2
        assert mp.mpf(error) + 1 - overlap(r * (1 + CLOSE)) >= mp.mpf(1) / 2


@pytest.mark.parametrize("norm", [1.0, 1.3, 2.0, 4.0, math.inf])
def test_no_direction_breaks_uniform_radii(norm: float) -> None:
    """Random and structured directions of the ball's surface in d = 2 and 3, against the exact overlap."""
    name = "linf" if norm == math.inf else f"lp({norm})"
    for dim in (2, 3):
        signs = np.array(list(itertools.product([0, 0.3, 1], repeat=dim))[1:])
        directions = np.vstack([signs, np.abs(RNG.standard_normal((3000, dim)))])
        directions /= np.linalg.norm(directions, ord=norm, axis=1, keepdims=True)
        for error in (1e-6, 0.01, 0.2, 0.45):
            r = float(certified_radius("uniform(scale=1)", error, name, dim).radius)
            overlap = np.prod(np.maximum(1 - r * directions / 2, 0), axis=1)
            assert (error + 1 - overlap <= 0.5 + 1e-15).all()


def test_laplace_l2_against_the_worst_set_in_every_direction() -> None:
    """For every direction u, no set of probability `error` grows beyond ½ under a shift by r·u.

    The largest probability is min_t { t·error + E(LR - t)₊ }, with LR the likelihood ratio.
    """
    samples = RNG.laplace(size=(400_000, 2))
    for angle in np.linspace(0, np.pi / 4, 7):
        u = np.array([np.cos(angle), np.sin(angle)])
        for error in (0.05, 0.3):
            r = float(certified_radius("laplace(scale=1)", error, "l2", 2).radius)
            ratio = np.exp(np.abs(samples).sum(axis=1) - np.abs(samples - r * u).sum(axis=1))
            t = np.quantile(ratio, 1 - error)
            excess = np.maximum(ratio - t, 0)
            standard_error = excess.std() / np.sqrt(len(samples))
            assert t * error + excess.mean() <= 0.5 + 5 * standard_error + 0.002  # 14 cases, 5 sigma
