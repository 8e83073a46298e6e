"""The betting bound covers, and is about as narrow as the normal approximation."""

import numpy as np
import pytest

from tests.nightly import everyday
from wulff.errors import InputError
from wulff.stats import mean_upper_bound


@pytest.mark.parametrize("p", everyday([0.01, 0.3, 0.5], 2))
def test_coverage(p: float) -> None:
    # 2000 samples at alpha = .05: more than 152 failures have probability below 1e-6 at a rate of .05.
    rng = np.random.default_rng(5)
    failures = sum(mean_upper_bound(rng.random(400) < p, 0.05) < p for _ in range(2000))
    assert failures <= 152


def test_width() -> None:
    values = np.random.default_rng(6).beta(2, 2, 40_000)
    bound = mean_upper_bound(values, 0.001)
    normal = values.mean() + 3.09 * values.std() / 200
    assert values.mean() < bound < values.mean() + 1.4 * (normal - values.mean())


def test_refusals() -> None:
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        mean_upper_bound([0.5, 1.5], 0.1)
    assert mean_upper_bound([1.0], 0.1) == 1.0
