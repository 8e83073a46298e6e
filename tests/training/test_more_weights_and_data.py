"""Fine-tuning, self-training, scalars, and several processes."""

import os
import socket
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.processes import forked
from wulff import datasets, models, noises, runs, training
from wulff.errors import InputError
from wulff.runs.scalars import Scalars

NOISE = "gaussian(sigma=0.25)"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    runs.train(runs.TrainingSpec(noise=NOISE, schedule=training.Schedule(epochs=15)), folder)
    return folder


def last(folder: Path) -> dict:
    return tomllib.loads((folder / "training.toml").read_text())["result"]


def test_fine_tuning_starts_where_the_weights_are(teacher: Path, tmp_path: Path) -> None:
    schedule = training.Schedule(epochs=1, learning_rate=0.001)
    runs.train(runs.TrainingSpec(noise=NOISE, schedule=schedule), tmp_path / "fresh")
    runs.train(runs.TrainingSpec(noise=NOISE, schedule=schedule, weights=str(teacher)), tmp_path / "tuned")
    assert last(tmp_path / "tuned")["loss"] < 0.5 * last(tmp_path / "fresh")["loss"]
    document = tomllib.loads((tmp_path / "tuned" / "training.toml").read_text())
    assert document["hashes"]["weights"] == models.load(teacher).sha256


def test_other_classes_get_a_new_last_layer_and_all_else_must_fit(teacher: Path) -> None:
    trained = models.load(teacher).module.state_dict()
    model = models.build("cnn", (1, 8, 8), 3, seed=4)
    head = {key: value.clone() for key, value in model.state_dict().items() if key.startswith("8.")}
    models.start_from(model, teacher)
    for key, value in model.state_dict().items():
        assert torch.equal(value, head[key] if key in head else trained[key])
    with pytest.raises(InputError, match="do not fit the model"):
        models.start_from(models.build("cnn", (3, 8, 8), 10), teacher)
    with pytest.raises(InputError, match="do not fit the model"):
        models.start_from(models.build("cnn", (1, 12, 12), 3), teacher)  # a last layer of other inputs
    with pytest.raises(InputError, match="no weights at"):
        models.start_from(model, teacher / "nothing.pt")


def test_self_training_lowers_the_error_on_few_labels(teacher: Path, tmp_path: Path, wulff) -> None:
    digits = datasets.load("digits", "train")
    np.savez(tmp_path / "more.npz", images=digits.images.numpy())
    common = ["train", "--noise", NOISE, "--slice", ":40", "--epochs", "30", "--batch", "8"]
    assert wulff(*common, "--store", str(tmp_path / "few")).code == 0
    more = ["--unlabelled", str(tmp_path / "more.npz"), "--teacher", str(teacher)]
    assert wulff(*common, *more, "--store", str(tmp_path / "self")).code == 0
    test = datasets.load("digits")
    wrong = []
    for name in ("few", "self"):
        model = models.load(tmp_path / name).module
        with torch.no_grad():
            wrong.append(float((model(test.images).argmax(dim=1) != test.labels).float().mean()))
    assert wrong[1] < 0.8 * wrong[0]
    hashes = tomllib.loads((tmp_path / "self" / "training.toml").read_text())["hashes"]
    assert set(hashes) == {"data", "teacher", "unlabelled"}


def test_self_training_needs_both_and_what_fits(teacher: Path, tmp_path: Path, wulff) -> None:
    common = ["train", "--noise", NOISE, "--store", str(tmp_path / "new")]
    assert "needs both" in wulff(*common, "--teacher", str(teacher)).err
    assert "needs both" in wulff(*common, "--unlabelled", "digits").err
    np.savez(tmp_path / "large.npz", images=np.zeros((4, 1, 9, 9)), labels=np.arange(4))
    result = wulff(*common, "--teacher", str(teacher), "--unlabelled", str(tmp_path / "large.npz"))
    assert result.code == 2
    assert "one shape" in result.err
    assert not (tmp_path / "new").exists()


def test_scalars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, float, int]] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            assert folder == str(tmp_path / "t" / "tensorboard")

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, value, step))

        def flush(self) -> None:
            return

    stub = types.SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stub)
    spec = runs.TrainingSpec(noise=NOISE, slice=":64", schedule=training.Schedule(epochs=2))
    runs.train(spec, tmp_path / "t", tensorboard=True)
    losses = last(tmp_path / "t")["losses"]
    assert [(name, step) for name, _, step in written] == [
        (name, step) for step in (1, 2) for name in ("loss", "noisy accuracy")
    ]
    assert [value for name, value, _ in written if name == "loss"] == losses
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match="needs TensorBoard"):
        Scalars(tmp_path)


def train_as(rank: int, port: int, folder: Path) -> None:
    """What torchrun starts: one of two processes of one training."""
    os.environ |= {"WORLD_SIZE": "2", "RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    digits = datasets.load("digits", "train").slice(":96")
    model = models.build("cnn", (1, 8, 8), 10)
    schedule = training.Schedule(epochs=2, batch=32)
    state = training.Training(model, noises.parse("gaussian(sigma=0.1)"), schedule=schedule)
    losses = [epoch.loss for epoch in state.run(digits.images, digits.labels)]
    torch.save({"model": model.state_dict(), "losses": losses}, folder / f"{state.rank}.pt")


def test_two_processes_train_one_model(tmp_path: Path) -> None:
    """As under torchrun: both end with the same weights, which are those of averaged gradients."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [forked(train_as, rank, port, tmp_path) for rank in range(2)]
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert first["losses"] == second["losses"]
    assert first["losses"][1] < first["losses"][0]
    fresh = models.build("cnn", (1, 8, 8), 10).state_dict()
    for key, value in first["model"].items():
        assert torch.equal(value, second["model"][key])
    assert any(not torch.equal(value, fresh[key]) for key, value in first["model"].items())


def test_every_process_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert training.own_device("cuda") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert [training.own_device(name) for name in ("cuda", "cuda:1", "cpu")] == ["cuda:3", "cuda:1", "cpu"]


def test_natural_images_are_cropped_and_mirrored_by_default() -> None:
    assert datasets.usual_augmentation("cifar10:/data") == "crop-flip"
    assert datasets.usual_augmentation("svhn-train") == "crop"
    assert datasets.usual_augmentation("imagenet:/data") == "resized-crop"
    assert datasets.usual_augmentation("mnist") == "none"
    assert datasets.usual_augmentation("some.npz") == "none"
