"""Planned sample sizes are the smallest that reach the bound."""

import numpy as np
import pytest

from wulff.stats import error_upper_bound, samples_needed


@pytest.mark.parametrize("error", [0.499, 0.1, 0.01, 1e-5])
@pytest.mark.parametrize("alpha", [0.05, 0.001, 1e-12])
def test_unanimous_vote(error: float, alpha: float) -> None:
    n = samples_needed(error, alpha)
    assert n is not None
    assert error_upper_bound(0, n, alpha) <= error
    assert n == 1 or error_upper_bound(0, n - 1, alpha) > error


def test_power_is_reached() -> None:
    n = samples_needed(0.3, 0.001, true_error=0.25, power=0.9)
    assert n is not None
    misses = np.random.default_rng(0).binomial(n, 0.25, size=20_000)
    # The standard error of the rate is .0021; five of them are one false alarm in 3 million.
    assert (error_upper_bound(misses, n, 0.001) <= 0.3).mean() >= 0.9 - 0.0106


def test_impossible_targets() -> None:
    assert samples_needed(0.2, 0.001, true_error=0.2) is None
    assert samples_needed(1e-15, 0.001) is None
