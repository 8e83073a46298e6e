"""Every objective is its paper's formula, and lowers its loss under every noise that has a density."""

import math

import pytest
import torch
from torch import Tensor, nn

from tests.cases import NOISES, SPECS_IN_DIM
from wulff import datasets, models, noises, training
from wulff.errors import InputError
from wulff.training.objective import draw

GAUSSIAN = noises.parse("gaussian(sigma=0.25)")


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.fixture(scope="module")
def batch() -> tuple[nn.Module, Tensor, Tensor]:
    """A little trained model, and a batch on which it is right and wrong."""
    digits = datasets.load("digits", "train").slice(":200")
    model = models.build("cnn", (1, 8, 8), 10)
    list(training.train(model, digits.images, digits.labels, GAUSSIAN, schedule=training.Schedule(epochs=3)))
    return model, digits.images[:12], digits.labels[:12]


def loss(text: str, batch, noise: noises.Noise = GAUSSIAN, epoch: int = 50) -> float:
    model, x, y = batch
    return training.parse_objective(text)(model, x, y, noise, generator(), epoch).item()


def probabilities(model: nn.Module, x: Tensor, noises: Tensor) -> Tensor:
    return torch.stack([model(x + z).double().softmax(dim=1) for z in noises])


def kl(p: Tensor, q: Tensor) -> Tensor:
    return (p * (p / q).log()).sum(dim=1)


def test_noise_augmentation(batch) -> None:
    model, x, y = batch
    p = probabilities(model, x, draw(GAUSSIAN, x, 1, generator()))[0]
    assert loss("augment", batch) == pytest.approx(-p[range(12), y].log().mean().item(), rel=1e-5)


def test_stability(batch) -> None:
    model, x, y = batch
    p, q = probabilities(model, x, draw(GAUSSIAN, x, 2, generator()))
    expected = -p[range(12), y].log() + 6 * kl(p, q)
    assert loss("stability", batch) == pytest.approx(expected.mean().item(), rel=1e-5)
    clean = probabilities(model, x, torch.zeros_like(x)[None])[0]
    noisy = probabilities(model, x, draw(GAUSSIAN, x, 1, generator()))[0]
    expected = -clean[range(12), y].log() - 2 * (clean * noisy.log()).sum(dim=1)
    found = loss("stability(weight=2, reference=clean)", batch)
    assert found == pytest.approx(expected.mean().item(), rel=1e-5)


def test_consistency(batch) -> None:
    model, x, y = batch
    p = probabilities(model, x, draw(GAUSSIAN, x, 3, generator()))
    mean = p.mean(dim=0)
    expected = (
        -torch.stack([q[range(12), y].log() for q in p]).mean(dim=0)
        + 7 * torch.stack([kl(mean, q) for q in p]).mean(dim=0)
        - 0.5 * (mean * mean.log()).sum(dim=1)
    )
    found = loss("consistency(copies=3, weight=7)", batch)
    assert found == pytest.approx(expected.mean().item(), rel=1e-5)


@pytest.mark.parametrize("name", training.OBJECTIVES)
def test_specs_round_trip(name: str) -> None:
    objective = training.parse_objective(name)
    assert training.parse_objective(training.objective_spec(objective)) == objective


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("magic", "unknown objective"),
        ("stability(6)", "name=value"),
        ("stability(weight=heavy)", "must be a number"),
        ("stability(weight=1,weight=2)", "cannot use"),
        ("stability(reference=none)", "reference"),
        ("stability(weight=nan)", "weight"),
        ("consistency(copies=1)", "copies"),
        ("consistency(copies=2.5)", "whole number"),
        ("augment(weight=1)", "no hyperparameters"),
        ("__import__('os')", "unknown objective"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        training.parse_objective(text)


def at_size(spec: str, sigma: float, dim: int) -> noises.Noise | None:
    """The noise of a spec at another size; None where the variance is infinite: one draw would decide all."""
    noise = noises.parse(spec).in_dim(dim)
    shape = {field: getattr(noise, field) for field in noise._shape_parameters()}
    return type(noise)(sigma=sigma, **shape) if noise.sigma < math.inf else None


@pytest.mark.parametrize("name", training.OBJECTIVES)
def test_every_objective_learns_under_every_noise(name: str) -> None:
    digits = datasets.load("digits", "train").slice(":64")
    schedule = training.Schedule(epochs=4, batch=32, learning_rate=0.01, seed=1)
    learnt = set()
    for spec in (spec for spec, dim in SPECS_IN_DIM if dim == 64):
        noise = at_size(spec, 0.1, 64)
        if noise is None or noise.name in learnt:
            continue
        model, objective = models.build("cnn", (1, 8, 8), 10), training.parse_objective(name)
        epochs = list(training.train(model, digits.images, digits.labels, noise, objective, schedule))
        assert epochs[-1].loss < epochs[0].loss, spec
        learnt.add(noise.name)
    assert learnt == set(NOISES)
