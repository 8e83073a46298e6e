"""Every objective is its paper's formula, and lowers its loss under every noise that has a density."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from tests.cases import NOISES, SPECS_IN_DIM
from tests.nightly import NIGHTLY
from wulff import certified_radius, datasets, models, noises, training
from wulff.errors import InputError
from wulff.norms import Norm
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


def test_direct_training_takes_the_log_of_the_mean(batch) -> None:
    model, x, y = batch
    p = probabilities(model, x, draw(GAUSSIAN, x, 16, generator())).mean(dim=0)
    assert loss("direct", batch) == pytest.approx(-p[range(12), y].log().mean().item(), rel=1e-5)


def test_smoothadv_attacks_the_smoothed_loss_with_its_own_noise(batch) -> None:
    model, x, y = batch
    noises = draw(GAUSSIAN, x, 4, generator())
    adversary = x.clone()
    for _ in range(2):
        adversary.requires_grad_()
        smoothed = torch.stack([model(adversary + z).softmax(dim=1) for z in noises]).mean(dim=0)
        (g,) = torch.autograd.grad(-smoothed[range(12), y].log().sum(), [adversary])
        moved = (adversary + 0.5 * g / g.flatten(1).norm(dim=1).view(-1, 1, 1, 1)).clamp(0, 1) - x
        length = moved.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        adversary = (x + moved * (0.5 / length).clamp(max=1)).detach()
    p = probabilities(model, adversary, noises)
    expected = -torch.stack([q[range(12), y].log() for q in p]).mean().item()
    text = "smoothadv(epsilon=1, steps=2, warmup={})"
    assert loss(text.format(4), batch, epoch=2) == pytest.approx(expected, rel=1e-4)  # half warm: radius ½
    assert loss(text.format(4), batch, epoch=4) > expected
    assert loss(text.format(4), batch, epoch=9) == loss(text.format(1), batch, epoch=9)
    plain = probabilities(model, x, noises)
    clean = -torch.stack([q[range(12), y].log() for q in plain]).mean().item()
    for norm, epsilon in (("l1", 2.0), ("l2", 0.5), ("linf", 0.1)):
        assert loss(f"smoothadv(norm={norm}, epsilon={epsilon})", batch) > clean


@pytest.mark.parametrize("name", ["smoothadv", "smoothmix"])
def test_attacks_leave_the_model_as_it_was(name: str, batch) -> None:
    model, x, y = batch
    model.train()
    model.zero_grad()
    training.parse_objective(name)(model, x, y, GAUSSIAN, generator(), 3)
    assert model.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_smoothmix(batch) -> None:
    model, x, y = batch
    rng = generator()
    noises = draw(GAUSSIAN, x, 4, rng)

    def climbed(start: Tensor, steps: int) -> Tensor:
        for _ in range(steps):
            start = start.detach().requires_grad_()
            smoothed = torch.stack([model(start + z).softmax(dim=1) for z in noises]).mean(dim=0)
            (g,) = torch.autograd.grad(-smoothed[range(12), y].log().sum(), [start])
            start = (start + 0.7 * g / g.flatten(1).norm(dim=1).view(-1, 1, 1, 1)).clamp(0, 1)
        return start.detach()

    first = climbed(x, 1)
    far = climbed(first, 2)
    p = probabilities(model, first, noises)
    mean = p.mean(dim=0)
    share = torch.rand(12, 1, generator=rng) / 2
    mixed = first + share.view(-1, 1, 1, 1) * (far - first)
    wanted = (1 - share) * mean + share * 0.1
    divergence = torch.stack([kl(wanted, q) for q in probabilities(model, mixed, noises)]).mean(dim=0)
    counted = divergence * (mean.argmax(dim=1) == y)
    likelihood = -torch.stack([q[range(12), y].log() for q in p]).mean()
    expected = (likelihood + 3 * counted.mean()).item()
    found = loss("smoothmix(steps=3, step_size=0.7, weight=3, mix_step=1)", batch)
    assert found == pytest.approx(expected, rel=1e-4)


def test_macer_is_the_papers_hinge_for_gaussian_noise(batch) -> None:
    model, x, y = batch
    noises = draw(GAUSSIAN, x, 16, generator())
    logits = torch.stack([model(x + z).double() for z in noises])
    likelihood = -logits.softmax(dim=2).mean(dim=0)[range(12), y].log().mean()
    votes = (16 * logits).softmax(dim=2).mean(dim=0)
    best = votes.topk(2, dim=1)
    quantile = torch.distributions.Normal(0.0, 1.0).icdf
    gap = quantile(best.values[:, 0]) - quantile(best.values[:, 1])
    hinge = torch.where((best.indices[:, 0] == y) & (gap <= 8), (8 - gap) * 0.25 / 2, 0.0)
    assert hinge.count_nonzero() >= 3
    expected = (likelihood + 16 * hinge.mean()).item()
    assert loss("macer", batch) == pytest.approx(expected, rel=1e-3)
    assert loss("macer(deferred=30)", batch, epoch=30) == pytest.approx(likelihood.item(), rel=1e-5)


def test_macers_radius_and_derivative_under_other_noises() -> None:
    from wulff.training.macer import _signed_radius, radius_table

    for text, norm in (
        ("uniform(scale=1)", "l1"),
        ("laplace(scale=0.5)", "l1"),
        ("exp-l2(scale=1,j=0,k=1)", "l2"),
    ):
        noise = noises.parse(text).in_dim(64)
        error = torch.tensor([1e-6, 1e-3, 0.1, 0.3, 0.45, 0.6, 0.9], dtype=torch.float64, requires_grad=True)
        radius = _signed_radius(error, radius_table(noise, Norm.parse(norm)))

        def exact(e: Tensor) -> Tensor:
            sizes = certified_radius(noise, torch.minimum(e, 1 - e).detach().numpy(), norm).radius  # noqa: B023
            return torch.where(e < 0.5, 1.0, -1.0) * torch.from_numpy(sizes)

        torch.testing.assert_close(radius, exact(error), rtol=1e-4, atol=1e-4)
        (slope,) = torch.autograd.grad(radius.sum(), [error])
        step = 1e-3 * error.detach() * (1 - error.detach())
        torch.testing.assert_close(
            slope, (exact(error + step) - exact(error - step)) / (2 * step), rtol=0.02, atol=0
        )


class Uncovered(noises.Noise):
    """A noise about which no theorem says anything."""

    name = "uncovered"

    def mean_square(self, dim: int) -> float:
        return 1.0

    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        return out.normal_(generator=generator)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (Uncovered(sigma=1), "needs a certificate: no certificate for uncovered"),
    ],
)
def test_macer_refuses_what_has_no_certificate(noise: noises.Noise, message: str) -> None:
    model, x, y = models.build("cnn", (1, 8, 8), 10), torch.rand(2, 1, 8, 8), torch.tensor([0, 1])
    with pytest.raises(InputError, match=message):
        training.Macer()(model, x, y, noise, generator(), 1)


@pytest.mark.parametrize(
    ("spec", "norm"),
    [("gaussian(sigma=0.25)", "l2"), ("uniform(sigma=0.25)", "l1"), ("pareto(scale=0.1,a=2)", "l1")],
)
def test_macer_asks_for_no_radius_that_the_noise_cannot_give(spec: str, norm: str) -> None:
    class Sure(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([100.0, 0.0, 0.0]).expand(len(x), 3)

    x, y = torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64)
    loss = training.Macer(norm=norm)(Sure(), x, y, noises.parse(spec), generator(), 1)
    assert float(loss) == pytest.approx(0, abs=1e-5)


def test_macers_largest_radius_is_the_papers_for_gaussian_noise() -> None:
    class Fixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([0.8, 0.2]).log().expand(len(x), 2)

    x, y = torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64)
    macer = training.Macer(beta=1, weight=16, gamma=8)
    loss = macer(Fixed(), x, y, noises.parse("gaussian(sigma=0.25)"), generator(), 1)
    radius = 0.25 * stats.norm.isf(0.2)
    assert float(loss) == pytest.approx(-math.log(0.8) + 16 * (8 * 0.25 / 2 - radius), rel=1e-3)


def test_macer_needs_two_classes() -> None:
    x, y = torch.rand(2, 1, 8, 8), torch.tensor([0, 0])
    with pytest.raises(InputError, match="there is only one"):
        training.Macer()(models.build("cnn", (1, 8, 8), 1), x, y, GAUSSIAN, generator(), 1)


def test_self_training_adds_as_many_pseudo_labelled_inputs(batch) -> None:
    model, x, y = batch
    seen: list[tuple[Tensor, Tensor]] = []

    class Spy:
        def __call__(self, model, x, y, noise, generator, epoch) -> Tensor:
            seen.append((x, y))
            return x.sum()

    unlabelled = torch.rand(30, 1, 8, 8)
    labels = training.pseudo_labels(model, unlabelled, batch=7)
    with torch.no_grad():
        assert torch.equal(labels, model(unlabelled).argmax(dim=1))
    training.SelfTraining(Spy(), unlabelled, labels)(model, x, y, GAUSSIAN, generator(), 1)
    ((xs, ys),) = seen
    assert torch.equal(xs[:12], x)
    assert torch.equal(ys[:12], y)
    for image, label in zip(xs[12:], ys[12:], strict=True):
        (row,) = (unlabelled == image).flatten(1).all(dim=1).nonzero()
        assert labels[row] == label
    training.SelfTraining(Spy(), unlabelled, labels, "crop")(model, x, y, GAUSSIAN, generator(), 1)
    cropped = [not (unlabelled == image).flatten(1).all(dim=1).any() for image in seen[1][0][12:]]
    assert sum(cropped) >= 6  # one crop in nine is the image itself
    with pytest.raises(InputError, match="one pseudo-label"):
        training.SelfTraining(Spy(), unlabelled, labels[:3])


@pytest.mark.parametrize("text", [*training.OBJECTIVES, "smoothadv(norm=lp(1.5), steps=3)"])
def test_specs_round_trip(text: str) -> None:
    objective = training.parse_objective(text)
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
        ("direct(copies=0)", "copies"),
        ("smoothadv(epsilon=0)", "epsilon"),
        ("smoothadv(norm=l0)", "unknown norm|p ≥ 1"),
        ("smoothmix(mix_step=4)", "mix_step"),
        ("macer(gamma=0)", "gamma"),
        ("macer(beta=inf)", "beta"),
        ("stability(weight=inf)", "weight"),
        ("smoothadv(epsilon=1e300)", "epsilon"),
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
    shape = {field: getattr(noise, field) for field in noise.shape_parameters()}
    return type(noise)(sigma=sigma, **shape) if noise.sigma < math.inf else None


# Small attacks at full strength from the start, so that the loss of all epochs is of one kind.
SMALL = {
    "direct": "direct(copies=4)",
    "smoothadv": "smoothadv(epsilon=0.3, steps=3, copies=2, warmup=1)",
    "smoothmix": "smoothmix(steps=2, step_size=0.3, copies=2, warmup=1)",
    "macer": "macer(copies=4, weight=1)",
}


@pytest.mark.parametrize("name", training.OBJECTIVES)
def test_every_objective_learns_under_every_noise(name: str) -> None:
    """Every day under every second noise, which are others for the next objective."""
    turn = list(training.OBJECTIVES).index(name) % 2
    wanted = list(NOISES) if NIGHTLY else list(NOISES)[turn::2]
    digits = datasets.load("digits", "train").slice(":64")
    schedule = training.Schedule(epochs=4 if NIGHTLY else 3, batch=32, learning_rate=0.01, seed=1)
    learnt = set()
    for spec in (spec for spec, dim in SPECS_IN_DIM if dim == 64):
        noise = at_size(spec, 0.1, 64)
        if noise is None or noise.name in learnt or noise.name not in wanted:
            continue
        images, architecture = digits.images, "cnn"
        if (name, noise.name) == ("macer", "mixed-linf"):  # its radii take half a minute for 64 pixels
            images, architecture = images[:, :, ::4, ::4], "mlp"
        model = models.build(architecture, images.shape[1:], 10)
        objective = training.parse_objective(SMALL.get(name, name))
        epochs = list(training.train(model, images, digits.labels, noise, objective, schedule))
        assert epochs[-1].loss < epochs[0].loss, spec
        learnt.add(noise.name)
    assert set(wanted) == learnt
