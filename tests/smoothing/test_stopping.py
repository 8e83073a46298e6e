"""Stopping early: fewer samples, valid certificates, and the same votes whatever the batch."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import wulff
from wulff.errors import InputError
from wulff.stats import Anytime

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
    x = torch.full((4000, 1, 1), 0.65)
    smoothed = wulff.Smoothed(half_space, NOISE, 2, batch=4096)
    proof = smoothed.certify(x, norm="l1", n0=200, n=1000, alpha=0.05, stop=Anytime(radii=[0.1, 0.15]))
    too_large = int((proof.radius > 0.15000001).sum())
    assert too_large <= stats.binom.isf(1e-6, 4000, 0.05)


def test_wrong_labels_can_be_skipped() -> None:
    smoothed = wulff.Smoothed(half_space, NOISE, 2)
    stop = Anytime(radii=[0.1], skip_incorrect=True)
    proof = smoothed.certify(X, norm="l1", n0=500, n=2000, stop=stop, labels=[0] * 20)
    assert (np.broadcast_to(proof.counts.n, 20)[TRUTH > 0.2] == 0).all()
    assert (proof.label[TRUTH > 0.2] == -1).all()
    with pytest.raises(InputError, match="needs the true labels"):
        smoothed.certify(X, norm="l1", n=100, stop=stop)


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
