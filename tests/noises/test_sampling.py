"""Samplers against the laws they claim, by Kolmogorov–Smirnov tests with fixed seeds.

Each test would fail with probability 1e-6 for a correct sampler and a new seed; with these seeds none does.
Tails are compared as parts of the whole law and never by moments, which heavy tails make useless.
"""

import math
from statistics import NormalDist

import mpmath
import numpy as np
import pytest
import torch
from scipy import stats

from tests import cases
from tests.nightly import everyday
from wulff.certificates import certified_radius
from wulff.errors import InputError
from wulff.noises import CustomIID, CustomRadial, ExpLp, IIDNoise, MixedLinf, Noise, NormRadialNoise, parse
from wulff.noises.draws import QuantileTable
from wulff.noises.mixed_linf import largest_coordinate_law

FALSE_ALARM = 1e-6
DRAWS = {1: 20_000, 2: 20_000, 3: 20_000, 64: 4_000, 3072: 300}


def _draw(noise: Noise, dim: int, dtype: torch.dtype = torch.float64) -> np.ndarray:
    generator = torch.Generator().manual_seed(2026)
    return noise.sample((DRAWS[dim], dim), generator=generator, dtype=dtype).numpy()


def _assert_uniform(probability: np.ndarray) -> None:
    assert stats.kstest(probability, "uniform").pvalue > FALSE_ALARM


def _log_norm(z: np.ndarray, p: float) -> np.ndarray:
    # The largest entry is taken out, so that powers of tiny and of huge draws stay in range.
    top = np.abs(z).max(axis=1)
    return np.log(top) + np.log(np.linalg.norm(z / top[:, None], ord=p, axis=1))


@pytest.mark.parametrize(("spec", "dim"), everyday(cases.SPECS_IN_DIM, 5, cases.noise_of))
def test_draws_follow_the_law(spec: str, dim: int) -> None:
    noise = parse(spec)
    z = _draw(noise, dim)
    assert np.isfinite(z).all()
    if isinstance(noise, IIDNoise):
        _assert_uniform(noise.coordinate_sf(z.ravel()[:20_000]))
        return
    _assert_uniform(((np.sign(z[:, -1]) > 0) + np.linspace(0, 1, len(z))) / 2)
    if isinstance(noise, NormRadialNoise):
        _assert_uniform(noise.radial_law(dim).cdf(_log_norm(z, noise.level_norm.p)))
        _assert_uniform(_direction_cdf(z, noise.level_norm.p))
    else:
        assert isinstance(noise, MixedLinf)
        _assert_uniform(largest_coordinate_law(dim, noise.j).cdf(_log_norm(z, np.inf)))


def _direction_cdf(z: np.ndarray, p: float) -> np.ndarray:
    """A uniform variable made of the first coordinate of the direction, where the cone measure is right."""
    n, dim = z.shape
    u = z[:, 0] / np.exp(_log_norm(z, p))
    noise = np.random.default_rng(7).uniform(size=n)
    if dim == 1:
        return (np.sign(u) + 2 * noise) / 4 + 0.25
    if p == 2:
        return stats.beta.cdf((1 + u) / 2, (dim - 1) / 2, (dim - 1) / 2)
    if p == 1:
        return 0.5 + 0.5 * np.sign(u) * -np.expm1((dim - 1) * np.log1p(-np.abs(u)))
    # linf: mass 1/(2d) at each of ±1, spread out at random, and a uniform law between.
    edge = 1 / (2 * dim)
    inner = edge + (1 - 2 * edge) * (1 + u) / 2
    return np.where(u > 1 - 1e-12, 1 - edge * noise, np.where(u < -1 + 1e-12, edge * noise, inner))


@pytest.fixture(scope="module")
def custom() -> tuple[CustomIID, CustomRadial]:
    """A Gaussian and an l1-exponential written as user-defined noise."""
    return (
        CustomIID(scale=1, log_density=lambda z: -(z**2) / 2),
        CustomRadial(scale=1, norm="l1", log_density=lambda r: -(r**2)),
    )


@pytest.mark.parametrize("dim", everyday(cases.DIMENSIONS, 2))
def test_draws_of_custom_noise_follow_the_law(custom: tuple[CustomIID, CustomRadial], dim: int) -> None:
    # Against the laws that are built in.
    iid, radial = (_draw(noise, dim) for noise in custom)
    _assert_uniform(parse("gaussian(scale=1)").coordinate_sf(iid.ravel()[:20_000]))  # type: ignore[attr-defined]
    reference = parse("exp-l1(scale=1,k=2)")
    assert isinstance(reference, NormRadialNoise)
    _assert_uniform(reference.radial_law(dim).cdf(_log_norm(radial, 1)))


@pytest.mark.parametrize(("spec", "dim"), [case for case in cases.SPECS_IN_DIM if case[1] in (3, 64)])
def test_draws_reproduce_under_a_generator(spec: str, dim: int) -> None:
    first, again = (_draw(parse(spec), dim, torch.float32) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.dtype == np.float32


@pytest.mark.parametrize(("spec", "dim"), [case for case in cases.SPECS_IN_DIM if case[1] in (1, 3)])
def test_float32_draws_are_finite_and_have_the_law_of_float64(spec: str, dim: int) -> None:
    noise = parse(spec)
    z = _draw(noise, dim, torch.float32).astype(np.float64)
    assert np.isfinite(z).all()
    if isinstance(noise, IIDNoise):
        _assert_uniform(noise.coordinate_sf(z.ravel()))


def test_a_sampler_of_the_users_own_is_refused() -> None:
    with pytest.raises(InputError, match="sampler= is not taken by custom-radial"):
        CustomRadial(
            scale=2, norm="linf", log_density=lambda r: -r, sampler=lambda out, generator: out.fill_(3.0)
        )


def _bump(break_points: tuple[float, ...] = ()) -> CustomRadial:
    """Normal but for a feature of width 2e-5."""
    return CustomRadial(
        scale=1,
        norm="linf",
        log_density=lambda z: -(z**2) / 2 + 10 * torch.exp(-(((z - 0.7113) / 2e-5) ** 2)),
        break_points=break_points,
    )


def test_a_feature_between_the_nodes_is_neither_certified_nor_sampled() -> None:
    # With the bump .66 of the mass would be within 1e-4 of .7113, and no radius of more than 5e-5 true.
    noise = _bump()
    drawn = _draw(noise, 1)
    _assert_uniform(noise.radial_law(1).cdf(_log_norm(drawn, np.inf)))
    assert (np.abs(np.abs(drawn) - 0.7113) < 1e-3).mean() < 0.01
    radii = certified_radius(noise, [0.01, 0.1, 0.3], "linf", 1).radius
    normal = [-NormalDist().inv_cdf(error) for error in (0.01, 0.1, 0.3)]
    assert radii == pytest.approx(normal, rel=1e-9)


def test_a_narrow_feature_that_is_seen_is_certified_and_sampled() -> None:
    # A break point in the bump makes it part of the table, and of the draws.
    noise = _bump((0.7113,))
    drawn = _draw(noise, 1)
    _assert_uniform(noise.radial_law(1).cdf(_log_norm(drawn, np.inf)))
    with mpmath.workdps(20):
        places = [0, 0.7111, 0.7112, 0.71125, 0.7113, 0.71135, 0.7114, 0.7115, 10]
        bump = mpmath.quad(
            lambda z: mpmath.exp(-(z**2) / 2 + 10 * mpmath.exp(-(((z - 0.7113) / 2e-5) ** 2))), places
        )
    inside = float((bump - mpmath.sqrt(mpmath.pi / 2)) / bump)
    assert (np.abs(np.abs(drawn) - 0.7113) < 1e-4).mean() == pytest.approx(inside, abs=0.05)


@pytest.mark.parametrize("p", everyday([0.2, 0.5, 1.5, 4.0, 100.0], 2))
def test_draws_by_table_are_quantiles_of_the_tails_behind_them(p: float) -> None:
    noise = ExpLp(scale=1.0, p=p)
    sigma = math.sqrt(noise.mean_square(1))
    for dtype in (torch.float32, torch.float64):
        for shape in ((200, 500), (3, 5)):  # of an odd number, too
            tails, found = (torch.empty(shape, dtype=dtype) for _ in range(2))
            QuantileTable(lambda tail: tail, tails).draw(tails, torch.Generator().manual_seed(7))
            noise.draw(found, torch.Generator().manual_seed(7))
            tail = tails.double().numpy()
            exact = np.sign(tail) * noise.coordinate_isf(np.abs(tail) / 2)
            off = np.abs(found.double().numpy() - exact)
            assert (off <= 6e-6 * sigma + 3e-7 * np.abs(exact)).all()
            assert np.median(off / (1 + np.abs(exact))) < 1e-7 / min(p, 1)


def test_tails_by_table_are_uniform_and_their_signs_fair() -> None:
    tails = QuantileTable(lambda tail: tail, torch.empty(0)).draw(
        torch.empty(400, 500), torch.Generator().manual_seed(11)
    )
    _assert_uniform((tails.double().numpy().ravel() + 1) / 2)
    assert tails.abs().min() > 0
