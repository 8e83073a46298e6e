"""Forward inequalities at 50 digits: the certified radius never exceeds the exact one, and comes close."""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from tests.nightly import everyday
from wulff.certificates import certified_radius

ERRORS = [1e-300, 1e-30, 1e-6, 0.01, 0.1, 0.25, 0.2500001, 0.4, 0.49, 0.5 - 1e-9, float(np.nextafter(0.5, 0))]


@pytest.fixture(autouse=True)
def _digits():
    with mpmath.workdps(50):
        yield


def _assert_just_below(radius: float, exact: mpf, rel: float) -> None:
    assert mpf(radius) <= exact
    assert mpf(radius) >= exact * (1 - mpf(rel))


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("dim", [1, 2, 3, 64])
def test_ball(dim: int, error: float) -> None:
    radius = mpf(float(certified_radius("ball(scale=1)", error, "l2", dim).radius))
    half = mpf(dim + 1) / 2

    def lost(r: mpf) -> mpf:  # 1 - overlap of two unit balls at distance r, less ½ - error
        return mpmath.betainc(0.5, half, 0, r**2 / 4, regularized=True) - (mpf(1) / 2 - mpf(error))

    assert lost(radius) <= 0
    # At error → 0 the overlap is so flat that only 1e-11 of the radius can be told.
    assert lost(radius * (1 + mpf("1e-10"))) > 0


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("p", [1.0, 1.5, 4.0, 30.0])
def test_generalised_normal_quantile(p: float, error: float) -> None:
    radius = mpf(float(certified_radius(f"exp-lp(scale=1,p={p})", error, "l1", 3).radius))

    def tail(r: mpf) -> mpf:
        return mpmath.gammainc(1 / mpf(p), r ** mpf(p), mpmath.inf, regularized=True) / 2

    assert tail(radius) >= mpf(error)
    assert tail(radius * (1 + mpf("1e-10"))) < mpf(error)


PARETO = [(a, error) for a in (0.5, 1, 3, 50) for error in ERRORS[1:]]


@pytest.mark.parametrize(("a", "error"), everyday(PARETO, 2, kind=lambda case: case[0]))
def test_pareto(a: float, error: float) -> None:
    # From the lower end to where the integrand has fallen by e^-100, in the logarithm of the size.
    lower = mpmath.log(mpmath.expm1(-mpmath.log1p(-2 * mpf(error)) / mpf(a)))
    upper = max(lower, mpf(0)) + 100 / mpf(a)
    points = mpmath.linspace(lower, upper, 2 + int((upper - lower) / min(1, 3 / a)))

    def integrand(x: mpf) -> mpf:
        z = mpmath.exp(x)
        return z / mpmath.expm1((mpf(a) + 1) * mpmath.log1p(z))

    with mpmath.workdps(25):
        exact = mpmath.quad(integrand, points)
    radius = float(certified_radius(f"pareto(scale=1,a={a})", error, "l1", 3, "differential").radius)
    _assert_just_below(radius, exact, 1e-10)


@pytest.mark.parametrize("error", [0.01, 0.1, 0.3])
def test_pareto_is_the_hypergeometric_function_of_the_paper(error: float) -> None:
    for a in (1, 3):
        w = (1 - 2 * mpf(error)) ** (1 + 1 / mpf(a))
        b = mpf(a) / (a + 1)
        exact = (1 - 2 * mpf(error)) / a * mpmath.hyp2f1(1, b, b + 1, w)
        radius = float(certified_radius(f"pareto(scale=1,a={a})", error, "l1", 3, "differential").radius)
        _assert_just_below(radius, exact, 1e-10)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("dim", [2, 3, 64])
def test_exponential_of_the_euclidean_norm(dim: int, error: float) -> None:
    radius = float(certified_radius("exp-l2(scale=1,k=1)", error, "l2", dim, "closed-form").radius)
    square, complement = mpmath.tanh(mpf(radius) / (dim - 1)) ** 2, mpmath.sech(mpf(radius) / (dim - 1)) ** 2
    inner = mpmath.betainc(0.5, mpf(dim - 1) / 2, 0, square, regularized=True)
    outer = mpmath.betainc(mpf(dim - 1) / 2, 0.5, 0, complement, regularized=True) / 2
    assert inner <= 1 - 2 * mpf(error) if error > 0.25 else outer >= mpf(error)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("dim", [1, 2, 3, 8, 101])
def test_sum_of_signs(dim: int, error: float) -> None:
    with mpmath.workdps(350):
        exact = _exact_sum_of_signs(dim, error)
    radius = float(certified_radius("exp-l1(scale=1)", error, "linf", dim, "closed-form").radius)
    _assert_just_below(radius, exact, 1e-10)


def _exact_sum_of_signs(dim: int, error: float) -> mpf:
    exact, upper, share = mpf(0), mpf(1) / 2, mpf(0)
    atoms = list(range(dim % 2, dim + 1, 2))
    mass = {m: mpmath.binomial(dim, (dim + m) // 2) / mpf(2) ** dim for m in atoms}
    share = sum(m * mass[m] for m in atoms)
    for m in atoms:
        lower = sum((mass[k] for k in atoms if k > m), mpf(0))
        to = max(lower, mpf(error))
        if to < upper:
            reached = share - m * (upper - to)
            exact += mpmath.log(share / reached) / m if m else (upper - to) / share
            upper, share = to, reached
    return exact
