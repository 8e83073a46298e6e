"""Majorities of all views: exact counts, certificates that hold, and what they gain over sampled noise."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from wulff import Smoothed, datasets, engines, models, training
from wulff.errors import InputError
from wulff.noises import Uniform
from wulff.runs import Spec
from wulff.smoothing import Phase
from wulff.smoothing.enumerated import Enumerated, certify_votes
from wulff.views import Bands, Splitting, label_and_slack


class Brightness(nn.Module):
    """`brightness` as a module, which can be sent to other processes."""

    def forward(self, views: Tensor) -> Tensor:
        return brightness(views)


def brightness(views: Tensor) -> Tensor:
    mean = views.flatten(1).mean(dim=1)
    return torch.stack([0.5 - mean, mean - 0.5, 0 * mean], dim=1)


def test_counts_are_those_of_every_view_one_by_one() -> None:
    x = torch.randint(0, 256, (3, 1, 4, 4), generator=torch.Generator().manual_seed(0)) / 255
    smoothed = Enumerated(brightness, "splitting(sigma=0.5)", 3, batch=37)
    votes = smoothed.votes(x)
    for one, counted in zip(x, votes, strict=True):
        labels = brightness(Splitting(0.5).views(one, torch.arange(441))).argmax(dim=1)
        np.testing.assert_array_equal(counted, np.bincount(labels.numpy(), minlength=3))
    proof = smoothed.certify(x)
    np.testing.assert_array_equal(proof.label, votes.argmax(axis=1))
    np.testing.assert_allclose(proof.radius, label_and_slack(votes)[1] / 255)
    assert "441 views were classified" in proof.statement
    assert "There is no alpha" in proof.statement
    assert torch.equal(smoothed(x), torch.from_numpy(proof.label))
    assert len(smoothed.certify(x[:0]).label) == 0


def test_patches_within_the_radius_change_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(2 * 6 * 7, 3, generator=generator)
    smoothed = Enumerated(lambda views: views.flatten(1) @ weights, Bands(2), 3)
    x = torch.rand(20, 1, 6, 7, generator=generator)
    proof = smoothed.certify(x)
    assert (proof.radius > 0).any()
    for image, label, side in zip(x, proof.label, proof.radius.astype(int), strict=True):
        for left in range(7 - side + 1):
            attacked = image.clone()
            attacked[:, :side, left : left + side] = torch.rand((), generator=generator).round()
            assert smoothed.predict(attacked[None])[0] == label


def test_views_without_an_answer_abstain() -> None:
    def nothing(views: Tensor) -> Tensor:
        return torch.full((len(views), 2), torch.nan)

    proof = Enumerated(nothing, Bands(1), 2).certify(torch.rand(2, 1, 3, 3))
    assert proof.label.tolist() == [-1, -1]
    assert proof.radius.tolist() == [0, 0]


def test_runs_that_sample_noise_refuse_views_and_say_what_enumerates_them() -> None:
    for text in ("bands(width=2)", "splitting(sigma=0.5)"):
        with pytest.raises(InputError, match="are views, which are enumerated") as refused:
            Spec(model="weights", noise=text)
        assert refused.value.parameters == ("noise",)


@pytest.mark.parametrize("workers", [1, 2])
def test_engines_count_views_as_they_count_noisy_copies(workers: int) -> None:
    x = torch.randint(0, 256, (3, 1, 4, 4), generator=torch.Generator().manual_seed(1)) / 255
    smoothed = Enumerated(Brightness(), Bands(2), 3, batch=16)
    quota = smoothed.quota((1, 4, 4))
    counted = list(engines.with_workers(workers).map(smoothed, quota, 0, list(enumerate(x))))
    found = np.stack([votes.counts[Phase.ENUMERATION] for votes in counted])
    np.testing.assert_array_equal(found, smoothed.votes(x))
    assert (found.sum(axis=1) == 4).all()


def test_refusals() -> None:
    smoothed = Enumerated(brightness, Bands(5), 3)
    with pytest.raises(InputError, match="keeps 3×5 pixels, but the images have 3×3"):
        smoothed.votes(torch.rand(2, 1, 3, 3))
    with pytest.raises(InputError, match="must have shape"):
        smoothed.votes(torch.rand(3))
    with pytest.raises(InputError, match="more than the 3 views"):
        certify_votes(np.array([[4, 0]]), Bands(1), (1, 3, 3))
    with pytest.raises(InputError, match="top must be"):
        certify_votes(np.array([[2, 0]]), Bands(1), (1, 3, 3), top=2)
    with pytest.raises(InputError, match="labels outside"):
        Enumerated(lambda views: torch.full((len(views),), 7), Bands(1), 3).votes(torch.rand(1, 1, 3, 3))


def trained_on_views(views: Splitting, train: datasets.Dataset) -> nn.Module:
    model = models.build("cnn", train.input_shape, 10, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(8):
        for rows in torch.randperm(len(train.labels), generator=generator).split(64):
            which = torch.randint(views.splits, (len(rows),), generator=generator)
            copies = views.random_views(train.images[rows], which)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(copies), train.labels[rows]).backward()
            optimizer.step()
    return model


def test_a_few_exact_views_certify_more_digits_than_many_noisy_copies() -> None:
    """At l1 radius .5: 64 views, against 1,000 copies of uniform noise of the same width."""
    train, test = datasets.load("digits", "train"), datasets.load("digits", "test")
    images, labels = test.images[:100], test.labels[:100].numpy()
    views = Splitting(sigma=64.5 / 16 / 12**0.5, levels=16)
    assert views.splits == 64
    exact = Enumerated(trained_on_views(views, train), views, 10).certify(images)
    model, noise = models.build("cnn", train.input_shape, 10, seed=0), Uniform(sigma=views.sigma)
    schedule = training.Schedule(epochs=8, batch=64, learning_rate=0.05)
    list(training.train(model, train.images, train.labels, noise, schedule=schedule))
    sampled = Smoothed(model, noise, 10).certify(images, norm="l1", n0=100, n=1000, alpha=1e-3, seed=0)
    by_views = ((exact.label == labels) & (exact.radius >= 0.5)).mean()
    by_noise = ((sampled.label == labels) & (sampled.radius > 0.5)).mean()
    assert by_views > by_noise + 0.2, (by_views, by_noise)


@pytest.mark.parametrize("other", ["sigma=0.5, seed=4", "sigma=1, seed=3", "sigma=0.5, levels=15, seed=3"])
def test_other_splits_than_those_of_the_training_are_refused(other: str) -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, :3]

    trained = "splitting(sigma=0.5, seed=3)"
    assert Enumerated(model, trained, 3, trained_on=trained).views.count((1, 2, 2)) == 441
    with pytest.raises(InputError, match="whose splits are not those of"):
        Enumerated(model, f"splitting({other})", 3, trained_on=trained)
    assert Enumerated(model, "bands(width=2)", 3, trained_on="bands(width=3)").num_classes == 3
