"""Resampled categories against l0: reference numbers, enumeration, and all inputs of a small world."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from wulff import certified_radius
from wulff.certificates import certified_probability, two_sided_radius
from wulff.certificates.features.categories import changed, changes
from wulff.noises import Resampling


# Filled by hand, and by enumeration of all ΠK_i points below.
@pytest.mark.parametrize(
    ("values", "keep", "error", "grown"),
    [
        (2, 0.8, 0.01, ["0.040000000000", "0.160000000000", "0.520000000000"]),
        (10, 0.8, 0.01, ["0.360000000000", "0.926049382716"]),
        (256, 0.3, 0.001, ["0.109285714286", "0.198462184874", "0.322819647388"]),
    ],
)
def test_reference_numbers(values: int, keep: float, error: float, grown: list[str]) -> None:
    for count, printed in enumerate(grown, start=1):
        found = float(changed(keep, [values] * count).grown(np.array([error]))[0])
        assert f"{found:.12f}" == printed
    radius = certified_radius(Resampling(keep=keep, values=values), error, "l0", dim=20)
    assert radius.tight
    if float(grown[-1]) > 0.5:
        assert radius.radius == len(grown) - 1


def enumerated(keep: Fraction, values: list[int], error: Fraction) -> Fraction:
    """G by filling with all points: features change from 0 to 1."""
    atoms = []
    for point in itertools.product(*map(range, values)):
        p = q = Fraction(1)
        for place, number in zip(point, values, strict=True):
            other = (1 - keep) / (number - 1)
            p *= keep if place == 0 else other
            q *= keep if place == 1 else other
        atoms.append((q / p, p, q))
    grown = Fraction(0)
    for ratio, p, _ in sorted(atoms, reverse=True):
        part = min(p, error)
        grown, error = grown + part * ratio, error - part
    return grown


@pytest.mark.parametrize("values", [[2], [3, 3], [5, 3, 2], [4, 4, 4], [2, 2, 2, 2, 2], [7, 5]])
@pytest.mark.parametrize("keep", [0.55, 0.8, 0.99])
def test_growth_is_that_of_all_points(values: list[int], keep: float) -> None:
    for error in (1e-12, 1e-4, 0.01, 0.1, 0.3, 0.49):
        exact = enumerated(Fraction(keep), values, Fraction(error))
        found = float(changed(keep, values).grown(np.array([error]))[0])
        assert found >= exact
        assert found <= float(exact) + 1e-12


def test_features_with_more_values_are_worse_for_every_error() -> None:
    """So that the worst c features are those with the most values, whatever the error."""
    errors = np.geomspace(1e-9, 0.5, 60)
    for keep in (0.51, 0.7, 0.95):
        for small, large in itertools.combinations((2, 3, 4, 9, 100), 2):
            more, fewer = changed(keep, [large]).grown(errors), changed(keep, [small]).grown(errors)
            assert (more >= fewer - 1e-12).all()
            mixed = changed(keep, [9, small]).grown(errors)
            assert (changed(keep, [9, large]).grown(errors) >= mixed - 1e-12).all()


@pytest.mark.parametrize("values", [(2, 9, 3), (5, 2, 2, 7), (9, 2, 7, 3, 5)])
def test_no_choice_of_features_is_worse_than_what_is_counted(values: tuple[int, ...]) -> None:
    errors = np.geomspace(1e-9, 0.5, 30)
    for keep in (0.51, 0.8, 0.99):
        noise = Resampling(keep=keep, values=values)
        for count in range(1, len(values) + 1):
            counted = changes(noise, count).grown(errors)
            for chosen in itertools.combinations(values, count):
                assert (changed(keep, chosen).grown(errors) <= counted + 1e-12).all()


@pytest.mark.parametrize("values", [(2, 2, 2, 2), (3, 2, 3), (4, 3, 2, 5)])
def test_a_small_world(values: tuple[int, ...]) -> None:
    """All inputs, random classifiers: the exact probabilities never contradict a certificate."""
    rng, keep = np.random.default_rng(len(values)), 0.8
    inputs = np.array(list(itertools.product(*map(range, values))))
    same = inputs[:, None] == inputs[None]
    chance = np.where(same, keep, (1 - keep) / (np.array(values) - 1)).prod(axis=2)
    distance = (~same).sum(axis=2)
    noise, checked = Resampling(keep=keep, values=values), 0
    for _ in range(60):
        centre = inputs[rng.integers(len(inputs))]
        ones = rng.random(len(inputs)) < 0.5 + 0.45 * np.sign((inputs == centre).mean(axis=1) - 0.5)
        p = chance @ ones
        error = np.minimum(p, 1 - p)
        certain = (error < 0.5) & (error > 0)
        radius = certified_radius(noise, np.maximum(error * (1 + 1e-12), 1e-300), "l0").radius
        close = certain[:, None] & (distance <= radius[:, None])
        assert ((p > 0.5)[:, None] == (p > 0.5)[None])[close].all()
        checked += int((close & (distance > 0)).sum())
    assert checked > 0


def test_no_larger_radius_is_true() -> None:
    """The classifier that errs on the points of the largest ratios is lost after one more change."""
    keep, values = 0.8, [3, 3, 3]
    for error in (0.001, 0.01, 0.03):
        radius = int(certified_radius(Resampling(keep=keep, values=3), error, "l0", dim=3).radius)
        assert enumerated(Fraction(keep), values[:radius], Fraction(error)) < Fraction(1, 2)
        if radius < 3:
            assert enumerated(Fraction(keep), values[: radius + 1], Fraction(error)) >= Fraction(1, 2)


def test_many_different_numbers_of_values_are_raised() -> None:
    noise = Resampling(keep=0.9, values=(9, 8, 7, 6, 5, 4, 3, 2))
    found = certified_radius(noise, 1e-6, "l0")
    assert (str(found.method), bool(found.tight)) == ("raised-values", False)
    most = certified_radius(Resampling(keep=0.9, values=9), 1e-6, "l0", dim=8).radius
    assert most <= found.radius <= certified_radius(Resampling(keep=0.9, values=2), 1e-6, "l0", dim=8).radius


def test_two_sided_and_growth() -> None:
    noise = Resampling(keep=0.8, values=2)
    grown = certified_probability(noise, 0.01, "l0", 2, dim=5)
    assert float(grown.error) == pytest.approx(0.16, abs=1e-12)
    both = two_sided_radius(noise, 0.02, 0.02, "l0", dim=5)
    one = certified_radius(noise, 0.02, "l0", dim=5)
    assert both.radius == int(both.radius)
    assert both.radius == one.radius
    uneven = two_sided_radius(noise, 0.3, 0.001, "l0", dim=5)
    assert uneven.radius == int(uneven.radius) >= 1


@pytest.mark.parametrize("values", ["2", "256", "[5, 4, 3, 3, 3, 3, 3]", "[9, 8, 7, 6, 5, 4, 3]"])
@pytest.mark.parametrize("error", [1e-6, 0.001, 0.1])
def test_the_checker_proves_it(values: str, error: float) -> None:
    verify = pytest.importorskip("wulff.verify")
    radii = certified_radius(f"resampling(keep=0.8, values={values})", error, "l0", dim=7)
    law = verify.read_law(str(radii.noise), 7, radii.noise.scale)
    assert verify.radius(law, "l0", str(radii.method), error, float(radii.radius)) == "proven"
    if radii.tight and radii.radius < 7:
        assert verify.radius(law, "l0", str(radii.method), error, float(radii.radius) + 1) == "FALSE"
