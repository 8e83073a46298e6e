"""Steps of the staircase as certificates: many errors at once, growth, and a small mixed world in full.

The world has three categories of 2, 3 and 2 values and two numbers. Classifiers see a view of the categories
and the cell of a grid in which the numbers are: their probabilities are sums of products, without sampling.
"""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr, ndtri

from tests.nightly import NIGHTLY
from wulff import certified_radius
from wulff.certificates import certified_probability, methods, staircase, top_k_radius, two_sided_radius
from wulff.certificates.certificate import Case
from wulff.certificates.features import divergences
from wulff.certificates.features.filled import filled
from wulff.certificates.privacy_loss.coordinates import LossCurves
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Mixed, parse
from wulff.norms import Norm, WithChanges, heading, parse_threat

VALUES = (2, 3, 2)
ROWS = list(itertools.product(*map(range, VALUES)))
EDGES = np.array([-np.inf, -2.0, -1.0, 0.0, 1.0, 2.0, np.inf])
ABLATION, RESAMPLING = "ablation(keep_probability=0.3, null=-1)", "resampling(keep=0.8, values=[2, 3, 2])"


def mixed(numbers: str, categories: str, columns: str = "[0, 1, 2]", dim: int = 5) -> str:
    return f"mixed(numbers={numbers}, categories={categories}, columns={columns}, dim={dim})"


@pytest.mark.parametrize("name", ["l2+0", "l1-scaled+3", "lp(1.5)+12", "l1-box+1", "linf+2", "lp(1e+20)+2"])
def test_names(name: str) -> None:
    threat = parse_threat(name)
    assert isinstance(threat, WithChanges)
    assert parse_threat(str(threat)) == threat
    assert str(parse_threat(f" {name.upper()} ")) == str(threat)


def test_names_of_none_are_refused() -> None:
    assert parse_threat("l1e+2") == Norm(100.0)
    assert heading(parse_threat("l2+1")) == "l2 radius with 1 category changed"
    assert heading(parse_threat("l2+0")) == "l2 radius with 0 categories changed"
    for name in ("l0+1", "patch+1", "l2+", "l2+-1", "l2+1.5", "+1", "l2+1+1"):
        with pytest.raises(InputError):
            parse_threat(name)


@pytest.mark.parametrize("categories", [ABLATION, RESAMPLING])
def test_many_errors_are_as_each_alone(categories: str) -> None:
    errors = np.array([1e-9, 0.02, 0.02, 0.49, 0.7])
    noise = mixed("gaussian(sigma=2)", categories)
    for changed in range(4):
        together = certified_radius(noise, errors, f"l2+{changed}")
        assert together.radius.tolist() == [
            float(certified_radius(noise, error, f"l2+{changed}").radius) for error in errors
        ]
        assert together.tight[:-1].all()
        assert together.method[-1] == "abstain"
        for error, radius in zip(errors[:-1], together.radius, strict=False):
            steps = staircase("gaussian(sigma=2)", categories, error, dim=2, places=3).radius
            assert radius == (steps[changed] if changed < len(steps) else 0.0)


@pytest.mark.parametrize("categories", [ABLATION, RESAMPLING])
def test_what_is_left_at_a_radius(categories: str) -> None:
    """The growth at the radius is ½, and what changed categories alone do is counted at radius 0, too."""
    noise, threat = mixed("gaussian(sigma=1)", categories), "l2+1"
    radius = certified_radius(noise, 0.01, threat).radius
    at = certified_probability(noise, 0.01, threat, [0.0, radius, 3 * radius]).error
    alone = (
        certified_probability(noise.replace("gaussian", "laplace"), 0.01, "l1+1", 0.0).error
        if (categories == ABLATION)
        else certified_probability(RESAMPLING, 0.01, "l0", 1).error
    )
    assert at[0] == pytest.approx(float(alone), abs=1e-5)
    assert at[0] > 0.03
    assert at[1] == pytest.approx(0.5, abs=1e-9)
    assert 0.5 < at[2] <= 1


@pytest.mark.parametrize("categories", [ABLATION, RESAMPLING])
def test_two_bounds_and_the_first_k(categories: str) -> None:
    noise = mixed("gaussian(sigma=1)", categories)
    for threat in ("l2+0", "l2+1"):
        one = certified_radius(noise, [0.01, 0.05], threat).radius
        two = two_sided_radius(noise, [0.01, 0.05], [0.01, 0.05], threat).radius
        assert (two <= one * (1 + 1e-9)).all()
        np.testing.assert_allclose(two, one, rtol=1e-3)
        better = two_sided_radius(noise, [0.01, 0.05], [0.001, 0.001], threat).radius
        assert (better > two).all()
        among = top_k_radius(noise, [0.05], [[0.04, 0.01]], threat).radius
        assert among[0] >= one[1]
    lost = two_sided_radius(noise, [0.4, 0.6], [0.3, 0.5], "l2+3").radius
    assert (lost == 0).all()


def test_what_is_not_covered() -> None:
    with pytest.raises(NotCoveredError, match="as in l2\\+0 or l2\\+1, got l2"):
        certified_radius(mixed("gaussian(sigma=1)", ABLATION), 0.1, "l2")
    with pytest.raises(NotCoveredError, match="no certificate for gaussian noise against l2\\+1"):
        certified_radius("gaussian(sigma=1, dim=3)", 0.1, "l2+1")


def test_where_every_change_is_seen_nothing_is_certified() -> None:
    """Of three categories two are kept: a copy without both of two that changed cannot be."""
    noise = parse(mixed("laplace(scale=1)", "ablation(keep=2, null=-1)"))
    assert certified_radius(noise, [1e-9, 0.3], "l1+2").radius.tolist() == [0, 0]
    assert certified_radius(noise, 1e-9, "l1+0").radius > 0
    (entry,) = methods(noise, "l1+2")[:1]
    case = Case(entry, noise, 5, parse_threat("l1+2"))
    assert case.grown(np.array([1e-9, 0.3]), np.array([0.1, 0.1])).tolist() == [1, 1]


def test_level_sets_tell_moves_in_the_box_as_in_all_of_space() -> None:
    numbers = parse("exp-l2(scale=1, j=0, k=1)").in_dim(3)
    s = np.array([0.5, 1.0, 2.0])
    in_space, in_box = (
        divergences.divergence(numbers, parse_threat(norm), 0.5)(s) for norm in ("l1", "l1-box")
    )
    np.testing.assert_array_equal(in_box, in_space)


def test_largest_changes_leave_categories_out() -> None:
    noise = mixed("gaussian(sigma=1, scales=[3, 0])", ABLATION, "[4, 0, 2]")
    found = certified_radius(noise, [0.01, 0.1], "l2-scaled+1")
    changes = found.largest_changes()
    assert np.isnan(changes[:, [0, 2, 4]]).all()
    np.testing.assert_allclose(changes[:, 1], 3 * found.radius, rtol=1e-12)
    assert (changes[:, 3] == 0).all()


def views() -> dict[str, np.ndarray]:
    """How often each view of the categories is seen, by rows of the world; hidden is one value more."""
    found = {}
    hidden = [np.hstack([0.3 * np.eye(k), np.full((k, 1), 0.7)]) for k in VALUES]
    drawn = [np.where(np.eye(k) == 1, 0.8, 0.2 / (k - 1)) for k in VALUES]
    for name, each in ((ABLATION, hidden), (RESAMPLING, drawn)):
        table = np.ones((1, 1))
        for one in each:
            table = np.kron(table, one)
        found[name] = table
    return found


LAWS = {
    "gaussian(sigma=1)": (stats.norm, ("l2", "l1", "linf")),
    "laplace(scale=1)": (stats.laplace, ("l1", "linf")),
    "uniform(scale=2)": (stats.uniform(-2, 4), ("l1", "linf", "l2")),
}


@pytest.mark.parametrize("categories", [ABLATION, RESAMPLING])
@pytest.mark.parametrize("numbers", LAWS)
def test_a_small_mixed_world(numbers: str, categories: str) -> None:
    law, norms = LAWS[numbers]
    rng = np.random.default_rng(11)
    points = np.array(list(itertools.product(np.arange(-2.5, 2.51, 0.5 if NIGHTLY else 1.0), repeat=2)))
    cells = np.diff(law.cdf(EDGES[None, None] - points[:, :, None]), axis=-1)
    where = (cells[:, 0, :, None] * cells[:, 1, None, :]).reshape(len(points), -1)
    seen = views()[categories]
    changes = np.array([[sum(a != b for a, b in zip(x, y, strict=True)) for y in ROWS] for x in ROWS])
    moves = points[:, None] - points[None]
    sizes = {"l1": np.abs(moves).sum(-1), "l2": np.sqrt((moves**2).sum(-1)), "linf": np.abs(moves).max(-1)}
    noise, checked, closest = mixed(numbers, categories), 0, np.inf
    slow = categories == RESAMPLING and "laplace" in numbers
    for number in range((300 if NIGHTLY else 12) // (12 if slow else 1)):
        classifier = _classifier(rng, number, seen, where)
        wrong = seen @ classifier @ where.T  # by row and point, the probability of class 1
        # Centres are rows whose label is 0; for the others the classifier is turned round.
        for error in (wrong, 1 - wrong):
            places = np.argwhere((error < 0.5) & (error > 1e-12))
            places = places[rng.permutation(len(places))[: 2 if slow else 6]]
            for norm, changed in itertools.product(norms, range(4)):
                bounds = error[tuple(places.T)] * (1 + 1e-9) + 1e-15
                radii = certified_radius(noise, bounds, f"{norm}+{changed}").radius.tolist()
                for (row, point), radius in zip(places, radii, strict=True):
                    near = (changes[row][:, None] <= changed) & (sizes[norm][point][None] < radius)
                    assert (error[near] < 0.5 + 1e-12).all()
                    checked += int(near.sum())
                    lost = (changes[row][:, None] <= changed) & (error > 0.5)
                    if radius > 0 and lost.any():
                        reached = np.broadcast_to(sizes[norm][point][None], lost.shape)[lost].min()
                        closest = min(closest, reached / radius)
    assert checked > (0 if slow and not NIGHTLY else 100)
    assert 1 <= closest < (np.inf if slow else 5)  # some label is lost not far beyond its radius


def _classifier(rng: np.random.Generator, number: int, seen: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Which views and cells are class 1: few at random, or those of the largest ratios of two places."""
    if number % 2:
        return (rng.random((seen.shape[1], where.shape[1])) < rng.choice([0.02, 0.1, 0.5])).astype(float)
    a, b = rng.choice(len(seen), 2, replace=False)
    v, w = rng.choice(len(where), 2, replace=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.outer(seen[b], where[w]) / np.outer(seen[a], where[v])
    ratio = np.nan_to_num(ratio, nan=0.0, posinf=np.inf)
    return (ratio >= rng.choice(ratio.ravel())).astype(float)


@pytest.mark.parametrize(("error", "lost"), [(1e-4, 0.013), (0.01, 0.013), (0.05, 0.011)])
def test_filling_views_is_sound_and_loses_little(error: float, lost: float) -> None:
    """What is for any noise, against what is exact for Gaussian noise."""
    noise = parse(mixed("gaussian(sigma=1)", RESAMPLING))
    assert isinstance(noise, Mixed)
    exact = certified_radius(noise, error, "l2+1").radius
    (general,) = filled(noise.of_numbers(), noise.of_categories(), 1, WithChanges(Norm.L2, 1))  # type: ignore[arg-type]
    found = general.radius(noise, np.array([error]), 5, WithChanges(Norm.L2, 1))
    assert exact - lost < found < exact
    case = Case(general, noise, 5, WithChanges(Norm.L2, 1))
    grown = case.grown(np.array([error, error]), np.array([float(exact), 1e-9]))
    known = certified_probability(noise, error, "l2+1", [float(exact), 1e-9]).error
    assert (grown > known).all()
    assert (grown < known + 0.01).all()


@pytest.mark.parametrize(
    ("numbers", "norm"),
    [
        ("laplace(scale=1)", "l1"),
        ("laplace(scale=1)", "linf"),
        ("uniform(scale=1)", "l1"),
    ],
)
def test_resampling_goes_with_any_noise_whose_growth_is_known(numbers: str, norm: str) -> None:
    found = staircase(numbers, RESAMPLING, 1e-3, norm, dim=2, places=3).radius
    assert found[0] == pytest.approx(float(certified_radius(numbers, 1e-3, norm, dim=2).radius), rel=1e-12)
    assert (np.diff(found) < 0).all()
    assert len(found) == certified_radius(RESAMPLING, 1e-3, "l0").radius + 1
    two = two_sided_radius(mixed(numbers, RESAMPLING), 0.05, 0.001, f"{norm}+1").radius
    assert two > certified_radius(mixed(numbers, RESAMPLING), 0.05, f"{norm}+1").radius


def _cells(noise: str, radius: float, dim: int) -> np.ndarray:
    """Masses of cells of a grid, before the worst move of `dim` coordinates and after it: rows P and Q."""
    law = parse(noise)
    edges = np.concatenate([[-np.inf], np.linspace(-9, 9, 9001 if dim == 1 else 361), [np.inf]])

    def masses(z: np.ndarray) -> np.ndarray:
        upper = np.where(z > 0, law.coordinate_sf(np.abs(z)), 1 - law.coordinate_sf(np.abs(z)))  # type: ignore[attr-defined]
        return -np.diff(upper)

    each = masses(edges), masses(edges - radius)
    return np.array([one if dim == 1 else np.outer(one, one).ravel() for one in each])


def _filled(p: np.ndarray, q: np.ndarray, error: float) -> float:
    """The most of Q that a set with this much of P has, where ties are broken at random."""
    order = np.argsort(p / np.maximum(q, 1e-300))
    p, q = p[order], q[order]
    whole = np.searchsorted(np.cumsum(p), error)
    return float(q[:whole].sum() + q[whole] / p[whole] * (error - p[:whole].sum()))


@pytest.mark.parametrize(
    ("numbers", "norm", "error"),
    [
        ("laplace(scale=1)", "l1", 0.01),
        ("laplace(scale=1)", "linf", 0.001),
        ("exp-lp(scale=1, p=1.5)", "l1", 0.05),
        ("exp-lp(scale=1, p=3)", "linf", 0.01),
        ("pareto(scale=1, a=3)", "linf", 0.01),
    ],
)
def test_one_more_factor_is_sound_and_tight(numbers: str, norm: str, error: float) -> None:
    """The worst set of cells, each the product of one of a grid and what is seen of a category."""
    keep, values = 0.7, 3
    categories = f"resampling(keep={keep}, values={values})"
    found = certified_radius(mixed(numbers, categories), error, f"{norm}+1")
    assert found.method == "privacy-loss"
    other = (1 - keep) / (values - 1)
    before, after = np.array([other, other, keep]), np.array([keep, other, other])
    for factor, is_lost in ((1, False), (1.003, True)):
        p, q = _cells(numbers, float(found.radius) * factor, 1 if norm == "l1" else 2)
        p, q = np.outer(before, p).ravel(), np.outer(after, q).ravel()
        assert (_filled(p, q, error) > 0.5) == is_lost


def test_one_more_factor_is_what_is_exact_for_gaussian_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        divergences,
        "_losses",
        lambda numbers, norm: LossCurves(numbers.unit(), numbers.dim if norm == Norm.LINF else 1),
    )
    for categories, changed, norm in (
        (RESAMPLING, 1, Norm.L2),
        (RESAMPLING, 2, Norm.L2),
        ("resampling(keep=0.6, values=5)", 1, Norm.LINF),
    ):
        noise, threat = parse(mixed("gaussian(sigma=1.5)", categories)), WithChanges(norm, changed)
        assert isinstance(noise, Mixed)
        (factor,) = filled(noise.of_numbers(), noise.of_categories(), changed, threat)  # type: ignore[arg-type]
        errors = np.array([1e-5, 1e-3, 0.01])
        found = factor.radius(noise, errors, 5, threat)
        exact = certified_radius(noise, errors, threat).radius
        assert (found < exact).all()
        assert (found > exact * (1 - 1e-3)).all()


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
def test_level_sets_know_the_divergence(norm: str) -> None:
    """Exponential noise with k = 2 is Gaussian noise, of which the divergence is known."""
    radial = parse("exp-l2(scale=1.5, j=0, k=2, dim=4)")
    deviation = 1.5 / np.sqrt(2)
    s, against = np.geomspace(1e-3, 1e5, 300), parse_threat(norm)
    for radius in (0.1, 1.0, 2.0):
        mu = radius * (2 if norm == "linf" else 1) / deviation
        exact = ndtr(mu / 2 - np.log(s) / mu) - s * ndtr(-mu / 2 - np.log(s) / mu)
        found = divergences._of_level_sets(radial, against, radius)(s)
        assert (found >= exact).all()
        assert (found <= exact + 4e-3).all()


def test_noise_that_is_laplace_noise_by_another_name_has_its_steps() -> None:
    """In one dimension, where its level sets tell a radius, but not how errors grow."""
    one = [
        staircase(numbers, RESAMPLING, 1e-3, "l1", dim=1, places=3).radius
        for numbers in ("exp-l2(scale=1, j=0, k=1)", "laplace(scale=1)")
    ]
    assert len(one[0]) == len(one[1]) > 2
    np.testing.assert_allclose(one[0], one[1], atol=0.02)
    assert (one[0] > 0).all()


@pytest.mark.parametrize(
    ("numbers", "norm"), [("uniform(scale=1)", "l1"), ("uniform(scale=2)", "linf"), ("ball(scale=1)", "l2")]
)
def test_resampling_with_uniform_noise_is_tight(numbers: str, norm: str) -> None:
    """The overlap at the radius, as the noise by itself has it, leaves ½ to the worst set, and no less."""
    for error in (1e-3, 0.01, 0.05):
        found = certified_radius(mixed(numbers, RESAMPLING), error, f"{norm}+1")
        assert found.tight
        added = certified_probability(numbers, 1e-12, norm, float(found.radius), dim=2).error
        before, after = np.array([0.1, 0.1, 0.8]), np.array([0.8, 0.1, 0.1])  # the one with three values
        overlap = 1 - float(added)
        p = np.concatenate([overlap * before, (1 - overlap) * before, 0 * after])
        q = np.concatenate([overlap * after, 0 * before, (1 - overlap) * after])
        assert 0.5 - 1e-9 < _filled(p, q, error) < 0.5 + 1e-11


def test_resampling_with_gaussian_noise_is_tight() -> None:
    """The set of the largest ratios has the error before a change, and more than ½ just beyond the radius."""
    keep, error = 0.8, 0.001
    noise = mixed("gaussian(sigma=1)", f"resampling(keep={keep}, values=2)")
    log, p, q = (
        np.log(keep / (1 - keep)) * np.array([1, -1]),
        np.array([1 - keep, keep]),
        np.array([keep, 1 - keep]),
    )
    shift = float(certified_radius(noise, error, "l2+1").radius)
    for factor, is_lost in ((1 - 1e-9, False), (1 + 1e-9, True)):
        mu = shift * factor
        low, high, cut = -50.0, 50.0, 0.0
        for _ in range(200):
            cut = (low + high) / 2
            low, high = (cut, high) if (p * ndtr((log - cut) / mu - mu / 2)).sum() > error else (low, cut)
        assert ((q * ndtr((log - cut) / mu + mu / 2)).sum() > 0.5) == is_lost
    assert shift < -ndtri(error)
    assert parse(noise).in_dim(5) == parse(noise)
