"""Limits: cotype constants, the explicit bound and its ingredients, and what noises attain."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wulff.certificates import certified_radius
from wulff.errors import InputError
from wulff.geometry import (
    REPRESENTATIVES,
    cotype_constant,
    cotype_ratio,
    explicit_bound,
    growing_dimensions,
    growth_function,
    least_affinity,
    limits_table,
    published_limits,
    sized_by,
    total_variation,
    usefulness,
)
from wulff.geometry.cotype import khinchine
from wulff.geometry.limits import _test_law


@given(
    p=st.sampled_from(["l1", "lp(1.5)", "l2", "lp(3)", "lp(5)", "linf"]),
    q=st.sampled_from([2.0, 3.0, 6.0]),
    seed=st.integers(0, 10**6),
)
def test_no_vectors_exceed_the_cotype_constant(p: str, q: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    dim = int(generator.integers(1, 6))
    vectors = generator.normal(size=(generator.integers(1, 8), dim)) * generator.choice([0, 1], size=dim)
    if not vectors.any():
        return
    assert cotype_ratio(vectors, p, q) <= cotype_constant(p, dim, q).high * (1 + 1e-12)


@pytest.mark.parametrize(
    ("p", "q"), [("linf", 2.0), ("lp(3)", 2.0), ("lp(5)", 3.0), ("linf", 4.0), ("l2", 2.0)]
)
def test_unit_vectors_attain_the_cotype_constant(p: str, q: float) -> None:
    found = cotype_constant(p, 9, q)
    assert found.exact
    assert cotype_ratio(np.eye(9), p, q) == pytest.approx(found.low)


def test_khinchine_constants() -> None:
    assert khinchine(1) == pytest.approx(1 / math.sqrt(2))
    assert khinchine(2) == pytest.approx(1)
    signs = np.array([[1.0, 1], [1, -1]])
    for p in (0.5, 1.0, 1.5, 1.8):  # two equal signs are the worst case there
        worst = (np.abs(signs.sum(axis=1)) ** p).mean() ** (1 / p) / math.sqrt(2)
        assert khinchine(p) == pytest.approx(worst)
    assert cotype_constant("l1", 100).high == pytest.approx(math.sqrt(2))
    assert not cotype_constant("l1", 100).exact


def test_both_sides_of_the_definition_scale_alike() -> None:
    """Cotype needs the root on both sides: only then is the ratio the same for all sizes of x."""
    vectors = np.random.default_rng(0).normal(size=(4, 3))
    assert cotype_ratio(7 * vectors, "linf") == pytest.approx(cotype_ratio(vectors, "linf"))


@pytest.mark.parametrize("dim", [1, 10, 3072])
def test_the_published_forms_agree(dim: int) -> None:
    for norm, order in [("linf", dim**-0.5), ("lp(4)", dim**-0.25), ("l2", 1.0), ("l1", 1.0)]:
        general, power = published_limits(norm, dim)
        assert general.order == pytest.approx(order)
        assert power.order == pytest.approx(order)
        assert "open" in general.constant


def test_sinc_is_below_the_curve_of_the_proof() -> None:
    x = np.linspace(1e-6, 100, 400_001)
    assert np.all(np.abs(np.sin(x) / x) <= np.exp(-np.minimum(x**2 / 6, 1.52)) + 1e-15)


@pytest.mark.parametrize("spread", [0.0, 0.3, 2.0, 20.0])
def test_the_law_of_distances_is_below_its_two_bounds(spread: float) -> None:
    highest, curvature = _test_law(spread)
    u = 1 + spread * np.abs(np.random.default_rng(1).normal(size=20_000))
    x = np.random.default_rng(2).uniform(0, 12 / (1 + spread), 60)
    loss = 1 - np.cos(np.outer(x, u)).mean(axis=1)
    assert np.all(loss <= np.minimum(highest, curvature * x**2) + 5 / math.sqrt(20_000))
    assert loss.max() > 0.8 * highest


def _least_refutable(affinity: float, spread: float, a: float, count: int) -> float:
    """The most that the informative property can be, given the robust one: M(1 - κ)/(1 - exp(-Ma²k/6c))."""
    highest, curvature = _test_law(spread)
    return highest * (1 - affinity) / -math.expm1(-highest * a**2 * count / (6 * curvature))


@given(
    spread=st.sampled_from([0.0, 0.3, 2.0]),
    a=st.floats(0.01, 1.0),
    count=st.integers(1, 40),
    weight=st.floats(0.01, 0.9),
    size=st.floats(0.1, 5.0),
    seed=st.integers(0, 10**6),
)
def test_robust_frequencies_are_uninformative(
    spread: float, a: float, count: int, weight: float, size: float, seed: int
) -> None:
    """The inequality of the proof for random laws of the frequency ξ: 0, or a random vector."""
    generator = np.random.default_rng(seed)
    highest, curvature = _test_law(spread)
    if a**2 > 9.12 * curvature / highest:
        return
    xi = size * math.sqrt(highest / curvature) * generator.choice([1.0, generator.normal()], size=count)
    affinity = 1 - weight + weight * np.prod(np.sinc(a * xi / np.pi))
    g = np.abs(generator.normal(size=4000))
    loss = weight * (1 - np.cos(np.outer(xi, 1 + spread * g)).mean(axis=1)).mean()
    assert loss <= _least_refutable(affinity, spread, a, count) * (1 + 1e-9) + 5 * weight / math.sqrt(4000)


@pytest.mark.parametrize(("norm", "p"), [("linf", math.inf), ("lp(4)", 4.0), ("l2", 2.0)])
def test_the_bound_is_where_the_proof_ends(norm: str, p: float) -> None:
    s, l, dim = 0.25, 0.9, 500  # noqa: E741
    bound = explicit_bound(norm, dim, s, l)
    told_apart = 1 - math.sqrt(1 - l**2)

    def refuted(epsilon: float) -> bool:
        a = epsilon * dim ** (-1 / p)
        spreads = [0.0, *np.geomspace(0.05, 20, 25)]
        return any(told_apart > _least_refutable(least_affinity(s), float(t), a, dim) for t in spreads)

    assert refuted(bound * (1 + 1e-6))
    assert not refuted(bound * (1 - 1e-6))


@pytest.mark.parametrize("s", [0.01, 0.1, 0.25, 0.4, 0.49, 0.4999])
def test_affinity_of_certified_shifts_is_above_its_bound(s: float) -> None:
    """K = ∫ √G'(p) dp of noises shifted by their certified radius, from their growth functions."""
    error = 0.5 - s
    # Nodes are dense at both ends, where G may be steep.
    ends = np.geomspace(1e-7, 0.5, 200)
    p = np.unique(np.concatenate([[0.0], ends, 1 - ends, [1.0]]))
    for spec, norm, direction in [
        ("gaussian(scale=1)", "l2", [1.0, 0]),
        ("laplace(scale=1)", "l1", [1.0, 0]),
        ("uniform(scale=1)", "l1", [1.0, 0]),
    ]:
        radius = float(certified_radius(spec, error, norm, 2).radius)
        found = growth_function(spec, p, radius * np.array(direction)).low
        found[-1] = 1.0
        affinity = np.sqrt(np.maximum(np.diff(found), 0) * np.diff(p)).sum()
        assert affinity >= least_affinity(s) - 1e-3
    # The extreme growth function of the proof has this affinity.
    slopes = np.geomspace(1, 1 / (2 * error), 20_001)
    values = np.sqrt(slopes) * (1 + 2 * slopes * error) / (1 + slopes)
    assert least_affinity(s) == pytest.approx(values.min(), rel=1e-6)
    # Laws at two inputs need not mirror each other: slopes that differ never lead below equal ones.
    m, n = np.meshgrid(slopes[1::100], slopes[1::100])
    meet = (0.5 - error - 0.5 / n + m * error) / (m - 1 / n)
    unequal = np.sqrt(m) * meet + (0.5 + n * error - meet) / np.sqrt(n)
    root = np.sqrt(m * n)
    formula = (np.sqrt(m) + np.sqrt(n)) * (0.5 + error * root) / (1 + root)
    assert unequal == pytest.approx(formula, rel=1e-6)
    assert unequal.min() >= least_affinity(s) * (1 - 1e-9)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf", "lp(4)"])
@pytest.mark.parametrize(("s", "l"), [(0.05, 0.5), (0.25, 0.9), (0.4, 0.999)])
def test_no_noise_exceeds_the_explicit_bound(norm: str, s: float, l: float) -> None:  # noqa: E741
    for row in limits_table(norm, [2, 300], s, l, REPRESENTATIVES[:4]):
        best = np.nanmax(list(row.attained.values()))
        assert best <= row.bound
        assert math.isinf(row.bound) or row.bound < 1000 * best


def test_the_bound_has_the_published_order() -> None:
    bound = [explicit_bound("linf", dim, 0.25, 0.9) for dim in (10**2, 10**4, 10**6)]
    assert bound[0] / bound[1] == pytest.approx(10, rel=1e-6)
    assert bound[1] / bound[2] == pytest.approx(10, rel=1e-6)
    assert explicit_bound("l2", 10, 0.25, 0.9) == pytest.approx(explicit_bound("l2", 10**6, 0.25, 0.9))
    assert explicit_bound("l1", 10**6, 0.25, 0.9) <= explicit_bound("l1", 10, 0.25, 0.9)
    # Noise that is absent or endless with probability ½ each is robust everywhere for s near ½.
    assert math.isinf(explicit_bound("linf", 3072, 0.4999, 0.5))
    assert math.isinf(explicit_bound("linf", 3072, 0.25, 1e-200))
    # Less may be asked for: the bound rises with s and falls with l.
    assert explicit_bound("linf", 99, 0.1, 0.9) < explicit_bound("linf", 99, 0.2, 0.9)
    assert explicit_bound("linf", 99, 0.1, 0.95) < explicit_bound("linf", 99, 0.1, 0.9)


@pytest.mark.parametrize("spec", REPRESENTATIVES)
def test_noise_is_sized_by_what_it_leaves_recognisable(spec: str) -> None:
    noise = sized_by(spec, 20, 0.8)
    variation = total_variation(noise, np.eye(1, 20)[0])
    assert variation.low >= 0.8
    assert variation.low == pytest.approx(0.8, abs=1e-6)


def test_usefulness_of_a_noise() -> None:
    found = usefulness("gaussian(scale=0.5)", 0.1, "linf", 16)
    # G(e, v) = ½ at ‖v‖₂ = .4: e = Φ(-.8).
    assert found.s == pytest.approx(0.28814, abs=1e-5)
    assert found.l == pytest.approx(0.68269, abs=1e-5)
    assert float(certified_radius(found.noise, 0.5 - found.s, "linf").radius) >= 0.1
    assert usefulness("uniform(scale=0.1)", 0.5, "linf", 3).s == 0.5
    with pytest.raises(InputError, match="epsilon"):
        usefulness("gaussian(scale=0.5)", 0.0, "linf", 16)


def test_table_and_refusals() -> None:
    assert growing_dimensions(3072) == [1, 10, 100, 1000, 3072]
    assert growing_dimensions(1) == [1]
    assert growing_dimensions(100) == [1, 10, 100]
    (row,) = limits_table("linf", [10], 0.25, 0.9, ("mixed-linf(scale=1,j=1)",))
    assert math.isnan(row.attained["mixed-linf(scale=1,j=1)"])
    # A pole of order 2 needs three dimensions, and is an error only where it was asked for.
    rows = limits_table("linf", [1, 10], 0.25, 0.9, ("exp-l2(scale=1,j=2,k=2)",))
    assert [math.isnan(row.attained["exp-l2(scale=1,j=2,k=2)"]) for row in rows] == [True, False]
    with pytest.raises(InputError, match="less than the dimension"):
        limits_table("linf", [1, 2], 0.25, 0.9, ("exp-l2(scale=1,j=2,k=2)",))
    for arguments in [("linf", 3, 0.5, 0.9), ("linf", 3, 0.25, 1.1), ("linf", 0, 0.25, 0.9)]:
        with pytest.raises(InputError):
            explicit_bound(*arguments)
    with pytest.raises(InputError, match="cotype"):
        cotype_constant("l2", 3, 1.5)
    with pytest.raises(InputError, match="below 1"):
        sized_by("uniform(scale=1)", 3, 1.0)


def test_in_the_box_no_limit_is_known_and_noises_attain_more() -> None:
    noises = ("gaussian(scale=1)",)
    (boxed,), (plain,) = (limits_table(norm, [64], 0.49, 0.5, noises) for norm in ("l1-box", "l1"))
    assert math.isinf(boxed.bound)
    assert boxed.attained[noises[0]] > plain.attained[noises[0]]
