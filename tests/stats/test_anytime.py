"""The anytime-valid bound: evaluated right, never below the truth more often than alpha, at any look."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from tests.nightly import everyday
from wulff.errors import InputError
from wulff.stats import Anytime, anytime_error_bound, error_upper_bound, log_evidence
from wulff.stats.anytime import evaluation_error


def exact_log_evidence(misses: int, n: int, error: float) -> mp.mpf:
    a, b, e = mp.mpf(misses) + mp.mpf("0.5"), mp.mpf(n - misses) + mp.mpf("0.5"), mp.mpf(error)
    smaller = mp.betainc(a, b, 0, e, regularized=True) / (2 / mp.pi * mp.asin(mp.sqrt(e)))
    likelihood = misses * mp.log(e) + (n - misses) * mp.log1p(-e)
    return mp.log(mp.beta(a, b) / mp.pi) + mp.log(smaller) - likelihood


def test_evidence_at_50_digits() -> None:
    rng = np.random.default_rng(0)
    checked = 0
    for _ in range(120):
        n = int(10 ** rng.uniform(0, 3))
        misses, alpha = int(n * 10 ** -rng.uniform(0.4, 5)), float(10 ** -rng.uniform(0.6, 12))
        bound = float(anytime_error_bound(misses, n, alpha))
        if bound == 1:
            continue
        exact = exact_log_evidence(misses, n, bound)
        assert abs(mp.mpf(float(log_evidence(misses, n, bound))) - exact) <= float(evaluation_error(n))
        assert exact >= -mp.log(mp.mpf(alpha))
        checked += 1
    assert checked >= 40


@pytest.mark.parametrize("p", everyday([0.01, 0.1, 0.3, 0.45], 2))
def test_level_over_all_looks(p: float) -> None:
    # 2,000 runs with 40 looks each at alpha = .05; one false alarm in a million at a rate of exactly .05.
    runs, n = 2000, 2000
    misses = (np.random.default_rng(1).random((runs, n)) < p).cumsum(axis=1)
    looks = np.unique(np.geomspace(5, n, 40).astype(int))
    bounds = anytime_error_bound(misses[:, looks - 1], looks[None], 0.05)
    failed = int((bounds < p).any(axis=1).sum())
    assert failed <= stats.binom.isf(1e-6, runs, 0.05)
    assert failed >= 1


def test_little_larger_than_the_bound_for_a_fixed_n() -> None:
    for misses, n in [(0, 1000), (100, 10_000), (3000, 100_000)]:
        fixed, anytime = error_upper_bound(misses, n, 1e-3), anytime_error_bound(misses, n, 1e-3)
        assert fixed <= anytime <= 1.25 * fixed


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"radii": [1.0], "relative": 0.1},
        {"radii": [0.0]},
        {"relative": 1.5},
        {"relative": 0.1, "beta": 2},
    ],
    ids=str,
)
def test_refuses(arguments: dict) -> None:
    with pytest.raises(InputError):
        Anytime(**arguments)
    with pytest.raises(InputError, match=r"at most 0\.3"):
        anytime_error_bound(1, 10, 0.4)
