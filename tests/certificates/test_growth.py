"""The guaranteed probability at a radius and two-sided radii: closed forms at 50 digits, and consistency."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.cases import SPECS_IN_DIM, noise_of
from tests.exact import normal_sf
from tests.nightly import everyday, taking_turns
from wulff.certificates import (
    Bounded,
    Overlap,
    Rate,
    certified_probability,
    certified_radius,
    methods,
    two_sided_radius,
)
from wulff.certificates.certificate import Case, Growth
from wulff.errors import InputError, NotCoveredError
from wulff.noises import parse
from wulff.norms import parse_threat

ERRORS = np.array([1e-300, 1e-12, 1e-3, 0.1, 0.3, 0.49, 0.5, 0.6, 0.9])
RADII = np.array([0.0, 1e-9, 0.01, 0.3, 1.0, 2.5])
PAIRS = [
    ("gaussian(scale=1)", "l2"),
    ("gaussian(scale=1)", "linf"),
    ("laplace(scale=1)", "l1"),
    ("laplace(scale=1)", "l2"),
    ("uniform(scale=1)", "l1"),
    ("uniform(scale=1)", "l2"),
    ("uniform(scale=1)", "lp(3)"),
    ("uniform(scale=1)", "linf"),
    ("ball(scale=1)", "l2"),
    ("pareto(scale=1,a=3)", "l2"),
    ("pareto(scale=1,a=3)", "l1"),
    ("exp-lp(scale=1,p=4)", "l1"),
    ("exp-linf(scale=1,k=1)", "l1"),
    ("exp-l1(scale=1,k=1)", "linf"),
    ("uniform(scale=1)", "lp(1.5)"),
]
SEARCHED = [
    ("exp-l2(scale=1,k=2)", "l2", 10),
    ("exp-linf(scale=1,j=0.5,k=2)", "linf", 2),
    ("exp-linf(scale=1,k=2)", "l1", 5),
    ("power-l1(scale=1,a=8,k=1)", "l1", 4),
    ("exp-l2(scale=1,k=1)", "linf", 3072),
    ("laplace(scale=1)", "linf", 16),
    ("pareto(scale=1,a=3)", "linf", 16),
]
"""Pairs whose best method evaluates a divergence at the radius."""


def exact_growth(spec: str, p: float, r: float) -> mp.mpf:
    """The growth function in one dimension: the largest P[x + v + Z ∈ U] with P[x + Z ∈ U] = p, |v| = r."""
    p, r = mp.mpf(p), mp.mpf(r)
    if spec.startswith("gaussian"):
        # z from Newton's method on the survival function.
        z = mp.findroot(lambda z: mp.log(normal_sf(z)) - mp.log(p), mp.sqrt(-2 * mp.log(p)))
        return normal_sf(z - r)
    if spec.startswith("laplace"):
        if p * mp.exp(r) <= 0.5:
            return p * mp.exp(r)
        return 1 - mp.exp(-r) / (4 * p) if p <= 0.5 else 1 - (1 - p) * mp.exp(-r)
    return min(1, p + r / 2)


@pytest.mark.parametrize("spec", ["gaussian(scale=1)", "laplace(scale=1)", "uniform(scale=1)"])
def test_probability_is_the_growth_function_from_above(spec: str) -> None:
    for error in ERRORS:
        found = certified_probability(spec, error, "l1", RADII, dim=1).error
        for radius, bound in zip(RADII, found, strict=True):
            exact = exact_growth(spec, error, radius)
            assert bound >= exact
            if not (spec.startswith("uniform") and exact >= 0.5 and radius >= 1):
                assert bound <= exact * (1 + mp.mpf("1e-10")) + mp.mpf("1e-15")


@pytest.mark.parametrize(("spec", "norm"), PAIRS)
def test_probability_reaches_one_half_at_the_radius(spec: str, norm: str) -> None:
    radius = certified_radius(spec, 0.1, norm, 5).radius
    at = certified_probability(spec, 0.1, norm, radius * np.array([0.999, 1.001]), 5)
    assert at.error[0] < 0.5 <= at.error[1] + 1e-12
    assert np.all(at.probability <= 1 - at.error)
    assert at.error == pytest.approx(0.5, abs=2e-3)


@given(
    pair=st.sampled_from(PAIRS),
    errors=st.tuples(st.floats(1e-12, 0.7), st.floats(1e-12, 0.7)),
    radii=st.tuples(st.floats(0, 3), st.floats(0, 3)),
)
@settings(deadline=None, max_examples=60)
def test_probability_is_monotone(
    pair: tuple[str, str], errors: tuple[float, float], radii: tuple[float, float]
) -> None:
    spec, norm = pair
    (low, high), (near, far) = sorted(errors), sorted(radii)
    bound = certified_probability(spec, [low, low, high], norm, [near, far, near], 3).error
    assert bound[0] <= bound[1] * (1 + 1e-12) + 1e-15
    assert bound[0] <= bound[2] * (1 + 1e-12) + 1e-15
    assert bound[0] >= low


def test_two_sided_closed_forms() -> None:
    top, runner_up = np.array([0.3, 0.55, 0.55, 0.7]), np.array([0.2, 0.2, 0.44, 0.1])
    gaussian = two_sided_radius("gaussian(scale=1)", top, runner_up, "l2", 100).radius
    laplace = two_sided_radius("laplace(scale=1)", top, runner_up, "l1", 100).radius
    uniform = two_sided_radius("uniform(scale=1)", top, runner_up, "l1", 100).radius

    def normal_quantile(p: float) -> mp.mpf:
        return -mp.sqrt(2) * mp.erfinv(2 * mp.mpf(p) - 1)

    def laplace_primitive(p: float) -> mp.mpf:
        return -mp.log(2 * mp.mpf(p)) if p <= 0.5 else mp.log(2 * (1 - mp.mpf(p)))

    for i in range(len(top)):
        e, b = float(top[i]), float(runner_up[i])
        for found, exact in [
            (gaussian[i], (normal_quantile(e) + normal_quantile(b)) / 2),
            (laplace[i], (laplace_primitive(e) + laplace_primitive(b)) / 2),
            (uniform[i], 1 - mp.mpf(e) - mp.mpf(b)),
        ]:
            assert exact * (1 - mp.mpf("1e-12")) <= found <= exact


@pytest.mark.parametrize(("spec", "norm"), PAIRS)
def test_two_sided_contains_one_sided(spec: str, norm: str) -> None:
    errors = np.array([1e-6, 0.1, 0.4999])
    one = certified_radius(spec, errors, norm, 7).radius
    same = two_sided_radius(spec, errors, errors, norm, 7)
    better = two_sided_radius(spec, errors, errors / 2, norm, 7)
    assert same.radius == pytest.approx(one, rel=1e-9)  # two theorems for the same radius
    assert np.all(better.radius >= one)
    assert better.radius[-1] > one[-1]


@pytest.mark.parametrize(("spec", "norm"), PAIRS)
def test_two_sided_classes_do_not_meet_before_the_radius(spec: str, norm: str) -> None:
    """At the two-sided radius the guaranteed probabilities of the two classes just meet."""
    top, runner_up = 0.55, 0.3
    radius = float(two_sided_radius(spec, top, runner_up, norm, 3).radius)
    grown = certified_probability(spec, [top, runner_up], norm, radius, 3).error
    assert grown.sum() == pytest.approx(1, abs=2e-4)


def test_two_sided_abstains_and_accepts_a_minority_label() -> None:
    radii = two_sided_radius("gaussian(scale=1)", [0.6, 0.6, 1.0], [0.4, 0.39, 0.1], "l2", 3)
    assert radii.radius[0] == 0
    assert radii.radius[1] > 0
    assert radii.radius[2] == 0
    assert list(radii.method) == ["abstain", "closed-form", "abstain"]


def test_refusals() -> None:
    with pytest.raises(InputError, match="radius"):
        certified_probability("gaussian(scale=1)", 0.1, "l2", -1.0, 3)
    with pytest.raises(NotCoveredError, match="closed-form"):
        certified_probability("gaussian(scale=1)", 0.1, "l2", 1.0, 3, method="magic")


@pytest.mark.parametrize(
    ("spec", "dim", "norm"), taking_turns(SPECS_IN_DIM, ["l1", "l2", "linf", "lp(3)"], 1, noise_of)
)
def test_every_noise_and_norm_has_a_probability_at_a_radius(spec: str, dim: int, norm: str) -> None:
    radius = float(certified_radius(spec, 0.2, norm, dim).radius)
    if spec.startswith("mixed-linf") and dim > 3 and norm in ("linf", "lp(3)"):
        pytest.skip("takes seconds; see test_mixed_linf")
    error = certified_probability(spec, 0.2, norm, [0, 0.5 * radius, 2 * radius + 0.01], dim).error
    assert error[0] == 0.2
    assert 0.2 <= error[1] < 0.5 or radius == 0
    assert 0.5 <= error[2] <= 1


@pytest.mark.parametrize("error", [5e-324, 0.2])
def test_far_beyond_every_radius_nothing_is_known(error: float) -> None:
    assert certified_probability("mixed-linf(scale=1,j=0)", error, "l1", 50.0, 64).error == 1


def is_radial(case: tuple[str, str, int]) -> bool:
    return case[0].startswith(("exp-l", "power"))


@pytest.mark.parametrize(("spec", "norm", "dim"), everyday(SEARCHED, 1, is_radial))
def test_divergences_reach_one_half_at_the_radius(spec: str, norm: str, dim: int) -> None:
    radius = float(certified_radius(spec, 0.1, norm, dim).radius)
    found = certified_probability(spec, 0.1, norm, radius * np.array([0.99, 1.01]), dim)
    assert found.error[0] < 0.5 < found.error[1]
    assert found.error == pytest.approx(0.5, abs=8e-3)


def test_level_sets_reproduce_gaussian_growth() -> None:
    # exp-l2 with k = 2 is Gaussian with deviation 1/√2: both forms of the bound, above and close.
    error, radius = np.array([1e-12, 0.1, 0.5, 0.9]), np.array([0.1, 0.7, 2.0])[:, None]
    found = certified_probability("exp-l2(scale=1,k=2)", error, "l2", radius, 10, "level-set").error
    exact = stats.norm.sf(stats.norm.isf(error) - np.sqrt(2) * radius)
    assert (found >= exact * (1 - 1e-13)).all()
    assert found == pytest.approx(exact, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(("spec", "norm", "dim"), everyday(SEARCHED[::-1], 1, is_radial))
def test_classes_meet_just_beyond_the_searched_radius(spec: str, norm: str, dim: int) -> None:
    two = two_sided_radius(spec, [0.55, 0.2], [0.3, 0.1], norm, dim)
    grown = certified_probability(spec, [[0.55, 0.2], [0.3, 0.1]], norm, two.radius, dim).error.sum(axis=0)
    assert grown == pytest.approx(1, abs=2e-3)
    assert two.radius[1] > certified_radius(spec, 0.2, norm, dim).radius


@pytest.mark.parametrize(
    ("spec", "norm", "kind"),
    [
        ("laplace(scale=2)", "l1", Rate),
        ("uniform(scale=2)", "linf", Overlap),
        ("laplace(scale=2)", "linf", Bounded),
    ],
)
def test_an_error_grows_to_an_end_just_within_the_radius_until_there(
    spec: str, norm: str, kind: type[Growth]
) -> None:
    noise = parse(spec).in_dim(2)
    entry = next(entry for entry in methods(noise, norm) if isinstance(entry.growth, kind))
    case, start = Case(entry, noise, 2, parse_threat(norm)), np.array([1e-3, 0.05])
    assert entry.growth is not None
    radius = entry.growth.until(case, start, 0.3)
    assert (case.grown(start, radius) <= 0.3 * (1 + 1e-12)).all()
    assert (case.grown(start, 1.001 * radius) > 0.3).all()
    assert (radius < case.radius(start)).all()


def test_a_growth_that_is_no_growth_is_refused() -> None:
    for shortfall in (1.0, -1e-9, float("nan")):
        with pytest.raises(InputError, match=r"shortfall must lie in \[0, 1\), got"):
            Rate(shortfall=shortfall)


@pytest.mark.parametrize(
    ("spec", "norm", "dim"),
    [
        ("gaussian(scale=1)", "l2", 4),
        ("uniform(scale=1)", "l1", 4),
        ("exp-l2(scale=1,k=2)", "l2", 4),
        ("resampling(keep=0.8, values=[2, 3, 3, 2])", "l0", 4),
        ("exp-linf(scale=1,k=1)", "l1-box", 4),
    ],
)
def test_no_error_is_said_to_stay_as_it_is_after_an_unknown_perturbation(
    spec: str, norm: str, dim: int
) -> None:
    noise, threat = parse(spec).in_dim(dim), parse_threat(norm)
    error, size = np.array([0.1, 0.1, 0.1]), np.array([np.nan, 0.0, 1.0])
    for entry in methods(noise, threat):
        grown = Case(entry, noise, dim, threat).grown(error, size)
        assert not grown[0] < 1
        assert np.isnan(grown[1]) or grown[1] == 0.1
