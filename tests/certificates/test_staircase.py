"""Numbers and categories that change at once: reference numbers, and exact probabilities of a small world."""

import itertools

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from wulff import certified_radius
from wulff.certificates import Staircase, staircase
from wulff.errors import InputError, NotCoveredError

GAUSSIAN = "gaussian(sigma=1)"


# The closed forms of ablation at 30 digits, and the duality of resampling solved at 30 digits, by mpmath.
@pytest.mark.parametrize(
    ("categories", "error", "radii"),
    [
        (
            "ablation(keep_probability=0.1)",
            0.01,
            {0: 2.326347874040841, 1: 2.146837652429119, 2: 1.947842362846936, 3: 1.721094099931528},
        ),
        (
            "ablation(keep_probability=0.2)",
            0.001,
            {0: 3.090232306167814, 1: 2.704702075774772, 2: 2.178745086349911, 3: 0.8982070264968612},
        ),
        ("resampling(keep=0.6, values=5)", 0.01, {1: 1.890335949617304}),
        ("resampling(keep=0.6, values=5)", 0.001, {2: 2.431013881241523}),
        ("resampling(keep=0.8, values=2)", 0.001, {1: 2.803454904240655}),
    ],
)
def test_reference_numbers(categories: str, error: float, radii: dict[int, float]) -> None:
    found = staircase(GAUSSIAN, categories, error, dim=3, places=30)
    for changed, radius in radii.items():
        assert radius - 5e-12 < found.radius[changed] < radius


def test_uniform_reference_numbers() -> None:
    found = staircase("uniform(scale=1)", "ablation(keep_probability=0.2)", 0.01, "l1", dim=3, places=30)
    np.testing.assert_allclose(found.radius, [0.98, 0.725, 0.40625, 0.0078125], rtol=1e-12)
    assert (found.radius <= [0.98, 0.725, 0.40625, 0.0078125]).all()


@pytest.mark.parametrize("norm", ["l1", "l2", "linf", "lp(3)"])
@pytest.mark.parametrize("noise", ["gaussian(sigma=0.5)", "laplace(sigma=1)", "uniform(sigma=1)"])
def test_without_a_changed_category_it_is_the_plain_radius(noise: str, norm: str) -> None:
    found = staircase(noise, "ablation(keep=2)", 0.01, norm, dim=4, places=9)
    assert found.radius[0] == pytest.approx(
        float(certified_radius(noise, 0.01, norm, dim=4).radius), rel=1e-3
    )
    assert (np.diff(found.radius) < 0).all()
    counted = certified_radius("ablation(keep=2)", 0.01, "l0", dim=9).radius
    assert len(found) == counted + 1


def test_scales_and_sizes_go_through() -> None:
    plain = staircase(GAUSSIAN, "resampling(keep=0.8, values=3)", 0.001, dim=2, places=9)
    wide = staircase(
        "gaussian(sigma=1, scales=[3, 7])", "resampling(keep=0.8, values=3)", 0.001, "l2-scaled", places=9
    )
    np.testing.assert_allclose(wide.radius, plain.radius, rtol=1e-12)
    narrow = staircase(
        "gaussian(sigma=1, scales=[3, 7])", "resampling(keep=0.8, values=3)", 0.001, "l2", places=9
    )
    np.testing.assert_allclose(narrow.radius, 3 * plain.radius, rtol=1e-12)
    assert len(plain) == certified_radius("resampling(keep=0.8, values=3)", 0.001, "l0", dim=9).radius + 1


@pytest.mark.parametrize(
    "categories", ["ablation(keep_probability=0.3)", "ablation(keep=1)", "resampling(keep=0.8, values=2)"]
)
def test_a_small_world(categories: str) -> None:
    """Three bits and a number: each view has a threshold of its own, and its probability is exact."""
    rng, places = np.random.default_rng(7), 3
    inputs = list(itertools.product((0, 1), repeat=places))
    share = _views(categories, inputs)
    views = sorted({view for views in share.values() for view in views}, key=str)
    checked, broken_beyond = 0, 0
    for _ in range(40):
        centre, bias = inputs[rng.integers(8)], rng.uniform(0.5, 3)
        cut = {view: -bias + rng.normal() + 4 * (rng.random() < 0.15) for view in views}

        def correct(x: tuple[int, ...], number: float, cut: dict = cut) -> float:
            return sum(p * float(ndtr(number - cut[view])) for view, p in share[x].items())

        error = 1 - correct(centre, 0.0)
        if not 1e-9 < error < 0.5:
            continue
        steps = staircase(GAUSSIAN, categories, error * (1 + 1e-12), dim=1, places=places).radius
        for other in inputs:
            changes = sum(a != b for a, b in zip(centre, other, strict=True))
            if changes < len(steps):
                assert correct(other, -steps[changes] * (1 - 1e-12)) > 0.5 - 1e-12
                checked += 1
                broken_beyond += correct(other, -steps[changes] * 1.5 - 0.5) < 0.5
    assert checked > 50
    assert broken_beyond > 0


def _views(
    categories: str, inputs: list[tuple[int, ...]]
) -> dict[tuple[int, ...], dict[tuple[object, ...], float]]:
    """What is seen of each input, and how often; None is hidden."""
    found: dict[tuple[int, ...], dict[tuple[object, ...], float]] = {}
    for x in inputs:
        each: dict[tuple[object, ...], float] = {}
        for kept in itertools.product((True, False), repeat=len(x)):
            if categories.startswith("resampling"):
                view = tuple(value if keep else 1 - value for value, keep in zip(x, kept, strict=True))
                p = float(np.prod([0.8 if keep else 0.2 for keep in kept]))
            else:
                view = tuple(value if keep else None for value, keep in zip(x, kept, strict=True))
                p = float(np.prod([0.3 if keep else 0.7 for keep in kept]))
                if "keep=1" in categories:
                    p = 1 / 3 if sum(kept) == 1 else 0.0
            each[view] = each.get(view, 0.0) + p
        found[x] = each
    return found


def test_ablation_is_tight() -> None:
    """A classifier that errs on seen changes, and else beyond a threshold, is lost just beyond the radius."""
    beta, error = 0.2, 0.001
    radii = staircase(GAUSSIAN, f"ablation(keep_probability={beta})", error, dim=1, places=9).radius
    for changed, radius in enumerate(radii.tolist()):
        unseen = (1 - beta) ** changed
        cut = -ndtri(error / unseen)  # errs where no change is seen and the number is above it

        def wrong(shift: float, unseen: float = unseen, cut: float = cut) -> float:
            return 1 - unseen + unseen * float(ndtr(shift - cut))

        assert wrong(radius) < 0.5 < wrong(radius * (1 + 1e-9) + 1e-9)


def test_it_prints_and_is_a_table() -> None:
    found = staircase(GAUSSIAN, "ablation(keep_probability=0.1)", 0.01, dim=3, places=30)
    assert isinstance(found, Staircase)
    assert "by changed categories: 0: 2.326347, 1: 2.146837" in repr(found)
    pandas = pytest.importorskip("pandas")
    assert isinstance(found.to_pandas(), pandas.DataFrame)
    nothing = staircase(GAUSSIAN, "ablation(keep_probability=0.1)", 0.6, dim=3, places=30)
    assert len(nothing) == 0
    assert "nothing is certified" in repr(nothing)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="categories must be an ablation or a resampling"):
        staircase(GAUSSIAN, "laplace(sigma=1)", 0.1, dim=2, places=2)
    with pytest.raises(InputError, match="give places="):
        staircase(GAUSSIAN, "ablation(keep=1)", 0.1, dim=2)
    with pytest.raises(InputError, match=r"error must lie in \(0, 1\]"):
        staircase(GAUSSIAN, "ablation(keep=1)", 0.0, dim=2, places=2)
    with pytest.raises(NotCoveredError, match="not measured in l0"):
        staircase(GAUSSIAN, "ablation(keep=1)", 0.1, "l0", dim=2, places=2)
