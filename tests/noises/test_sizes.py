"""sigma against exact integrals, special cases that coincide, and the ranges of parameters."""

import re

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from tests import cases
from tests.nightly import everyday
from wulff.certificates import certified_radius
from wulff.errors import InputError
from wulff.noises import CustomIID, CustomRadial, IIDNoise, NormRadialNoise, parse

MEAN_SQUARE_ON_SPHERE = {"l1": lambda d: mpf(2) / (d * (d + 1)), "l2": lambda d: 1 / mpf(d)}
MEAN_SQUARE_ON_SPHERE["linf"] = lambda d: (1 + (d - 1) / mpf(3)) / d


def _exact_mean_square(spec: str, dim: int) -> mpf:
    name, arguments = re.fullmatch(r"([a-z0-9-]+)\((.*)\)", spec).groups()  # type: ignore[union-attr]
    p = {key: mpf(value) for key, value in (item.split("=") for item in arguments.split(","))}
    d = mpf(dim)
    g, b = mpmath.gamma, mpmath.beta
    if name.startswith(("exp-l1", "exp-l2", "exp-linf")):
        radial = g((d - p["j"] + 2) / p["k"]) / g((d - p["j"]) / p["k"])
    elif name.startswith("power"):
        alpha, beta, step = d / p["k"], p["a"] - d / p["k"], 2 / p["k"]
        radial = b(alpha + step, beta - step) / b(alpha, beta) if beta > step else mpmath.inf
    elif name == "ball":
        radial = d / (d + 2)
    elif name == "mixed-linf":
        return _mixed_linf_mean_square(p["j"], dim)
    else:
        infinite = name == "pareto" and p["a"] <= 2
        return {
            "gaussian": lambda: mpf(1),
            "laplace": lambda: mpf(2),
            "uniform": lambda: mpf(1) / 3,
            "exp-lp": lambda: g(3 / p["p"]) / g(1 / p["p"]),
            "pareto": lambda: mpmath.inf if infinite else 2 / ((p["a"] - 1) * (p["a"] - 2)),
        }[name]()
    norm = "l2" if name == "ball" else name.partition("-")[2]
    return radial * MEAN_SQUARE_ON_SPHERE[norm](dim)


def _mixed_linf_mean_square(j: mpf, dim: int) -> mpf:
    root2 = mpmath.sqrt(2)

    def density(x: mpf) -> mpf:
        m = mpmath.exp(x)
        return mpmath.exp((1 - j) * x - m**2 / 2) * mpmath.erf(m / root2) ** (dim - 1)

    def mean_square(x: mpf) -> mpf:
        m = mpmath.exp(x)
        truncated = 1 - m * mpmath.exp(-(m**2) / 2) * mpmath.sqrt(2 / mpmath.pi) / mpmath.erf(m / root2)
        return (m**2 + (dim - 1) * truncated) / dim

    points = mpmath.linspace(-2, 3, 161) if dim > 3 else mpmath.linspace(-120, 4, 249)
    total = mpmath.quad(density, points)
    return mpmath.quad(lambda x: density(x) * mean_square(x), points) / total


@pytest.mark.parametrize(("spec", "dim"), everyday(cases.SPECS_IN_DIM, 2, cases.noise_of))
def test_sigma_is_the_exact_integral(spec: str, dim: int) -> None:
    with mpmath.workdps(30):
        exact = mpmath.sqrt(_exact_mean_square(spec, dim))
    sigma = parse(spec).in_dim(dim).sigma
    assert sigma == float(exact) or abs(sigma / exact - 1) < 1e-11


@pytest.mark.parametrize(("spec", "dim"), cases.SPECS_IN_DIM)
def test_sigma_sizes_the_noise(spec: str, dim: int) -> None:
    sigma = parse(spec).in_dim(dim).sigma
    by_sigma = spec.replace("scale=1", f"sigma={3 * sigma!r}")
    if sigma == np.inf:
        with pytest.raises(InputError):
            parse(by_sigma).in_dim(dim)
        return
    noise = parse(by_sigma).in_dim(dim)
    assert noise.scale == pytest.approx(3, rel=1e-14)
    assert parse(str(noise)) == noise


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("exp-lp(scale=1,p=1)", "laplace(scale=1)", 1),
        ("exp-l1(scale=1,j=0,k=1)", "laplace(scale=1)", 1),
        ("exp-lp(scale=1,p=2)", "gaussian(scale=1)", 0.5**0.5),
        ("exp-l2(scale=1,j=0,k=2)", "gaussian(scale=1)", 0.5**0.5),
        ("mixed-linf(scale=1,j=0)", "gaussian(scale=1)", 1),
        ("exp-linf(scale=1,j=0,k=1e7)", "uniform(scale=1)", 1),
        ("exp-l2(scale=1,j=0,k=1e7)", "ball(scale=1)", 1),
    ],
)
@pytest.mark.parametrize("dim", cases.DIMENSIONS)
def test_special_cases_have_equal_size(one: str, other: str, ratio: float, dim: int) -> None:
    expected = parse(other).in_dim(dim).sigma * ratio
    assert parse(one).in_dim(dim).sigma == pytest.approx(expected, rel=1e-6 if "k=1e7" in one else 1e-12)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("exp-linf(scale=1,j=3,k=1,dim=3)", "j must be less than the dimension 3"),
        ("exp-l1(scale=1,j=-1,k=1)", "j must be at least 0"),
        ("exp-l2(scale=1,j=0,k=0)", "k must be positive"),
        ("power-l2(scale=1,a=3,k=1,dim=3)", "a must exceed d/k = 3"),
        ("power-l2(sigma=1,a=5,k=1,dim=3)", "no finite variance"),
        ("pareto(sigma=1,a=2)", "no finite variance"),
        ("pareto(scale=1,a=0)", "a must be positive"),
        ("exp-lp(scale=1,p=-2)", "p must be at least 0.015"),
        ("mixed-linf(scale=1,j=3,dim=3)", "j must be less than the dimension 3"),
        ("exp-l1(sigma=1,k=0.01,dim=3072)", "k must be larger"),
        ("pareto(scale=1)", "pareto also needs a,"),
    ],
)
def test_parameters_outside_their_range_are_refused_with_the_reason(spec: str, reason: str) -> None:
    with pytest.raises(InputError, match=re.escape(reason)):
        parse(spec)


def test_a_noise_is_asked_in_which_dimensions_it_exists() -> None:
    heavy = CustomRadial(scale=1, norm="l2", log_density=lambda r: -4 * (1 + r).log())
    for noise, allowed in (
        (parse("exp-l2(scale=1,j=3,k=1)"), {10, 3072}),
        (parse("power-l2(scale=1,a=5,k=1)"), {3}),
        (parse("gaussian(sigma=1,dim=3)"), {3}),
        (parse("ablation(keep=5)"), {10, 3072}),
        (heavy, {3}),
    ):
        assert {dim for dim in (3, 10, 3072) if noise.exists_in(dim)} == allowed
        for dim in {3, 10, 3072} - allowed:
            with pytest.raises(InputError):
                noise.in_dim(dim)


@pytest.mark.parametrize(("spec", "dim"), cases.SPECS_IN_DIM)
def test_the_law_is_consistent(spec: str, dim: int) -> None:
    noise = parse(spec)
    q = np.array([1e-12, 1e-3, 0.3, 0.5])
    if isinstance(noise, IIDNoise):
        assert noise.coordinate_sf(noise.coordinate_isf(q)) == pytest.approx(q, rel=1e-9)
    if isinstance(noise, NormRadialNoise):
        law = noise.radial_law(dim)
        assert law.sf(law.isf(q)) == pytest.approx(q, rel=1e-7)
        assert law.cdf(law.ppf(q)) == pytest.approx(q, rel=1e-7)
        # The density integrates to the distribution function, between quantiles and by the same nodes.
        nodes, weights = np.polynomial.legendre.leggauss(200)
        lo, hi = law.ppf(np.array([0.2]))[0], law.isf(np.array([0.2]))[0]
        x = (lo + hi) / 2 + (hi - lo) / 2 * nodes
        assert np.exp(law.log_density(x)) @ weights * (hi - lo) / 2 == pytest.approx(0.6, rel=1e-9)


def test_custom_noise_has_the_size_of_the_same_law_built_in() -> None:
    iid = CustomIID(scale=1, log_density=lambda z: -(z**1.5))
    assert iid.sigma == pytest.approx(parse("exp-lp(scale=1,p=1.5)").sigma, rel=1e-11)
    for dim in (1, 3, 3072):
        radial = CustomRadial(scale=1, norm="linf", log_density=lambda r: -r, dim=dim)
        assert radial.sigma == pytest.approx(parse(f"exp-linf(scale=1,k=1,dim={dim})").sigma, rel=1e-11)
    heavy = CustomIID(scale=1, log_density=lambda z: -2.5 * (1 + z).log())
    assert heavy.sigma == np.inf


def test_custom_noise_without_a_finite_mass_is_refused() -> None:
    with pytest.raises(InputError, match="finite total mass"):
        CustomIID(scale=1, log_density=lambda z: -0.5 * (1 + z).log())
    with pytest.raises(InputError, match="norm must be"):
        CustomRadial(scale=1, norm="lp(3)", log_density=lambda r: -r)


@pytest.mark.parametrize("p", [1100, 5000, 100_000])
def test_powers_that_underflow_leave_the_tails_of_exp_lp_right(p: int) -> None:
    noise = parse(f"exp-lp(scale=1,p={p})")
    assert isinstance(noise, IIDNoise)
    for tail in everyday((1e-12, 0.1, 0.2, 0.25, 0.3, 0.49), 2):
        size = float(noise.coordinate_isf(np.array(tail)))
        with mpmath.workdps(50):
            exact = mpmath.gammainc(mpf(1) / p, mpf(size) ** p, regularized=True) / 2
            assert float(exact) == pytest.approx(tail, rel=1e-9)
            assert float(noise.coordinate_sf(np.array([size]))[0]) == pytest.approx(float(exact), rel=2**-46)


def test_powers_that_overflow_lose_no_soundness() -> None:
    by_loss = certified_radius("exp-lp(scale=1,p=5000)", 0.1, "linf", 4, "privacy-loss").radius
    assert 0 < by_loss <= certified_radius("uniform(scale=1.01)", 0.1, "linf", 4).radius
