"""The randomised bound: its inequality at 50 digits, exact coverage, and never worse than the plain one."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from tests.exact import binomial_cdf
from tests.nightly import NIGHTLY, taking_turns
from wulff.errors import InputError
from wulff.stats import error_upper_bound, randomized_error_bound


def exact_tail(misses: int, n: int, draw: float, p: float) -> mp.mpf:
    below = binomial_cdf(misses - 1, n, p) if misses else mp.mpf(0)
    return (1 - mp.mpf(draw)) * below + mp.mpf(draw) * binomial_cdf(misses, n, p)


def test_forward_inequality_at_50_digits() -> None:
    rng = np.random.default_rng(0)
    solved = 0
    cases = 80 if NIGHTLY else 40
    for _ in range(cases):
        n = int(10 ** rng.uniform(0, 7))
        misses = int(min(n - 1, n * 10 ** -rng.uniform(0, 7)))
        alpha, draw = float(10 ** -rng.uniform(0.1, 12)), float(1 - rng.random())
        bound = float(randomized_error_bound(misses, n, alpha, draw))
        assert exact_tail(misses, n, draw, bound) <= mp.mpf(alpha)  # never too small a bound
        if bound > 1 / n:
            solved += 1
            assert exact_tail(misses, n, draw, bound * (1 - 1e-8)) >= mp.mpf(alpha)  # hardly too large a one
    assert solved >= 0.68 * cases


def miscoverage(p: float, n: int, alpha: float) -> mp.mpf:
    """P[bound < p] over counts and draws: a sum over the counts, each with the draws that fail, bisected."""
    misses = np.arange(n + 1)
    low, high = np.zeros(n + 1), np.ones(n + 1)  # bounds rise with the draw: they fail below a switch
    for _ in range(52):
        middle = (low + high) / 2
        fails = randomized_error_bound(misses, n, alpha, np.maximum(middle, 1e-300)) < p
        low, high = np.where(fails, middle, low), np.where(fails, high, middle)
    total = mp.mpf(0)
    for m in range(n + 1):
        log_term = mp.log(mp.binomial(n, m)) + m * mp.log(mp.mpf(p)) + (n - m) * mp.log(1 - mp.mpf(p))
        total += mp.exp(log_term) * mp.mpf(float(high[m]))
    return total


@pytest.mark.parametrize("n", [1, 7, 60])
@pytest.mark.parametrize(
    ("p", "alpha"), taking_turns([(p,) for p in (0.02, 0.1, 0.3, 0.5, 0.9)], [0.001, 0.05, 0.3], 5)
)
def test_coverage_is_exact(n: int, alpha: float, p: float) -> None:
    failing = miscoverage(p, n, alpha)
    assert failing <= mp.mpf(alpha) * (1 + mp.mpf(10) ** -12)  # what the bisection of the draw leaves open
    if p > max(1.001 / n, 0.0):
        assert failing >= mp.mpf(alpha) * (1 - mp.mpf(10) ** -8)


def test_never_above_clopper_pearson_and_equal_at_a_draw_of_one() -> None:
    rng = np.random.default_rng(1)
    n = (10 ** rng.uniform(0, 6, size=2000)).astype(int)
    misses = np.minimum(n, (n * 10 ** -rng.uniform(0, 6, size=2000)).astype(int))
    plain = error_upper_bound(misses, n, 0.001)
    assert (randomized_error_bound(misses, n, 0.001, 1 - rng.random(2000)) <= plain).all()
    np.testing.assert_allclose(randomized_error_bound(misses, n, 0.001, 1.0), plain, rtol=1e-9)


def test_gain_where_votes_are_unanimous() -> None:
    draws = (np.arange(1000) + 0.5) / 1000
    for n, least, most in ((1000, 0.024, 0.025), (100_000, 0.011, 0.012)):
        plain = -special.ndtri(error_upper_bound(0, n, 0.001))
        gained = (-special.ndtri(randomized_error_bound(0, n, 0.001, draws))).mean() / plain - 1
        assert least < gained < most


def test_a_lucky_draw_does_not_claim_that_there_is_no_error() -> None:
    lucky = randomized_error_bound([0, 0, 100_000], 100_000, 0.001, 1e-12)
    assert lucky[:2].tolist() == [1e-5, 1e-5]
    assert lucky[2] > 0.99


@pytest.mark.parametrize("draw", [0.0, -0.1, 1.1, float("nan")])
def test_refuses(draw: float) -> None:
    with pytest.raises(InputError, match="draw must lie in"):
        randomized_error_bound(1, 10, 0.1, draw)
