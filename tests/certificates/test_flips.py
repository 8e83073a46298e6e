"""Bits that flip with two rates: all copies by enumeration, small worlds, the checker, and their law."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

import wulff
from wulff import certified_radius
from wulff.certificates.features.categories import changed
from wulff.certificates.features.flips import flipped
from wulff.errors import InputError
from wulff.noises import Flips, parse

RATES = [(0.01, 0.6), (0.2, 0.2), (0.3, 0.05), (0.001, 0.9)]


def enumerated(added: float, removed: float, x: tuple[int, ...], error: float) -> Fraction:
    """G by filling with all copies of x, whose bits all change."""
    p, q = Fraction(added), Fraction(removed)
    one = {0: p, 1: 1 - q}
    points = []
    for copy in itertools.product((0, 1), repeat=len(x)):
        before = after = Fraction(1)
        for bit, old in zip(copy, x, strict=True):
            before *= one[old] if bit else 1 - one[old]
            after *= one[1 - old] if bit else 1 - one[1 - old]
        points.append((after / before, before))
    grown, left = Fraction(0), Fraction(error)
    for ratio, mass in sorted(points, reverse=True):
        part = min(mass, left)
        grown, left = grown + part * ratio, left - part
    return grown


@pytest.mark.parametrize(("added", "removed"), RATES)
def test_growth_is_that_of_all_copies(added: float, removed: float) -> None:
    for zeros, ones in itertools.product(range(4), range(4)):
        for error in (1e-12, 1e-4, 0.01, 0.1, 0.4):
            exact = enumerated(added, removed, (0,) * zeros + (1,) * ones, error)
            found = float(flipped(added, removed, zeros, ones).grown(np.array([error]))[0])
            assert exact <= found <= float(exact) + 1e-12


def test_two_equal_rates_are_resampling_of_bits() -> None:
    errors = np.geomspace(1e-9, 0.4, 30)
    noise = Flips(added=0.2, removed=0.2)
    np.testing.assert_allclose(
        flipped(0.2, 0.2, 2, 1).grown(errors), changed(0.8, [2, 2, 2]).grown(errors), rtol=1e-9, atol=1e-12
    )
    same = certified_radius("resampling(keep=0.8, values=2)", errors, "l0", dim=9).radius
    assert certified_radius(noise, errors, "l0", dim=9).radius.tolist() == same.tolist()


@pytest.mark.parametrize(("added", "removed"), RATES)
def test_a_small_world(added: float, removed: float) -> None:
    """All inputs of five bits, random classifiers: the exact probabilities never contradict a certificate."""
    rng = np.random.default_rng(3)
    inputs = np.array(list(itertools.product((0, 1), repeat=5)))
    one = np.where(inputs == 1, 1 - removed, added)[:, None]
    chance = np.where(inputs[None] == 1, one, 1 - one).prod(axis=2)
    distance = (inputs[:, None] != inputs[None]).sum(axis=2)
    noise, checked = Flips(added=added, removed=removed), 0
    for _ in range(80):
        centre, target = rng.choice(len(inputs), 2, replace=False)
        ratio = chance[target] / chance[centre]
        ones = ratio >= rng.choice(ratio) if rng.random() < 0.6 else rng.random(len(inputs)) < 0.05
        p = chance @ ones
        error = np.minimum(p, 1 - p)
        certain = (error < 0.5) & (error > 0)
        radius = certified_radius(noise, np.maximum(error * (1 + 1e-12), 1e-300), "l0", dim=5).radius
        close = certain[:, None] & (distance <= radius[:, None])
        assert ((p > 0.5)[:, None] == (p > 0.5)[None])[close].all()
        checked += int((close & (distance > 0)).sum())
    assert checked > 0


@pytest.mark.parametrize(("added", "removed"), RATES)
def test_no_larger_radius_is_true_and_the_checker_proves_it(added: float, removed: float) -> None:
    verify = pytest.importorskip("wulff.verify")
    noise = Flips(added=added, removed=removed)
    for error in (1e-6, 0.001, 0.05):
        found = certified_radius(noise, error, "l0", dim=8)
        radius = int(found.radius)
        assert found.tight
        kinds = [(a, radius + 1 - a) for a in range(radius + 2)]
        if radius < 4:
            assert max(enumerated(added, removed, (0,) * a + (1,) * b, error) for a, b in kinds) >= 0.5
        law = verify.read_law(str(noise), 8)
        assert verify.radius(law, "l0", "likelihood-ratios", error, float(radius)) == "proven"
        if radius < 8:
            assert verify.radius(law, "l0", "likelihood-ratios", error, radius + 1.0) == "FALSE"


def test_bits_have_their_rates() -> None:
    x, noise = torch.tensor([[0.0, 1.0, 0.0]]), parse("flips(added=0.1, removed=0.7)")
    assert isinstance(noise, Flips)
    copies = noise.replace(x, 20_000, torch.Generator().manual_seed(0)).long()
    codes = (copies * torch.tensor([4, 2, 1])).sum(dim=1).bincount(minlength=8).numpy()
    first, second = np.array([0.9, 0.1]), np.array([0.7, 0.3])
    expected = 20_000 * np.multiply.outer(np.outer(first, second), first).ravel()
    assert stats.chisquare(codes, expected).pvalue > 1e-6
    assert parse(str(noise)) == noise


def test_runs_and_refusals() -> None:
    x = torch.zeros(2, 40)
    x[0, :20] = 1
    run = wulff.certify(
        lambda rows: (rows.sum(dim=1) > 6).long(), x, [1, 0], noise="flips(added=0.02, removed=0.3)",
        norms=["l0"], num_classes=2, n=1_000, progress=False,
    )  # fmt: skip
    assert run.radii("l0").max() >= 1
    assert "each 0 becomes 1 with probability 0.02, each 1 becomes 0 with 0.3" in run.statement
    with pytest.raises(InputError, match=r"input 0 has 1\.5 as feature 0, which is neither 0 nor 1"):
        wulff.Smoothed(lambda rows: rows.sum(dim=1).long(), "flips(added=0.1, removed=0.1)", 2).certify(
            x + 0.5, "l0"
        )
    for text, message in (
        ("flips(added=0.5, removed=0.5)", r"added \+ removed must be below 1"),
        ("flips(added=0, removed=0.5)", r"added must lie in \(0, 1\)"),
        ("flips(added=0.1)", "flips also needs removed"),
    ):
        with pytest.raises(InputError, match=message):
            parse(text)
