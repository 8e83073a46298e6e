"""Classifiers of disjoint parts of a training set, certified against poisoned examples."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.cli.conftest import call
from wulff import datasets, models, runs, training
from wulff.errors import InputError, RunError
from wulff.models import Partitioned
from wulff.smoothing import Enumerated
from wulff.views import Partitions, certify_partitions, parse, partition

SHORT = training.Schedule(epochs=2, batch=16, learning_rate=0.05)
PARTS = 4


def training_set(folder: Path, keep: slice = slice(None)) -> str:
    """Some digits in a file, perhaps with one of them removed."""
    digits = datasets.load("digits", "train")
    images, labels = digits.images[:240].numpy()[keep], digits.labels[:240].numpy()[keep]
    labels[-1] = 9  # so that there are always ten classes
    np.savez(folder / "digits.npz", images=images, labels=labels)
    return str(folder / "digits.npz")


def trained(folder: Path, dataset: str, store: str = "model") -> Path:
    spec = runs.TrainingSpec(noise=f"partitions(parts={PARTS})", dataset=dataset, model="mlp", schedule=SHORT)
    return runs.train(spec, folder / store)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("parts")
    trained(root, training_set(root))
    return root


def test_a_removed_example_changes_one_classifier(folder: Path, tmp_path: Path) -> None:
    whole = datasets.load(str(folder / "digits.npz"))
    gone = int(partition(whole.images[:1], PARTS)[0])
    trained(tmp_path, training_set(tmp_path, slice(1, None)))
    same = [
        all(
            torch.equal(a, b)
            for a, b in zip(
                *(
                    models.load(root / "model" / "parts" / f"{number:03d}").module.state_dict().values()
                    for root in (folder, tmp_path)
                ),
                strict=True,
            )
        )
        for number in range(PARTS)
    ]
    assert same == [number != gone for number in range(PARTS)]


def test_runs_certify_the_votes_of_all_classifiers(folder: Path, tmp_path: Path) -> None:
    options = ["--model", str(folder / "model"), "--slice", ":40", "--store", str(tmp_path / "run")]
    done = call("certify", *options)
    assert done.code == 0, done
    assert "poisoned examples" in done.out
    run = runs.load(tmp_path / "run")
    assert run.norms == ["poisoning"]
    assert "one that was changed counts twice" in call("report", str(tmp_path / "run")).out
    assert "inserted or removed" in run.statement
    x = datasets.load("digits", "test").images[:40]
    loaded = models.load(folder / "model").module
    assert isinstance(loaded, Partitioned)
    answers = np.stack([member(x).argmax(dim=1).numpy() for member in loaded.members])
    label, slack = certify_partitions(answers, 10)
    np.testing.assert_array_equal(run.predictions, label)
    np.testing.assert_array_equal(run.radii("poisoning"), slack)
    assert (slack > 0).any()
    refused = call("attack", str(tmp_path / "run"), "--inside")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "no attack on training sets" in refused.err


def test_the_checker_proves_them(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("flint")
    from wulff.verify import verify_run

    runs.execute(runs.ViewSpec(model=str(folder / "model"), slice=":20"), tmp_path / "run")
    assert {finding.verdict for finding in verify_run(tmp_path / "run")} == {"proven"}


def test_a_training_goes_on(folder: Path) -> None:
    weights = folder / "model" / "weights.safetensors"
    before = weights.read_bytes()
    weights.unlink()
    parts = sorted((folder / "model" / "parts").iterdir())
    (parts[2] / "weights.safetensors").unlink()
    (parts[2] / "training.toml").unlink()
    trained(folder, str(folder / "digits.npz"))
    assert weights.read_bytes() == before
    weights.unlink()
    other = runs.TrainingSpec(
        noise=f"partitions(parts={PARTS})", dataset=str(folder / "digits.npz"), model="mlp", slice=":200"
    )
    with pytest.raises(RunError, match="holds a run with"):
        runs.train(other, folder / "model")
    weights.write_bytes(before)


def test_what_is_refused(tmp_path: Path, folder: Path) -> None:
    digits = str(folder / "digits.npz")
    with pytest.raises(InputError, match="take fewer parts"):
        runs.train(runs.TrainingSpec(noise="partitions(parts=500)", dataset=digits), tmp_path / "a")
    with pytest.raises(InputError, match="on its own part alone"):
        runs.train(
            runs.TrainingSpec(noise="partitions(parts=2)", dataset=digits, weights=str(folder)),
            tmp_path / "b",
        )
    other = ["--noise", "partitions(parts=3)", "--slice", ":2", "--store", str(tmp_path / "c")]
    found = call("certify", "--model", str(folder / "model"), *other)
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert "were trained on partitions(parts=4)" in found.err
    assert not list(tmp_path.iterdir())


def test_each_row_goes_to_its_network() -> None:
    members = [nn.Sequential(nn.Flatten(), nn.Linear(12, 3)) for _ in range(5)]
    views, x = parse("partitions(parts=5)"), torch.rand(7, 3, 2, 2)
    assert isinstance(views, Partitions)
    proof = Enumerated(Partitioned(members), views, 3).certify(x)
    answers = np.stack([member(x).argmax(dim=1).numpy() for member in members])
    label, slack = certify_partitions(answers, 3)
    np.testing.assert_array_equal(proof.label, label)
    np.testing.assert_array_equal(proof.radius, slack)
    table = torch.rand(4, 12)
    assert views.views(table[0], torch.arange(5))[:, -1].tolist() == [0, 1, 2, 3, 4]
