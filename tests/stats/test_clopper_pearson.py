"""The bound on the error obeys its defining inequality at 50 digits, and covers."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from tests.exact import binomial_cdf
from tests.nightly import everyday
from wulff.errors import InputError
from wulff.stats import error_upper_bound
from wulff.stats.clopper_pearson import tail_accuracy


def random_cases(count: int, seed: int) -> list[tuple[int, int, float]]:
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(count):
        n = int(10 ** rng.uniform(0, 9))
        misses = int(min(n - 1, n * 10 ** -rng.uniform(0, 9)))
        cases.append((misses, n, float(10 ** -rng.uniform(0.1, 15))))
    return cases


def test_forward_inequality_at_50_digits() -> None:
    for misses, n, alpha in everyday(random_cases(300, seed=0), 50):
        bound = float(error_upper_bound(misses, n, alpha))
        assert binomial_cdf(misses, n, bound) <= mp.mpf(alpha)  # never too small a bound
        assert binomial_cdf(misses, n, bound * (1 - 1e-9)) >= mp.mpf(alpha)  # and hardly too large a one


def test_tail_accuracy_is_as_declared() -> None:
    for misses, n, alpha in everyday(random_cases(300, seed=1), 50):
        bound = float(error_upper_bound(misses, n, alpha))
        tail = special.betaincc(misses + 1, n - misses, bound)
        assert abs(mp.mpf(float(tail)) / binomial_cdf(misses, n, bound) - 1) <= float(tail_accuracy(n))


@pytest.mark.parametrize("p", [1e-4, 0.01, 0.2, 0.5])
def test_coverage(p: float) -> None:
    # 10,000 simulated certifications at alpha = .05: the bound must fail in at most 5 % of them. More
    # than 603 failures have probability below 1e-6 at a failure rate of exactly .05.
    misses = np.random.default_rng(7).binomial(1000, p, size=10_000)
    failures = int((error_upper_bound(misses, 1000, 0.05) < p).sum())
    assert failures <= 603


def test_edges() -> None:
    assert error_upper_bound(5, 5, 0.001) == 1.0
    assert error_upper_bound(0, 1, 1e-12) == pytest.approx(1 - 1e-12)
    assert error_upper_bound(0, 10, 0.001) > 0.4988
    assert error_upper_bound(0, 9, 0.001) > 0.5  # why everything abstains at n = 9
    assert error_upper_bound(np.array([0, 3]), 10, 0.1).shape == (2,)


@pytest.mark.parametrize(
    ("misses", "n", "alpha"),
    [
        (-1, 5, 0.1),
        (6, 5, 0.1),
        (0, 0, 0.1),
        (0, 5, 0.0),
        (0, 5, 1.0),
        (0, 5, 2),
        (0.5, 5, 0.1),
        (0, 5, float("nan")),
    ],
)
def test_refuses(misses: float, n: int, alpha: float) -> None:
    with pytest.raises(InputError):
        error_upper_bound(misses, n, alpha)
