"""The contract of Smoothed: kinds of models, edge cases, and what it refuses."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wulff
from wulff import InputError
from wulff.noises import Uniform
from wulff.smoothing import EstimationCounts, Phase, SelectionCounts, Terms, certify_counts

X = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(1))
NOISE = "uniform(sigma=0.25)"


def brightness(batch: Tensor) -> Tensor:
    """Labels 0 ... 4 by mean brightness."""
    return (batch.flatten(1).mean(dim=1) * 5).long().clamp(0, 4)


def logits(batch: Tensor) -> Tensor:
    return nn.functional.one_hot(brightness(batch), 5).float()


def test_logits_and_labels_give_the_same_votes() -> None:
    from_labels = wulff.Smoothed(brightness, NOISE, 5).counts(X, 300)
    from_logits = wulff.Smoothed(logits, NOISE, 5).counts(X, 300)
    np.testing.assert_array_equal(from_labels.votes, from_logits.votes)
    assert from_labels.votes.sum() == 900
    assert isinstance(from_labels, EstimationCounts)


def test_phases_have_independent_noise_and_seeds_matter() -> None:
    smoothed = wulff.Smoothed(brightness, "uniform(scale=1)", 5)
    phases = set(Phase) - {Phase.ENUMERATION}
    votes = {phase: smoothed.counts(X, 300, phase=phase).votes.tolist() for phase in phases}
    assert len({str(v) for v in votes.values()}) == len(phases)
    with pytest.raises(InputError, match=r"phase must be a .* of SELECTION, ESTIMATION, PREDICTION, got"):
        smoothed.counts(X, 300, phase=Phase.ENUMERATION)
    assert smoothed.counts(X, 300, seed=1).votes.tolist() != smoothed.counts(X, 300, seed=2).votes.tolist()
    assert smoothed.counts(X, 300, seed=1).votes.tolist() == smoothed.counts(X, 300, seed=1).votes.tolist()
    again = smoothed.certify(X, n=50, seed=None)
    assert smoothed.certify(X, n=50, seed=again.seed).counts.votes.tolist() == again.counts.votes.tolist()


def test_prefix_of_a_larger_sample_has_the_same_noise() -> None:
    seen: list[Tensor] = []

    def record(batch: Tensor) -> Tensor:
        seen.append(batch.clone())
        return brightness(batch)

    smoothed = wulff.Smoothed(record, NOISE, 5, batch=32)
    smoothed.counts(X[:1], 40)
    few = torch.cat(seen)
    seen.clear()
    smoothed.counts(X[:1], 400)
    assert torch.equal(torch.cat(seen)[:32], few[:32])


def test_outputs_that_are_not_numbers_count_against_every_label() -> None:
    def sometimes_nan(batch: Tensor) -> Tensor:
        return torch.where(batch.flatten(1)[:, :1] > 0.5, logits(batch), torch.nan)

    counts = wulff.Smoothed(sometimes_nan, "uniform(scale=1)", 5).counts(X, 1000)
    assert (counts.votes.sum(axis=1) < 1000).all()
    assert (counts.misses(np.zeros(3, dtype=int)) >= 1000 - counts.votes.sum(axis=1)).all()


def test_modules_run_in_evaluation_mode_and_are_left_as_they_were() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(16, 5))
    net[1].eval()
    net[0].train()
    smoothed = wulff.Smoothed(net, NOISE, 5)
    first = smoothed.counts(X, 200).votes
    np.testing.assert_array_equal(first, smoothed.counts(X, 200).votes)
    assert net[0].training
    assert not net[1].training
    assert any(parameter.requires_grad for parameter in smoothed.parameters())


@pytest.mark.parametrize("classes", [1, 2, 1000])
def test_number_of_classes(classes: int) -> None:
    smoothed = wulff.Smoothed(lambda batch: torch.zeros(len(batch), dtype=torch.long), NOISE, classes)
    proof = smoothed.certify(X, norm="l1", n0=5, n=100)
    assert proof.label.tolist() == [0, 0, 0]
    assert (proof.radius > 0).all()
    assert smoothed.predict(X, n=100).tolist() == [0, 0, 0]


def test_one_sample_and_tiny_alpha_abstain() -> None:
    smoothed = wulff.Smoothed(brightness, NOISE, 5)
    assert smoothed.certify(X, n0=1, n=1).label.tolist() == [-1, -1, -1]
    proof = smoothed.certify(X, norm="linf", n0=1, n=30, alpha=1e-12)
    assert proof.radius.tolist() == [0, 0, 0]
    assert proof.method.tolist() == ["abstain"] * 3


@pytest.mark.parametrize("shape", [(2, 1), (1, 3, 224, 224)])
def test_dimensions_from_one_to_imagenet(shape: tuple[int, ...]) -> None:
    smoothed = wulff.Smoothed(lambda batch: torch.zeros(len(batch), dtype=torch.long), NOISE, 3, batch=16)
    for norm in ("l1", "l2", "linf"):
        assert (smoothed.certify(torch.rand(shape), norm=norm, n=100).radius > 0).all()


def test_statement_and_other_norms() -> None:
    proof = wulff.Smoothed(brightness, NOISE, 5).certify(X, norm="l1", n=1000)
    assert "1 - 0.001" in proof.statement
    assert "uniform(sigma=0.25, dim=16)" in proof.statement
    other = proof.against("linf")
    assert (other.radius <= proof.radius).all()
    assert other.error.tolist() == proof.error.tolist()


def test_randomised_estimator() -> None:
    smoothed = wulff.Smoothed(brightness, NOISE, 5)
    arguments = {"norm": "l1", "n": 200, "seed": 4}
    plain = smoothed.certify(X, **arguments)
    proof = smoothed.certify(X, estimator="randomized-clopper-pearson", **arguments)
    assert proof.counts.votes.tolist() == plain.counts.votes.tolist()
    assert (proof.radius >= plain.radius).all()
    assert (proof.radius > plain.radius).any()
    assert proof.draw is not None
    assert "randomised Clopper-Pearson" in proof.statement
    alone = smoothed.certify(X[2:], index=[2], estimator="randomized-clopper-pearson", **arguments)
    assert alone.draw is not None
    assert (alone.draw[0], alone.error[0]) == (proof.draw[2], proof.error[2])
    assert proof.against("l2").error.tolist() == proof.error.tolist()
    two = smoothed.certify(X, estimator="randomized-clopper-pearson", bound="two-sided", **arguments)
    assert (two.error <= smoothed.certify(X, bound="two-sided", **arguments).error).all()
    stop = wulff.stats.Anytime(relative=0.1)
    with pytest.raises(InputError, match="needs a fixed n"):
        smoothed.certify(X, estimator="randomized-clopper-pearson", stop=stop, **arguments)
    with pytest.raises(InputError, match="index must hold a number for each of 3 inputs"):
        dataclasses.replace(proof.counts, index=(0,))


def test_a_sample_cannot_be_used_twice() -> None:
    votes = np.array([[30, 0]])
    selection, estimation = SelectionCounts(votes, 30), EstimationCounts(votes, 30)
    terms = Terms(noise=Uniform(scale=1, dim=4), n0=30, n=30, alpha=0.01, seed=0)
    certify_counts(selection, estimation, terms, "l1")
    with pytest.raises(InputError, match="bounded from the sample that chose it"):
        certify_counts(selection, selection, terms, "l1")  # type: ignore[arg-type]
    with pytest.raises(InputError):
        certify_counts(estimation, estimation, terms, "l1")  # type: ignore[arg-type]


def test_data_that_do_not_look_like_pixels_warn() -> None:
    with pytest.warns(UserWarning, match=r"do not look like pixels in \[0, 1\]"):
        wulff.Smoothed(brightness, NOISE, 5).counts(X * 3, 10)


BAD_INPUTS = [
    ("not a tensor", np.zeros((1, 4)), "torch.Tensor"),
    ("empty", torch.zeros(0, 4), "not be empty"),
    ("no batch dimension", torch.zeros(4), "shape"),
    ("8-bit", torch.zeros(2, 4, dtype=torch.uint8), "divide 8-bit pixels by 255"),
    ("NaN", torch.tensor([[0.0, 0.5], [0.1, float("nan")]]), "input 1 holds NaN"),
    ("infinite", torch.tensor([[0.0, float("inf")]]), "input 0 holds NaN or infinite"),
]


@pytest.mark.parametrize(("name", "x", "message"), BAD_INPUTS, ids=[case[0] for case in BAD_INPUTS])
def test_bad_inputs(name: str, x: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        wulff.Smoothed(brightness, NOISE, 5).certify(x)  # type: ignore[arg-type]


BAD_ARGUMENTS = [
    {"n": 0},
    {"n": 1.5},
    {"n0": 0},
    {"n0": True},
    {"alpha": 0},
    {"alpha": 2},
    {"alpha": "0.1"},
    {"norm": "l0.5"},
    {"norm": "L"},
    {"seed": -1},
    {"seed": 2**64},
    {"index": [0]},
    {"index": [0, 1, -2]},
]


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS, ids=str)
def test_bad_arguments(arguments: dict) -> None:
    with pytest.raises(InputError):
        wulff.Smoothed(brightness, NOISE, 5).certify(X, **arguments)


def test_bad_models() -> None:
    with pytest.raises(InputError, match="a model must be a module"):
        wulff.Smoothed("model.pt", NOISE, 5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="num_classes"):
        wulff.Smoothed(brightness, NOISE, 0)
    with pytest.raises(InputError, match="set num_classes=5"):
        wulff.Smoothed(logits, NOISE, 4).counts(X, 10)
    with pytest.raises(InputError, match="returns one score for each input"):
        wulff.Smoothed(lambda b: b.flatten(1)[:, :1], NOISE, 2).counts(X, 10)
    company = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(4, track_running_stats=False))
    with pytest.raises(InputError, match="'1' has no running statistics"):
        wulff.Smoothed(company, NOISE, 4)
    with pytest.raises(InputError, match=r"outside 0 \.\.\. 1"):
        wulff.Smoothed(brightness, NOISE, 2).counts(X, 10)
    with pytest.raises(InputError, match="returns one score for each input"):
        wulff.Smoothed(lambda b: b.flatten(1).mean(dim=1), NOISE, 2).counts(X, 10)
    with pytest.raises(InputError, match="must return logits"):
        wulff.Smoothed(lambda b: b, NOISE, 2).counts(X, 10)
    with pytest.raises(InputError, match="made for dim=5"):
        wulff.Smoothed(brightness, "uniform(sigma=1, dim=5)", 5).counts(X, 10)
