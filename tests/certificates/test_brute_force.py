"""The true worst case in two and three dimensions, in many directions, is never below the certified radius.

For a perturbation v and the loss L = log q(Z)/q(Z + v), the error can grow from e to the least over t of
t e + E[(1 - t e^(-L))₊] (Neyman–Pearson), and to no more. The mean is taken over draws of the noise's own
sampler; its standard deviation is at most ½/√n, and 5 of them are allowed: the least over t lies below the
mean at the best t, so that a false alarm has a probability below 3e-7 in each of some thousands of cases.
"""

import numpy as np
import pytest
import torch

from tests.cases import SPECS_IN_DIM, noise_of
from tests.nightly import NIGHTLY, everyday, taking_turns
from wulff.certificates import certified_probability, certified_radius
from wulff.noises import Ball, MixedLinf, Noise, NormRadialNoise, Uniform, parse
from wulff.norms import Norm

SPECS = [(spec, dim) for spec, dim in SPECS_IN_DIM if dim in (2, 3)]
NORMS = ("l1", "l2", "linf", "lp(1.5)")
DRAWS = 400_000 if NIGHTLY else 20_000
ERRORS = (0.4, 0.1, 0.01, 0.001) if NIGHTLY else (0.3, 0.02)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("spec", "dim"), everyday(SPECS, 1, noise_of))
def test_no_direction_breaks_a_certificate(spec: str, dim: int, norm: str) -> None:
    noise = parse(spec).in_dim(dim)
    z = noise.sample((DRAWS, dim), generator=torch.Generator().manual_seed(1), dtype=torch.float64).numpy()
    here = _log_density(noise, z)
    for error, radius in zip(ERRORS, certified_radius(noise, ERRORS, norm, dim).radius, strict=True):
        for v in _directions(dim, Norm.parse(norm).p) * radius:
            assert _grown(error, here - _log_density(noise, z + v)) < 0.5 + 5 * 0.5 / np.sqrt(DRAWS), v


@pytest.mark.parametrize(("spec", "dim", "norm"), taking_turns(SPECS[::-1], NORMS, 1, noise_of))
def test_no_direction_leaves_less_than_the_certified_probability(spec: str, dim: int, norm: str) -> None:
    noise = parse(spec).in_dim(dim)
    z = noise.sample((DRAWS, dim), generator=torch.Generator().manual_seed(2), dtype=torch.float64).numpy()
    here = _log_density(noise, z)
    for error in everyday((0.02, 0.3, 0.6), 2):
        radii = float(certified_radius(noise, 0.1, norm, dim).radius) * np.array([0.3, 1.5]) + 0.01
        bounds = certified_probability(noise, error, norm, radii, dim).error
        for radius, bound in zip(radii, bounds, strict=True):
            for v in _directions(dim, Norm.parse(norm).p) * radius:
                assert _grown(error, here - _log_density(noise, z + v)) < bound + 2.5 / np.sqrt(DRAWS), v


@pytest.mark.parametrize(
    ("spec", "norm"),
    [("gaussian(scale=1)", "l2"), ("exp-linf(scale=1,k=2)", "linf"), ("ball(scale=1)", "l1")],
)
def test_a_slightly_larger_radius_is_found_out(spec: str, norm: str) -> None:
    # The same check refuses tight radii that are a little too large: it can fail.
    noise = parse(spec).in_dim(3)
    z = noise.sample((400_000, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64).numpy()
    radius = float(certified_radius(noise, 0.1, norm, 3).radius)
    worst = max(
        _grown(0.1, _log_density(noise, z) - _log_density(noise, z + v))
        for v in _directions(3, Norm.parse(norm).p) * (1.03 * radius)
    )
    assert worst > 0.5 + 5 * 0.5 / np.sqrt(400_000)


def _directions(dim: int, p: float) -> np.ndarray:
    """Perturbations of size one: an axis, the diagonals of some and of all coordinates, and random ones."""
    axes = np.tril(np.ones((dim, dim)))
    rough = np.random.default_rng(dim).standard_normal((4, dim))
    v = np.concatenate([axes, rough, np.sign(rough[:1]) * np.abs(rough[:1]) ** 4])
    return v / np.linalg.norm(v, ord=p, axis=1, keepdims=True)


def _log_density(noise: Noise, z: np.ndarray) -> np.ndarray:
    """At scale 1, up to a constant."""
    largest = np.abs(z).max(axis=1)
    with np.errstate(divide="ignore"):
        if isinstance(noise, Uniform):
            return np.where(largest <= 1, 0.0, -np.inf)
        if isinstance(noise, Ball):
            return np.where(np.linalg.norm(z, axis=1) <= 1, 0.0, -np.inf)
        if isinstance(noise, MixedLinf):
            return -noise.j * np.log(largest) - (z**2).sum(axis=1) / 2
        if isinstance(noise, NormRadialNoise):
            size = np.linalg.norm(z, ord=noise.level_norm.p, axis=1)
            return -noise.radial_law(z.shape[1]).potential(np.log(size))
        return noise.coordinate_log_density(z).sum(axis=1)  # type: ignore[attr-defined]


def _grown(error: float, loss: np.ndarray) -> float:
    """min over t of t · error + the mean of (1 - t e^(-loss))₊, which is convex in t."""
    loss = np.sort(loss)[::-1]
    n = len(loss)
    weighted = np.cumsum(np.exp(-np.maximum(loss, -700.0)))
    # For t between the exponentials of two successive losses the sum has k terms; the least is at a kink.
    k = np.arange(1, n + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.exp(loss) * (error - weighted / n) + k / n
    return float(np.nanmin(np.where(np.isfinite(loss), values, np.nan), initial=1.0))
