"""Misprints of the papers, each established by a number: see docs/corrections.md."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from wulff.certificates import certified_radius
from wulff.errors import InputError
from wulff.noises import parse


def radius(spec: str, error: float, norm: str, dim: int, method: str | None = None) -> float:
    return float(certified_radius(spec, error, norm, dim, method).radius)


@pytest.mark.parametrize(("dim", "k"), [(2, 2.0), (3, 2.0), (10, 3.0)])
def test_cubical_noise_against_linf(dim: int, k: float) -> None:
    """Yang et al., N.5: printed with (k-1)/2 and a Gamma CDF; it is k/2 and the upper tail."""
    shape, tilted = dim / k, (dim + k - 1) / k
    moment = math.exp(special.gammaln(tilted) - special.gammaln(shape))

    def integral(growth: Callable[[float], float], end: float = 0.5) -> float:
        return integrate.quad(lambda p: 1 / growth(p), 0.05, end, limit=200)[0]

    right = integral(lambda p: k / 2 * special.gammaincc(tilted, special.gammainccinv(shape, 2 * p)) * moment)
    # The printed integral diverges at p = ½: even a part of it claims too much.
    printed = integral(
        lambda p: (k - 1) / 2 * special.gammainc(tilted, special.gammainccinv(shape, 2 * p)) * moment, 0.4999
    )
    spec = f"exp-linf(scale=1,j=0,k={k})"
    exact = radius(spec, 0.05, "linf", dim)
    assert printed > exact  # claims too much
    assert right <= exact * (1 + 1e-12)
    assert radius(spec, 0.05, "linf", dim, "differential") == pytest.approx(right, rel=1e-8)


@pytest.mark.parametrize(("k", "dim"), [(0.5, 3), (0.7, 10)])
def test_cubical_noise_with_k_below_one_counts_the_other_tail(k: float, dim: int) -> None:
    """Yang et al., N.5: for k < 1 the score falls with the radius, so its top share is the inner one."""
    shape, tilted = dim / k, (dim + k - 1) / k
    moment = math.exp(special.gammaln(tilted) - special.gammaln(shape))

    def growth(p: float) -> float:
        return k / 2 * special.gammainc(tilted, special.gammaincinv(shape, 2 * p)) * moment

    right = integrate.quad(lambda p: 1 / growth(p), 0.05, 0.5, limit=200)[0]
    found = radius(f"exp-linf(scale=1,j=0,k={k})", 0.05, "linf", dim, "differential")
    assert found == pytest.approx(right, rel=1e-8)


@pytest.mark.parametrize(("dim", "excess"), [(1, 1.25), (3, 1.085)])
def test_gaussian_approximation_for_laplace_against_linf(dim: int, excess: float) -> None:
    """Yang et al., P.2 and table A.1: Φ⁻¹(ρ)/√d exceeds the truth for odd d near ρ = ½."""
    error = 0.5 - 1e-4
    printed = -float(special.ndtri(error)) / math.sqrt(dim)
    ours = radius("laplace(scale=1)", error, "linf", dim)
    assert printed / ours == pytest.approx(excess, abs=0.01)
    # The truth by the likelihood ratio of the worst perturbation (r, ..., r), for the slightly larger r.
    samples = np.random.default_rng(0).laplace(size=(1_000_000, dim))
    ratio = np.exp(np.abs(samples).sum(axis=1) - np.abs(samples - 40 * printed).sum(axis=1))
    total_variation = np.maximum(ratio - 1, 0).mean()
    assert total_variation > 40 * (0.5 - error)  # already broken on a larger scale


def test_uniform_against_linf_takes_the_dth_root() -> None:
    """Yang et al., table A.1: 2λ(1 - (3/2 - ρ)^(1/d))."""
    for dim in (1, 2, 784):
        r = radius("uniform(scale=1)", 0.1, "linf", dim)
        assert (1 - r / 2) ** dim == pytest.approx(0.6, rel=1e-12)


def test_sigma_of_ball_and_exponential_noise() -> None:
    """Yang et al., table A.2: uniform on the ball has λ/σ = √(d+2); exp(-‖x‖₂/λ) has λ/σ = √(1/(d+1))."""
    for dim in (1, 2, 5, 50):
        assert parse(f"ball(sigma=1,dim={dim})").scale == pytest.approx(math.sqrt(dim + 2))
        assert parse(f"exp-l2(sigma=1,j=0,k=1,dim={dim})").scale == pytest.approx(math.sqrt(1 / (dim + 1)))
        drawn = parse("exp-l2(sigma=1,j=0,k=1)").sample(
            (20_000, dim), generator=torch.Generator().manual_seed(0)
        )
        # The mean of ‖Z‖² has a relative standard error below .025 here: five of them.
        assert float((drawn.double() ** 2).mean()) == pytest.approx(1, abs=0.125)


@pytest.mark.parametrize(
    "spec", ["power-l2(sigma=1,a=4,k=1,dim=3)", "power-linf(sigma=1,a=5,k=1,dim=3)", "pareto(sigma=1,a=2)"]
)
def test_infinite_variance_is_refused(spec: str) -> None:
    """Yang et al., table A.2: power laws need a > (d+2)/k for a variance, Pareto a > 2."""
    with pytest.raises(InputError, match="no finite variance"):
        parse(spec).in_dim(3)


@pytest.mark.parametrize("dim", [2, 10, 784])
def test_linear_l1_radii_of_cubical_noise_are_loose_beyond_their_range(dim: int) -> None:
    """Yang et al., N.1: 2dλ(½ - e) is the differential radius for e ≥ 1/(2d) only; below it there is more."""
    spec = "exp-linf(scale=1,j=0,k=1)"

    def linear(error: float) -> float:
        return 2 * dim * (0.5 - error)

    for error in (0.5 / dim * 1.01, 0.49):
        if error < 0.5:
            assert radius(spec, error, "l1", dim, "differential") == pytest.approx(linear(error), rel=1e-9)
    small = 0.01 / dim
    expected = (dim - 1) + math.log(1 / (2 * dim * small))
    assert radius(spec, small, "l1", dim, "differential") == pytest.approx(expected, rel=1e-9)
    assert expected > linear(small)


def test_pareto_density_has_the_exponent_a_plus_one() -> None:
    """Yang et al., section M: the density is ∝ Π(1 + |x_i|/λ)^-(a+1)."""
    noise = parse("pareto(scale=1,a=3)")
    z = np.array([0.0, 0.5, 2.0, 10.0])
    slope = noise.coordinate_log_density(z) - noise.coordinate_log_density(np.array(0.0))  # type: ignore[attr-defined]
    np.testing.assert_allclose(slope, -4 * np.log1p(z))
    drawn = noise.sample((100_000, 1), generator=torch.Generator().manual_seed(0)).numpy()
    assert stats.kstest(np.abs(drawn[:, 0]), stats.lomax(3).cdf).pvalue > 1e-6


def test_cross_polytopes_need_the_cone_measure() -> None:
    """Yang et al., U.3: 'uniform on the sphere' means the cone measure, i.e. Laplace over its l1 norm."""
    from wulff.noises.spheres import draw_cone_measure
    from wulff.norms import Norm

    generator = torch.Generator().manual_seed(0)
    drawn = draw_cone_measure(Norm.L1, torch.empty(50_000, 3), generator).abs().numpy()
    assert np.allclose(drawn.sum(axis=1), 1, atol=1e-5)
    assert stats.kstest(drawn[:, 0], stats.beta(1, 2).cdf).pvalue > 1e-6
