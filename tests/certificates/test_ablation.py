"""Ablation against l0: reference numbers, and all classifiers of a small world."""

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest

from wulff import certified_radius
from wulff.certificates import certified_probability, radius_in_any_dimension, top_k_radius, two_sided_radius
from wulff.certificates.features.ablation import seen
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Ablation


# Levine & Feizi's sizes; exact binomials by Python integers.
@pytest.mark.parametrize(
    ("keep", "dim", "error", "radius"),
    [(45, 784, 0.001, 11), (45, 784, 0.1, 8), (75, 1024, 0.001, 9), (2000, 50176, 0.001, 16)],
)
def test_reference_numbers(keep: int, dim: int, error: float, radius: int) -> None:
    found = certified_radius(f"ablation(keep={keep})", error, "l0", dim=dim)
    assert (float(found.radius), str(found.method), bool(found.tight)) == (radius, "closed-form", True)
    images = certified_radius(f"ablation(keep={keep}, channels=3)", error, "l0", dim=3 * dim)
    assert images.radius == radius


def test_reference_probabilities() -> None:
    noise = Ablation(keep=45)
    assert f"{float(seen(noise, 11, 784)):.15f}" == "0.480315635948594"
    assert f"{float(seen(noise, 12, 784)):.15f}" == "0.510568930104238"


@pytest.mark.parametrize("dim", [1, 2, 7, 30])
@pytest.mark.parametrize(
    "how", ["keep=1", "keep=3", "keep_probability=0.1", "keep_probability=0.001", "keep_probability=0.5"]
)
def test_the_radius_is_the_largest_by_exact_fractions(how: str, dim: int) -> None:
    """Also at errors that are exactly, or nearly, ½ - Δ, where the inequality is strict."""
    name, value = how.split("=")
    if name == "keep" and int(value) > dim:
        pytest.skip("there are fewer coordinates")
    noise = Ablation(**{name: int(value) if name == "keep" else float(value)})  # type: ignore[arg-type]
    edges = [float(Fraction(1, 2) - seen(noise, c, dim)) for c in range(1, dim + 1)]
    edges = [edge for edge in edges if 0 < edge < 0.5]
    errors = np.unique(
        [1e-300, 1e-6, 0.01, 0.3, 0.4999, *edges, *np.nextafter(edges, 0), *np.nextafter(edges, 1)]
    )
    radii = certified_radius(noise, errors, "l0", dim=dim).radius
    for error, radius in zip(errors.tolist(), radii.tolist(), strict=True):
        holds = [c for c in range(dim + 1) if Fraction(error) + seen(noise, c, dim) < Fraction(1, 2)]
        exact = holds[-1]
        assert radius in (exact, exact - 1)
        assert radius == exact or Fraction(1, 2) - seen(noise, exact, dim) - Fraction(error) < Fraction(
            1, 10**15
        )


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_a_small_world(keep: int) -> None:
    """All inputs of five bits, random functions of what is seen: no certificate is broken by any input."""
    rng, dim = np.random.default_rng(keep), 5
    kept = list(itertools.combinations(range(dim), keep))
    inputs = np.array(list(itertools.product((0, 1), repeat=dim)))
    tight = 0
    for bias in (0.05, 0.2, 0.35) * 40:
        answers: dict[tuple[object, ...], int] = {}

        def answer(x: np.ndarray, places: tuple[int, ...], bias: float = bias, table: dict = answers) -> int:
            return table.setdefault((places, *x[list(places)].tolist()), int(rng.random() < bias))

        ones = np.array([sum(answer(x, places) for places in kept) for x in inputs])
        error = np.minimum(ones, len(kept) - ones) / len(kept)
        certain = (error < 0.5) & (error > 0)
        radius = np.zeros(len(inputs))
        radius[certain] = certified_radius(Ablation(keep=keep), error[certain], "l0", dim=dim).radius
        label = ones > len(kept) / 2
        distance = (inputs[:, None] != inputs[None]).sum(axis=2)
        close = certain[:, None] & (distance <= radius[:, None])
        kept_label = (label[:, None] == label[None]) & (2 * ones != len(kept))[None]
        assert kept_label[close].all()
        one_more = certain[:, None] & (distance <= radius[:, None] + 1)
        tight += int((~kept_label[one_more]).sum())
    assert tight > 0


@pytest.mark.parametrize(("dim", "keep", "misses"), [(6, 2, 1), (6, 2, 0), (8, 3, 5), (9, 1, 1)])
def test_no_larger_radius_is_true(dim: int, keep: int, misses: int) -> None:
    """The classifier that errs where it sees a change, and on some other views, loses at radius + 1."""
    views = list(itertools.combinations(range(dim), keep))
    error = misses / len(views)
    radius = int(certified_radius(Ablation(keep=keep), max(error, 1e-300), "l0", dim=dim).radius)
    changed = set(range(radius + 1))
    unseen = [view for view in views if not changed & set(view)]
    wrong_at_x = unseen[:misses]
    assert len(wrong_at_x) == misses
    wrong = sum(bool(changed & set(view)) or view in wrong_at_x for view in views)
    assert wrong * 2 >= len(views) > 2 * misses
    assert len(unseen) == comb(dim - radius - 1, keep)


def test_the_default_bound_of_others_would_be_unsound_here() -> None:
    """Keep 1 of 20 words, right iff it is one of 16: p - pΔ certifies 7 changes, where .45 is left."""
    radius = certified_radius("ablation(keep=1)", 4 / 20, "l0", dim=20).radius
    assert radius == 5
    assert 0.8 - 0.8 * 7 / 20 > 0.5 > 9 / 20  # their bound, and what is left when 7 of the 16 are changed


def test_two_sided_and_top_k_and_growth() -> None:
    noise = "ablation(keep=10)"
    both = two_sided_radius(noise, 0.6, 0.1, "l0", dim=100)
    delta = [float(seen(Ablation(keep=10), c, 100)) for c in range(6)]
    assert both.radius == max(c for c in range(6) if 2 * delta[c] < 0.4 - 0.1)
    grown = certified_probability(noise, 0.01, "l0", 3, dim=100)
    assert float(grown.error) == pytest.approx(0.01 + delta[3], rel=1e-9)
    assert grown.error >= 0.01 + delta[3]
    top = top_k_radius(noise, [0.5], [[0.3, 0.1]], "l0", dim=100)
    assert top.radius == int(top.radius[0])
    assert top.radius >= two_sided_radius(noise, 0.5, 0.3, "l0", dim=100).radius


def test_other_norms_are_not_covered() -> None:
    for norm in ("l1", "l2", "linf", "l0-box", "l2-scaled"):
        with pytest.raises(NotCoveredError, match="ablation"):
            certified_radius("ablation(keep=3)", 0.1, norm, dim=9)
    with pytest.raises(NotCoveredError, match="against l0"):
        certified_radius("gaussian(sigma=1)", 0.1, "l0", dim=9)
    with pytest.raises(InputError, match="depends on the dimension"):
        radius_in_any_dimension("ablation(keep=1)", 0.1, "l0")


@pytest.mark.parametrize("how", ["keep=45", "keep_probability=0.05", "keep=45, channels=1"])
@pytest.mark.parametrize("error", [1e-6, 0.001, 0.1, 0.3])
def test_the_checker_proves_it(how: str, error: float) -> None:
    verify = pytest.importorskip("wulff.verify")
    radii = certified_radius(f"ablation({how})", error, "l0", dim=784)
    law = verify.read_law(str(radii.noise), 784, radii.noise.scale)
    assert verify.radius(law, "l0", "closed-form", error, float(radii.radius)) == "proven"
    assert verify.radius(law, "l0", "closed-form", error, float(radii.radius) + 1) == "FALSE"
