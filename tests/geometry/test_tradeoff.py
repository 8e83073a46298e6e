"""The two terms of Zhang et al. 2020, equation 9: they add up to the growth function's bound."""

import numpy as np
import pytest
from scipy import stats

from wulff.errors import InputError
from wulff.geometry import decompose, frontier, growth_function, toy_points
from wulff.geometry.tradeoff import ToyPoint

CASES = [
    ("gaussian(scale=1)", [0.6, 0.5]),
    ("laplace(scale=1)", [0.0, 0.9]),
    ("uniform(scale=1)", [0.3, 0.2]),
    ("exp-l2(scale=1,j=1,k=2)", [0.2, 0.3]),
    ("exp-linf(scale=1,j=0,k=1)", [0.4, 0.4]),
]


@pytest.mark.parametrize(("spec", "v"), CASES)
@pytest.mark.parametrize("probability", [0.3, 0.6, 0.9, 0.999])
def test_best_multiplier_gives_the_exact_bound(spec: str, v: list[float], probability: float) -> None:
    exact = 1 - float(growth_function(spec, 1 - probability, v).low)
    found = decompose(spec, probability, v)
    assert found.bound == pytest.approx(exact, abs=1e-6)
    for multiplier in (0.1, 0.5, 1.0, 2.0, 20.0):
        other = decompose(spec, probability, v, multiplier)
        assert other.accuracy == pytest.approx(multiplier * probability)
        assert other.bound <= exact + 1e-8


def test_gaussian_terms_by_hand() -> None:
    """∫ (λ q - q(· - v))₊ of N(0, 1): the sets are half lines, bounded by z = log(λ)/r + r/2."""
    r, multiplier = 0.8, 1.7
    end = np.log(multiplier) / r + r / 2
    cost = multiplier * stats.norm.cdf(end) - stats.norm.cdf(end - r)
    assert decompose("gaussian(scale=1)", 0.9, [r], multiplier).robustness == pytest.approx(cost, abs=1e-9)


def test_toy_classifier() -> None:
    points = toy_points([0.0, 2.0], [0.2, 0.4], radius=0.1)
    # Without a pole: Gaussian noise in five dimensions, and total variation 2Φ(r/2σ) - 1.
    assert points[0].accuracy == pytest.approx(stats.chi2.cdf((0.65 / 0.2) ** 2, 5), abs=1e-12)
    assert points[0].robustness == pytest.approx(1 - 2 * stats.norm.cdf(0.1 / 0.4), abs=1e-8)
    # A pole concentrates noise of the same σ₀ near 0: more accurate, less robust.
    assert points[3].accuracy > points[1].accuracy
    assert points[3].robustness < points[1].robustness


def test_frontier_keeps_what_nothing_beats() -> None:
    points = [
        ToyPoint(0, 1, a, r) for a, r in [(0.9, -0.5), (0.8, -0.4), (0.8, -0.6), (0.7, -0.45), (0.5, -0.1)]
    ]
    assert frontier(points) == [points[0], points[1], points[4]]


def test_refusals() -> None:
    with pytest.raises(InputError, match="not known exactly"):
        decompose("pareto(scale=1,a=3)", 0.9, [1.0, 0.0])
    with pytest.raises(InputError, match="probability"):
        decompose("gaussian(scale=1)", 1.5, [1.0, 0.0])
    with pytest.raises(InputError, match="other than 0"):
        decompose("gaussian(scale=1)", 0.9, [0.0, 0.0])
    with pytest.raises(InputError, match="multiplier"):
        decompose("gaussian(scale=1)", 0.9, [1.0, 0.0], -1.0)


def test_a_pole_pays_where_the_label_is_improbable() -> None:
    """The crossing of the orders 0 and 1 at the accuracy .26, that the page on shapes states."""
    curves = []
    for j in (0.0, 1.0):
        points = toy_points([j], np.geomspace(1.0, 0.3, 80).tolist())  # from low accuracy to high
        curves.append(([p.accuracy for p in points], [p.robustness for p in points]))
    none, pole = ([float(np.interp(x, *curve)) for x in (0.24, 0.28)] for curve in curves)
    assert pole[0] > none[0]
    assert pole[1] < none[1]
