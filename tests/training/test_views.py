"""Training on views: the weights say which, and the classifier of all views is certain of its labels."""

from pathlib import Path

import pytest
import torch

from wulff import datasets, models, runs, training
from wulff.errors import InputError
from wulff.smoothing import Enumerated
from wulff.views import Bands, Splitting

SHORT = training.Schedule(epochs=8, batch=16, learning_rate=0.05)


@pytest.mark.parametrize(
    ("noise", "objective", "shape"),
    [
        ("bands(width=3)", "augment", (2, 8, 8)),
        ("splitting(sigma=0.5, levels=16, seed=3)", "stability(weight=1)", (1, 8, 8)),
    ],
)
def test_a_training_on_views_certifies_digits(noise: str, objective: str, shape, tmp_path: Path) -> None:
    spec = runs.TrainingSpec(noise=noise, objective=objective, schedule=SHORT, slice=":800")
    path = runs.train(spec, tmp_path / "training")
    model = models.load(path)
    assert (model.description.noise, model.description.input_shape) == (noise, shape)
    test = datasets.load("digits", "test")
    proof = Enumerated(model.module, noise, 10).certify(test.images[:60])
    right = proof.label == test.labels[:60].numpy()
    assert right.mean() > 0.8
    assert (proof.radius[right] > 0).mean() > 0.15
    with pytest.raises(InputError, match="are views, which are enumerated"):
        runs.certify(runs.Spec(model=str(path), slice=":2"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_methods_that_need_noise_refuse_views() -> None:
    model = models.build("cnn", (1, 8, 8), 10)
    for objective in ("macer", "smoothadv", "stability(reference=clean)"):
        with pytest.raises(InputError, match="is defined for noise that is added, not for splitting"):
            training.Training(model, Splitting(0.5), training.parse_objective(objective))
    with pytest.raises(InputError, match="the images have 8"):
        runs.train(runs.TrainingSpec(noise="bands(width=9)"), "nowhere")
    assert not Path("nowhere").exists()


def test_views_of_a_batch_are_those_of_its_inputs() -> None:
    from wulff.training.objective import copies_of

    x = torch.rand(5, 1, 4, 4)
    copies = copies_of(Bands(1), x, 3, torch.Generator().manual_seed(0))
    assert copies.shape == (3, 5, 2, 4, 4)
    kept = copies.sum(dim=2) > 0
    assert (kept.any(dim=2).sum(dim=2) == 1).all()
