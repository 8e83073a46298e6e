"""Classifiers whose smoothed version is known in closed form: certified radii against the true ones."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import wulff
from tests.nightly import NIGHTLY
from wulff.smoothing.classifier import SMALLEST_BATCH

DIM = 12
WEIGHTS = torch.linspace(-1, 1, DIM)


def linear(batch: Tensor) -> Tensor:
    """Class 1 where ⟨w, x⟩ > ½: its smoothed version under Gaussian noise is the same half-space."""
    score = (batch.flatten(1) * WEIGHTS).sum(dim=1)
    return (score > 0.5).long()


def half_space(batch: Tensor) -> Tensor:
    """Class 1 where the first coordinate is above ½: the worst case against l1."""
    return (batch.flatten(1)[:, 0] > 0.5).long()


def images(count: int) -> Tensor:
    return torch.rand(count, 3, 4, generator=torch.Generator().manual_seed(0))


def true_radius(classifier: str, x: Tensor) -> np.ndarray:
    flat = x.flatten(1).double()
    if classifier == "linear":
        margin = (flat * WEIGHTS).sum(dim=1) - 0.5
        return (margin.abs() / WEIGHTS.double().norm()).numpy()
    return (flat[:, 0] - 0.5).abs().numpy()


CASES = [
    ("linear", linear, "gaussian(sigma=0.5)", "l2"),
    ("half-space", half_space, "uniform(sigma=0.5)", "l1"),
    ("half-space", half_space, "laplace(sigma=0.5)", "l1"),
]


@pytest.mark.parametrize(("name", "classifier", "noise", "norm"), CASES)
def test_certified_radius_is_below_the_true_one_and_close(name, classifier, noise, norm) -> None:
    x = images(40 if NIGHTLY else 20)
    proof = wulff.Smoothed(classifier, noise, 2).certify(x, norm=norm, n0=10_000, n=50_000, alpha=1e-9)
    truth = true_radius(name, x)
    # Up to 40 certificates that each fail with probability 1e-9: a false alarm in 25 million runs.
    assert (proof.radius <= truth).all()
    assert (proof.radius >= truth - 0.05).all()
    expected = classifier(x).numpy()
    assert set(np.unique(proof.label[truth > 0.05] - expected[truth > 0.05])) == {0}


@pytest.mark.parametrize(("name", "classifier", "noise", "norm"), CASES)
def test_votes_do_not_depend_on_batch_size_order_or_company(name, classifier, noise, norm) -> None:
    x = images(7)
    reference = wulff.Smoothed(classifier, noise, 2, batch=256).certify(x, norm=norm, n=500)
    for batch in (1, 7, SMALLEST_BATCH, 64, 100, 1000, 10_000):
        proof = wulff.Smoothed(classifier, noise, 2, batch=batch).certify(x, norm=norm, n=500)
        np.testing.assert_array_equal(proof.counts.votes, reference.counts.votes)
        np.testing.assert_array_equal(proof.selection.votes, reference.selection.votes)
        np.testing.assert_array_equal(proof.radius, reference.radius)
    smoothed = wulff.Smoothed(classifier, noise, 2, batch=50)
    backwards = smoothed.certify(x.flip(0), norm=norm, n=500, index=range(6, -1, -1))
    np.testing.assert_array_equal(backwards.counts.votes[::-1], reference.counts.votes)
    alone = smoothed.certify(x[3:4], norm=norm, n=500, index=[3])
    np.testing.assert_array_equal(alone.counts.votes[0], reference.counts.votes[3])


@pytest.mark.parametrize(("noise", "margin"), [("uniform(scale=1)", 0.35), ("laplace(scale=1)", 0.5)])
def test_coverage_over_thousands_of_certifications(noise: str, margin: float) -> None:
    """At alpha = .05, at most 5 % of certificates may exceed the true radius, which is the margin."""
    runs, alpha = 10_000 if NIGHTLY else 3_000, 0.05
    x = torch.full((runs, 1, 1), 0.5 + margin)
    proof = wulff.Smoothed(half_space, noise, 2).certify(x, norm="l1", n0=10, n=200, alpha=alpha)
    true = float(x[0, 0, 0]) - 0.5
    too_large = int(((proof.radius > true) & (proof.label == 1)).sum())
    # Fewer than one false alarm in a million at a failure rate of exactly alpha.
    assert too_large <= stats.binom.isf(1e-6, runs, alpha)
    assert too_large >= 1  # the test can fail: the bound is not far from exact
    assert math.isclose(np.median(proof.radius[proof.label == 1]), true, abs_tol=0.2)
