"""Staying among the first k: reference numbers, and classifiers that come close to the radius."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from wulff.certificates import certified_radius, two_sided_radius
from wulff.certificates.top_k import top_k_radius
from wulff.errors import InputError, NotCoveredError
from wulff.stats.top_k import top_k_bounds


def radius(noise: str, p: float, others: list[float], k: int, norm: str = "l2") -> float:
    largest = sorted(others, reverse=True)[:k]
    return float(top_k_radius(noise, [1 - p], [largest], norm, dim=3).radius[0])


@pytest.mark.parametrize(
    ("p", "others", "k", "expected"),
    [
        (0.3, [0.3, 0.2, 0.1, 0.1], 2, 0.1586103604324367),
        (0.3, [0.3, 0.2, 0.1, 0.1], 3, 0.3785755264182798),
        (0.6, [0.3, 0.1], 1, 0.388873807922),
        (0.6, [0.3, 0.1], 2, 0.767449334340),
    ],
)
def test_gaussian_noise(p: float, others: list[float], k: int, expected: float) -> None:
    found = radius("gaussian(sigma=1)", p, others, k)
    assert expected * (1 - 1e-8) < found <= expected * (1 + 1e-12)


@pytest.mark.parametrize(
    ("p", "others", "k", "expected"),
    [
        (0.3, [0.3, 0.2, 0.1, 0.1], 2, 0.1),
        (0.3, [0.3, 0.2, 0.1, 0.1], 3, 0.2),
        (0.6, [0.3, 0.1], 1, 0.3),
        (0.6, [0.3, 0.1], 2, 0.533333333333),
    ],
)
def test_uniform_noise(p: float, others: list[float], k: int, expected: float) -> None:
    found = radius("uniform(scale=1)", p, others, k, "l1")
    assert expected * (1 - 1e-8) < found <= expected * (1 + 1e-11)


@pytest.mark.parametrize("noise", ["gaussian(sigma=1)", "laplace(sigma=1)"])
def test_the_first_alone_is_the_two_sided_radius(noise: str) -> None:
    found = float(top_k_radius(noise, [0.4], [[0.2]], "l1", dim=3).radius[0])
    two = float(two_sided_radius(noise, 0.4, 0.2, "l1", dim=3).radius)
    assert two * 0.995 < found < two * 1.005
    assert float(top_k_radius(noise, [0.4], [[0.4]], "l1", dim=3).radius[0]) > 0.99 * float(
        certified_radius(noise, 0.4, "l1", dim=3).radius
    )


def test_half_spaces_in_a_row_break_the_radius_soon_after() -> None:
    """Under Gaussian noise the classes are intervals of z₁: the label lowest, its k rivals highest."""
    p, rivals = 0.45, [0.25, 0.2]
    r = radius("gaussian(sigma=1)", p, rivals, 2)

    def ahead(shift: float) -> int:
        """How many of two rivals are ahead at x + v that then share their union equally."""
        label = ndtr(ndtri(p) - shift)
        union = 1 - ndtr(ndtri(1 - sum(rivals)) - shift)
        return 2 * (union / 2 >= label)

    assert ahead(r * 0.999) == 0
    assert ahead(r * 1.6) == 2


def test_the_rest_bucket_counts_as_often_as_it_may_overtake() -> None:
    # Four classes of 5 % each, together 20 %: two of them may overtake the label.
    selection = np.array([[50, 20, 20, 5, 5, 5, 5]])
    _, rivals = top_k_bounds(100 * selection, 12_000, [0], 2, 0.001, selection)
    assert rivals.shape == (1, 2)
    assert (rivals > 2000 / 12_000).all()
    few = np.array([[50, 20, 5, 0, 0]])
    _, rivals = top_k_bounds(100 * few, 7_500, [0], 2, 0.001, few)
    assert rivals[0, 1] < 0.09  # the third class, and a rest without votes


def test_bounds_hold_at_once_as_often_as_stated() -> None:
    """At alpha = .2 and 2,000 draws, 3.3 standard deviations allow .23; false alarms below 1e-3."""
    rng = np.random.default_rng(0)
    p = np.array([0.4, 0.2, 0.15, 0.1, 0.1, 0.05])
    selection, votes = rng.multinomial(40, p, 2000), rng.multinomial(200, p, 2000)
    error, rivals = top_k_bounds(votes, 200, np.zeros(2000, dtype=int), 2, 0.2, selection)
    true = np.sort(p[1:])[::-1][:2]
    failed = (error < 1 - p[0]) | (rivals < true).any(axis=1)
    assert failed.mean() < 0.23


def test_refusals() -> None:
    with pytest.raises(InputError, match="top must be at most 2, got 3"):
        top_k_bounds([[1, 2, 3]], 6, [2], 3, 0.01, [[1, 2, 3]])
    with pytest.raises(InputError, match="do not fit"):
        top_k_bounds([[1, 2, 3]], 6, [2, 1], 2, 0.01, [[1, 2, 3]])
    with pytest.raises(InputError, match=r"rivals \(m, k\)"):
        top_k_radius("gaussian(sigma=1)", [0.3, 0.4], [[0.2]], "l2", dim=3)
    with pytest.raises(NotCoveredError):
        top_k_radius("gaussian(sigma=1)", [0.3], [[0.2]], "l2", dim=3, method="lecuyer-2019")
    with pytest.raises(NotCoveredError, match="'closed-form' does not cover"):  # it is for j = 0, k = 1
        top_k_radius("exp-l2(scale=1,j=2,k=2)", [1e-3], [[5e-4]], "l2", dim=4, method="closed-form")
    assert top_k_radius("gaussian(sigma=1)", [0.9], [[0.9, 0.8]], "l2", dim=3).method[0] == "abstain"
