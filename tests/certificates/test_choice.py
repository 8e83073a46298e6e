"""The choice among certificates: the same for all questions, and refused in the same words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wulff._typing import FloatArray
from wulff.certificates import (
    certified_probability,
    certified_radius,
    register,
    registry,
    top_k_radius,
    two_sided_radius,
)
from wulff.errors import NotCoveredError
from wulff.noises import Laplace
from wulff.norms import Norm

NOISE = "laplace(scale=1)"


@pytest.fixture(autouse=True)
def _without_a_growth():
    """A theorem that covers small errors only, and says nothing about others than ½."""
    before = list(registry._TABLE)

    @register(Laplace, Norm.L1, method="silent", tight=True, ulps=0)
    def silent(noise: Laplace, error: FloatArray, dim: int) -> FloatArray:
        """A theorem of the tests."""
        return np.where(error < 0.1, 0.5, np.nan)

    yield
    registry._TABLE[:] = before


@pytest.mark.parametrize(
    ("ask", "at"),
    [
        (lambda method: certified_radius(NOISE, [0.01, 0.2], "l1", 3, method), "error 0.2;"),
        (
            lambda method: two_sided_radius(NOISE, [0.01, 0.2], [0.01, 0.1], "l1", 3, method),
            "error_top 0.2 and p_runner_up 0.1;",
        ),
        (
            lambda method: top_k_radius(NOISE, [0.2], [[0.1, 0.05]], "l1", 3, method),
            "error 0.2 beside rivals 0.1, 0.05;",
        ),
        (
            lambda method: certified_probability(NOISE, 0.2, "l1", 1.5, 3, method),
            "error 0.2 after a perturbation of 1.5;",
        ),
    ],
)
def test_every_question_is_refused_in_the_same_words(ask: Callable[[str | None], Any], at: str) -> None:
    words = (
        rf"method 'silent' does not cover {NOISE[:7]}.* against l1 at {at} the other methods are closed-form"
    )
    with pytest.raises(NotCoveredError, match=words):
        ask("silent")
    assert "silent" not in np.ravel(ask(None).method)


def test_without_a_growth_a_theorem_has_its_one_sided_radius_for_two_bounds() -> None:
    one = certified_radius(NOISE, 0.01, "l1", 3, "silent")
    two = two_sided_radius(NOISE, 0.01, 1e-6, "l1", 3, "silent")
    assert two.radius == one.radius
    assert one.tight
    assert not two.tight


def test_a_tight_theorem_ends_the_search_for_one_sided_radii_only() -> None:
    @register(Laplace, Norm.L1, method="absurd", tight=False, ulps=0)
    def absurd(noise: Laplace, error: FloatArray, dim: int) -> FloatArray:
        """A theorem of the tests, which no one is to believe."""
        return np.full(error.shape, 100.0)

    assert certified_radius(NOISE, 0.2, "l1", 3).method == "closed-form"
    assert two_sided_radius(NOISE, 0.2, 0.1, "l1", 3).method == "absurd"
