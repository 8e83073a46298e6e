"""What the service says is what `Smoothed` says, and requests share batches."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.serving.conftest import SHAPE, Brightness, Gated
from wulff.errors import InputError, RunError
from wulff.serving import Overloaded, Service
from wulff.smoothing import Phase, Smoothed


def test_the_seed_repeats_the_label(smoothed: Smoothed, images: Tensor) -> None:
    service = Service(smoothed, SHAPE, n=500, alpha=0.01)
    answer = service.submit(images).result()
    counts = smoothed.counts(images, 500, phase=Phase.PREDICTION, seed=answer.seed)
    np.testing.assert_array_equal(answer.votes, counts.votes)
    np.testing.assert_array_equal(answer.label, smoothed.predict(images, 500, 0.01, seed=answer.seed))
    assert ((answer.p_value <= 0.01) == (answer.label >= 0)).all()
    assert "1 - 0.01" in answer.statement
    service.close()


def test_the_seed_repeats_the_radii(smoothed: Smoothed, images: Tensor) -> None:
    service = Service(smoothed, SHAPE, n=500, threats=("l2", "l1-box"))
    answer = service.submit(images, ("l2", "l1-box")).result()
    for name in ("l2", "l1-box"):
        proof = smoothed.certify(images, name, n=500, seed=answer.seed)
        np.testing.assert_array_equal(answer.radii[name], proof.radius)
        np.testing.assert_array_equal(answer.label, proof.label)
    assert (answer.radii["l2"] > 0).any()
    assert (answer.label >= 0).any()
    assert (answer.p_value[answer.label >= 0] <= 1e-3).all()
    service.close()


def test_every_request_has_a_seed_of_its_own(smoothed: Smoothed, images: Tensor) -> None:
    service = Service(smoothed, SHAPE, n=64)
    answers = [service.submit(images) for _ in range(8)]
    assert len({answer.result().seed for answer in answers}) == 8
    service.close()


def test_requests_share_batches(images: Tensor) -> None:
    model = Gated(Brightness())
    service = Service(Smoothed(model, "gaussian(sigma=0.2)", 3, batch=256), SHAPE, n=64)
    answers = [service.submit(images[:1]) for _ in range(33)]
    model.gate.set()
    for answer in answers:
        assert answer.result().votes.sum() == 64
    # The first may have been alone when its votes began; the others fill eight batches.
    assert len(model.sizes) <= 10
    assert model.sizes.count(256) >= 7
    service.close()


def test_too_much_is_refused_and_what_was_begun_is_finished(images: Tensor) -> None:
    model = Gated(Brightness())
    service = Service(Smoothed(model, "gaussian(sigma=0.2)", 3), SHAPE, n=64, most_waiting=10)
    begun = service.submit(images)
    with pytest.raises(Overloaded) as refused:
        service.submit(images)
    assert refused.value.seconds >= 1
    assert service.waiting == 6
    model.gate.set()
    service.close()
    assert (begun.result(timeout=0).votes.sum(axis=1) == 64).all()
    with pytest.raises(Overloaded):
        service.submit(images)


def test_a_model_that_fails_fails_its_requests_and_no_others(images: Tensor) -> None:
    model = Gated(Brightness())
    model.gate.set()
    service = Service(Smoothed(model, "gaussian(sigma=0.2)", 3), SHAPE, n=64)
    model.failing = True
    with pytest.raises(RunError, match=r"could not be counted: .*RuntimeError: no more\.$"):
        service.submit(images).result()
    assert service.waiting == 0
    model.failing = False
    assert (service.submit(images).result().votes.sum(axis=1) == 64).all()
    service.close()


@pytest.mark.parametrize(
    ("x", "threats", "message"),
    [
        (torch.zeros(1, 4, 4), (), r"shape \(rows, 1, 4, 4\)"),
        (torch.zeros(0, *SHAPE), (), "at least one row"),
        (torch.zeros(2000, *SHAPE), (), "1,024 inputs, got 2,000"),
        (torch.full((1, *SHAPE), torch.nan), (), "NaN"),
        (torch.full((1, *SHAPE), 200.0), (), "divide 8-bit pixels"),
        (torch.zeros(1, *SHAPE), ("linf",), "against l2, l1-box here, not against 'linf'"),
        (torch.full((1, *SHAPE), 1.005), ("l1-box",), r"inputs in \[0, 1\]"),
    ],
)
def test_what_is_refused(smoothed: Smoothed, x: Tensor, threats: tuple[str, ...], message: str) -> None:
    service = Service(smoothed, SHAPE, threats=("l2", "l1-box"))
    with pytest.raises(InputError, match=message):
        service.submit(x, threats)
    assert service.waiting == 0
    service.close()
