"""Stopping early: fewer samples, valid certificates, and the same votes whatever the batch."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import wulff
from tests.nightly import NIGHTLY
from wulff.errors import InputError
from wulff.smoothing.stopping import chance_of_at_most, most_misses
from wulff.stats import Anytime, anytime_error_bound

NOISE = "uniform(scale=1)"


def half_space(batch: Tensor) -> Tensor:
    """Class 1 where the first coordinate is above ½: the l1 radius under uniform noise is the distance."""
    return (batch.flatten(1)[:, 0] > 0.5).long()


X = torch.linspace(0.5, 1, 21)[1:].view(20, 1, 1)
TRUTH = (X.flatten() - 0.5).numpy()


@pytest.mark.parametrize("stop", [Anytime(radii=[0.1, 0.3]), Anytime(relative=0.3)], ids=str)
def test_fewer_samples_and_never_too_large(stop: Anytime) -> None:
    smoothed = wulff.Smoothed(half_space, NOISE, 2)
    proof = smoothed.certify(X, norm="l1", n0=1000, n=20_000, alpha=1e-6, stop=stop)
    assert (proof.radius <= TRUTH).all()  # 20 certificates that fail with probability 1e-6 each
    assert np.mean(proof.counts.n) < 15_000
    assert (np.asarray(proof.counts.n) <= 20_000).all()
    assert "whenever sampling stops" in proof.statement
    for radius in stop.radii:
        clear = np.abs(TRUTH - radius) > 0.08
        assert ((proof.radius >= radius) == (radius <= TRUTH))[clear].all()
    if stop.relative is not None:
        assert (proof.radius >= 0.5 * TRUTH)[TRUTH > 0.2].all()


@pytest.mark.parametrize("batch", [1, 64, 100, 5000])
def test_votes_do_not_depend_on_batch_or_company(batch: int) -> None:
    arguments = {"norm": "l1", "n": 3000, "stop": Anytime(radii=[0.2])}
    reference = wulff.Smoothed(half_space, NOISE, 2).certify(X, **arguments)
    proof = wulff.Smoothed(half_space, NOISE, 2, batch=batch).certify(X, **arguments)
    np.testing.assert_array_equal(proof.counts.votes, reference.counts.votes)
    np.testing.assert_array_equal(proof.counts.n, reference.counts.n)
    alone = wulff.Smoothed(half_space, NOISE, 2).certify(X[7:8], index=[7], **arguments)
    np.testing.assert_array_equal(alone.counts.votes[0], reference.counts.votes[7])


def test_coverage_when_stopping_depends_on_the_votes() -> None:
    inputs = 4000 if NIGHTLY else 1000
    x = torch.full((inputs, 1, 1), 0.65)
    smoothed = wulff.Smoothed(half_space, NOISE, 2, batch=4096)
    proof = smoothed.certify(x, norm="l1", n0=200, n=1000, alpha=0.05, stop=Anytime(radii=[0.1, 0.15]))
    too_large = int((proof.radius > 0.15000001).sum())
    assert too_large <= stats.binom.isf(1e-6, inputs, 0.05)


def test_wrong_labels_can_be_skipped() -> None:
    smoothed = wulff.Smoothed(half_space, NOISE, 2)
    stop = Anytime(radii=[0.1], skip_incorrect=True)
    proof = smoothed.certify(X, norm="l1", n0=500, n=2000, stop=stop, labels=[0] * 20)
    assert (np.broadcast_to(proof.counts.n, 20)[TRUTH > 0.2] == 0).all()
    assert (proof.label[TRUTH > 0.2] == -1).all()
    with pytest.raises(InputError, match="needs the true labels"):
        smoothed.certify(X, norm="l1", n=100, stop=stop)


def test_wrong_labels_are_skipped_where_radii_are_asked_for_and_labels_are_known() -> None:
    assert Anytime(radii=[0.1]).settled(True).skip_incorrect is True
    assert Anytime(radii=[0.1]).settled(False).skip_incorrect is False
    assert Anytime(relative=0.1).settled(True).skip_incorrect is False
    assert Anytime(radii=[0.1], skip_incorrect=False).settled(True).skip_incorrect is False
    assert Anytime(relative=0.1, skip_incorrect=True).settled(True).skip_incorrect is True
    smoothed = wulff.Smoothed(half_space, NOISE, 2)
    for labels in (None, [0] * 20):
        proof = smoothed.certify(X, norm="l1", n0=500, n=500, stop=Anytime(radii=[0.1]), labels=labels)
        assert (np.broadcast_to(proof.counts.n, 20)[TRUTH > 0.2] == 0).all() == (labels is not None)


def test_two_sided_certificates() -> None:
    def thirds(batch: Tensor) -> Tensor:
        """Three classes by the first coordinate; the middle one leads without a majority."""
        return torch.bucketize(batch.flatten(1)[:, 0].contiguous(), torch.tensor([0.1, 0.9]))

    smoothed = wulff.Smoothed(thirds, NOISE, 3)
    x = torch.full((1, 1, 1), 0.5)
    one = smoothed.certify(x, norm="l1", n0=1000, n=20_000)
    two = smoothed.certify(x, norm="l1", n0=1000, n=20_000, bound="two-sided")
    assert one.label.tolist() == [-1]
    assert two.label.tolist() == [1]
    # Under uniform noise P[middle] = .4 and P[each side] = .3: a shift by v moves v/2 between them.
    assert 0.05 < float(two.radius[0]) <= 0.1
    assert "together with the other classes" in two.statement
    with pytest.raises(InputError, match="fixed n"):
        smoothed.certify(x, norm="l1", bound="two-sided", stop=Anytime(relative=0.1))
    with pytest.raises(InputError, match="one-sided or two-sided"):
        smoothed.certify(x, norm="l1", bound="both")  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [1, 64, 1000, 100_000])
@pytest.mark.parametrize("alpha", [0.05, 1e-3, 1e-9])
def test_most_misses_are_the_last_that_certify(n: int, alpha: float) -> None:
    errors = np.array([1e-5, 1e-3, 0.02, 0.1, 0.31, 0.5])
    most = most_misses(errors, n, alpha)
    for error, m in zip(errors, most, strict=True):
        assert m < error * n
        if m >= 0:
            assert anytime_error_bound(m, n, alpha) <= error * (1 + 1e-9)
        assert anytime_error_bound(min(m + 1, n), n, alpha) > error * (1 - 1e-9)


@pytest.mark.parametrize("misses", [0, 3, 20, 200])
@pytest.mark.parametrize("n_max", [450, 1000, 20_000])
def test_chance_follows_the_beta_binomial_law(misses: int, n_max: int) -> None:
    n = 400
    law = stats.betabinom(n_max - n, misses + 0.5, n - misses + 0.5)
    most = misses + law.ppf(np.array([1e-3, 0.01, 0.1, 0.5, 0.9, 0.999])).astype(int)
    exact, found = law.cdf(most - misses), chance_of_at_most(most, misses, n, n_max)
    np.testing.assert_allclose(found, exact, rtol=0.5, atol=0.01)
    assert chance_of_at_most(np.array([-1, misses - 1]), misses, n, n_max).tolist() == [0, 0]


def test_radii_near_the_truth_are_given_up_before_n_and_hardly_ever_wrongly() -> None:
    smoothed = wulff.Smoothed(half_space, NOISE, 2, batch=4096)

    def certify(distance: float, count: int, beta: float) -> wulff.Certification:
        x = torch.full((count, 1, 1), 0.5 + distance)
        stop = Anytime(radii=(0.15,), beta=beta)
        return smoothed.certify(x, norm="l1", n=5000, alpha=1e-3, stop=stop)

    quick, patient = (np.mean(certify(0.15, 50, beta).counts.n) for beta in (1e-3, 1e-9))
    assert quick < 0.7 * patient
    # Of inputs that 5,000 votes certify, at most one in a hundred may be given up (false alarm: 1e-6).
    patient, quick = (certify(0.24, 400, beta).radius >= 0.15 for beta in (1e-9, 1e-3))
    assert patient.mean() > 0.8
    assert np.count_nonzero(patient & ~quick) <= stats.binom.isf(1e-6, 400, 0.01)
