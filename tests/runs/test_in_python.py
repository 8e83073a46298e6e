"""`wulff.certify`: any classifier and any inputs as a run, in memory or in a folder that survives kills."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

import wulff
from tests.processes import forked
from wulff import runs
from wulff.engines import ProcessEngine
from wulff.errors import InputError, RunError
from wulff.runs.folder import RECORDS, SUMMARY
from wulff.stats import Anytime

FORKED = ProcessEngine(2, "forkserver")
NOISE = "gaussian(sigma=0.25)"
TERMS: dict[str, Any] = {"noise": NOISE, "n0": 20, "n": 300, "progress": False}
X = torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(0))
Y = (X.mean(dim=(1, 2, 3)) > 0.5).long()


class Net(nn.Module):
    """Whether an image is bright, by its mean, with a few weights."""

    def __init__(self, seconds: float = 0.0, bias: float = 0.0) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 2)
        self.dropout = nn.Dropout(0.9)  # active unless the module is put into evaluation mode
        self.seconds = seconds
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor([[-1.0], [1.0]]).expand(2, 16))
            self.layer.bias.copy_(torch.tensor([8.0 + bias, -8.0]))

    def forward(self, batch: Tensor) -> Tensor:
        time.sleep(self.seconds)
        return self.layer(self.dropout(batch.flatten(1)))


def bright(batch: np.ndarray) -> np.ndarray:
    """The same as labels, for arrays."""
    assert isinstance(batch, np.ndarray)
    return (batch.reshape(len(batch), -1).mean(axis=1) > 0.5).astype(np.int64)


def fitted() -> LogisticRegression:
    model = LogisticRegression(C=100.0)
    x = np.random.default_rng(0).uniform(size=(200, 16))
    return model.fit(x, np.where(x.mean(axis=1) > 0.5, "bright", "dark"))


def lines(folder: Path) -> list[str]:
    """The journal without the timing at the end of each line."""
    return [line.partition(', "seconds"')[0] for line in (folder / RECORDS).read_text().splitlines()]


def shorten(folder: Path, kept: int) -> None:
    """What a kill in the middle of a line leaves."""
    journal = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    (folder / RECORDS).write_bytes(b"".join(journal[:kept]) + journal[kept][:20])
    (folder / SUMMARY).unlink()


@pytest.mark.parametrize(
    ("model", "options"), [(Net().train(), {}), (bright, {"num_classes": 2}), (fitted(), {})]
)
def test_a_run_has_what_smoothed_certifies(model: Any, options: dict[str, int]) -> None:
    names = np.array(["dark", "bright"])[Y] if isinstance(model, LogisticRegression) else Y
    run = wulff.certify(model, X, names, norms=["l2", "l1-box"], **TERMS, **options)
    function = wulff.backends.adapt(model).function
    smoothed = wulff.Smoothed(function, NOISE, 2)
    for norm in run.norms:
        proof = smoothed.certify(X, norm, n0=20, n=300)
        np.testing.assert_array_equal(run.predictions, proof.label)
        np.testing.assert_array_equal(run.radii(norm), proof.radius)
    truth = 1 - Y if isinstance(model, LogisticRegression) else Y  # its classes are bright, dark
    np.testing.assert_array_equal(run.labels, truth)
    assert not run.stored
    assert run.facts.identified == isinstance(model, nn.Module)


@pytest.mark.parametrize("engine", [None, FORKED], ids=["local", "processes"])
def test_an_interrupted_run_goes_on(tmp_path: Path, engine: ProcessEngine | None) -> None:
    whole = wulff.certify(Net(), X, Y, store=tmp_path / "whole", **TERMS)
    in_memory = wulff.certify(Net(), X.numpy(), Y.tolist(), **TERMS)
    wulff.certify(Net(), X, Y, store=tmp_path / "again", **TERMS)
    shorten(tmp_path / "again", 5)
    again = wulff.certify(Net(), X, Y, store=tmp_path / "again", engine=engine, **TERMS)
    assert lines(tmp_path / "again") == lines(tmp_path / "whole")
    np.testing.assert_array_equal(in_memory.radii("l2"), whole.radii("l2"))
    np.testing.assert_array_equal(again.radii("l2"), whole.radii("l2"))


def slowly(folder: Path) -> None:
    wulff.certify(Net(seconds=0.02), X, Y, store=folder, **TERMS)


def test_killed_while_it_runs(tmp_path: Path) -> None:
    """Whatever moment a process dies at, the records are those of an undisturbed run."""
    folder = tmp_path / "run"
    for kept in (1, 4, 8):
        process = forked(slowly, folder)
        journal = folder / RECORDS
        while not journal.exists() or journal.read_bytes().count(b"\n") < kept:
            assert process.is_alive()
            time.sleep(0.002)
        process.kill()
        process.join()
    assert journal.read_bytes().count(b"\n") < len(X)
    wulff.certify(Net(), X, Y, store=folder, **TERMS)
    wulff.certify(Net(), X, Y, store=tmp_path / "whole", **TERMS)
    assert lines(folder) == lines(tmp_path / "whole")


def test_what_a_notebook_defines_goes_to_workers() -> None:
    threshold = 0.5

    class Local(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return (batch.flatten(1).mean(dim=1) > threshold).long()

    alone = wulff.certify(bright, X, Y, num_classes=2, **TERMS)
    options = {**TERMS, "num_classes": 2, "engine": FORKED}
    for model in (Local(), lambda batch: (batch.flatten(1).mean(dim=1) > threshold).long()):
        together = wulff.certify(model, X, Y, **options)
        assert [record.counts for record in together.records] == [record.counts for record in alone.records]


def test_another_classifier_is_refused(tmp_path: Path) -> None:
    """Weights have a hash; of a function only its votes can tell that it is another."""
    folder = tmp_path / "run"
    wulff.certify(Net(), X, Y, store=folder, **TERMS)
    with pytest.raises(RunError, match="weights = 'Net sha256"):
        wulff.certify(Net(bias=0.1), X, Y, store=folder, **TERMS)
    with pytest.raises(RunError, match="data = "):
        wulff.certify(Net(), X[:11], Y[:11], store=folder, **TERMS)

    def shifted(batch: np.ndarray) -> np.ndarray:
        return bright(batch - 0.02)

    shifted.__qualname__ = "bright"
    other = tmp_path / "other"
    wulff.certify(bright, X, Y, num_classes=2, store=other, identity="model 7", **TERMS)
    shorten(other, 8)
    before = (other / RECORDS).read_bytes()
    refusal = r"votes for input \d+ are not those of the stored run: another model, or a model that is not"
    with pytest.raises(RunError, match=refusal):
        wulff.certify(shifted, X, Y, num_classes=2, store=other, identity="model 7", **TERMS)
    assert before.startswith((other / RECORDS).read_bytes())  # at most the torn line is gone


def test_a_finished_run_of_an_unknown_classifier_is_counted_again(tmp_path: Path) -> None:
    def flipped(batch: np.ndarray) -> np.ndarray:
        return 1 - bright(batch)

    kind: Callable[[np.ndarray], np.ndarray]
    for kind in (bright, flipped):
        kind.__qualname__ = "same"
    options = {**TERMS, "num_classes": 2, "store": tmp_path / "run"}
    first = wulff.certify(bright, X, Y, **options)
    assert not first.facts.identified
    assert json.loads((tmp_path / "run" / SUMMARY).read_text())["classifier"] == "not identified"
    wulff.certify(bright, X, Y, **options)
    with pytest.raises(RunError, match="not those of the stored run"):
        wulff.certify(flipped, X, Y, **options)


def test_without_labels(tmp_path: Path) -> None:
    """There are labels and radii, and an abstention is never taken for a right answer."""
    known = wulff.certify(Net(), X, Y, **TERMS)
    run = wulff.certify(Net(), X, store=tmp_path / "run", **TERMS)
    np.testing.assert_array_equal(run.radii("l2"), known.radii("l2"))
    assert (run.predictions == -1).any()
    assert not ((run.labels == run.predictions) | (run.labels >= 0)).any()
    assert not run.facts.labelled
    records = [json.loads(line) for line in (tmp_path / "run" / RECORDS).read_text().splitlines()]
    assert all("label" not in record for record in records)
    assert "correct" not in json.loads((tmp_path / "run" / SUMMARY).read_text())
    assert run.records[:] == runs.load(tmp_path / "run").records[:]
    np.testing.assert_array_equal(run.scored, run.predictions >= 0)
    shorten(tmp_path / "run", 4)
    again = wulff.certify(Net(), X, store=tmp_path / "run", **TERMS)
    np.testing.assert_array_equal(again.radii("l2"), run.radii("l2"))


def test_a_label_has_no_place_in_a_run_without_labels(tmp_path: Path) -> None:
    for y in (None, Y):
        folder = tmp_path / str(y is None)
        wulff.certify(Net(), X, y, store=folder, **TERMS)
        text = (folder / RECORDS).read_text()
        changed = text.replace('"predict"', '"label": 1, "predict"', 1)
        if y is not None:
            changed = re.sub(r'"label": \d, ', "", text, count=1)
        (folder / RECORDS).write_text(changed)
        with pytest.raises(RunError, match="does not fit its run: it has"):
            runs.load(folder)


def test_labels_by_name_are_not_taken_for_places() -> None:
    """An estimator whose classes are called 1 and 2 has its labels looked up, not shifted by one."""
    flat = X.flatten(1)
    model = LogisticRegression(C=100.0).fit(flat.numpy(), Y.numpy() + 1)
    run = wulff.certify(model, flat, Y.numpy() + 1, **TERMS)
    np.testing.assert_array_equal(run.labels, Y)
    with pytest.raises(InputError, match="y holds 0, which is no class of the model: 1, 2"):
        wulff.certify(model, flat, Y.numpy(), **TERMS)


def test_stopping_early_and_skipping() -> None:
    stop = Anytime(radii=(0.05,), skip_incorrect=True)
    run = wulff.certify(Net(), X, 1 - Y, stop=stop, **{**TERMS, "n": 5000})
    assert (run.columns.n == 0).any()
    with pytest.raises(InputError, match="skip_incorrect needs the true labels"):
        wulff.certify(Net(), X, stop=stop, **TERMS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": X * 255}, "divide 8-bit pixels by 255"),
        ({"x": (X * 255).to(torch.uint8)}, "divide 8-bit pixels by 255"),
        ({"x": X + 0.1}, r"pixels must lie in \[0, 1\]"),
        ({"x": "images.npz"}, "x must be numbers"),
        ({"x": X[:0]}, "not be empty"),
        ({"y": Y[:3]}, "one label for each of 12 inputs"),
        ({"y": Y + 1}, "labels from 0 to 1, since the model has 2 classes, got 2"),
        ({"y": Y - 3}, "labels from 0 to 1"),
        ({"y": Y * 1.0}, "integers from 0, or names of classes, got float32"),
        ({"y": ["a"] * 12}, "give class_names"),
        ({"model": 5}, "a model must be a module"),
        ({"model": nn.Linear(3, 2)}, "the model fails on inputs of shape"),
        ({"model": lambda batch: batch.flatten(1)[:, 0] > 0.5}, "say how many there are: num_classes="),
        ({"model": lambda batch: batch.flatten(1)[:, 0]}, "threshold"),
        ({"num_classes": 3}, "num_classes is 3, but the model has 2"),
        ({"num_classes": 2.5}, "num_classes must be a positive integer"),
        ({"noise": "gauss"}, "gauss"),
        ({"noise": 0.25}, "noise must be text"),
        ({"norms": ["l0.5"]}, "p ≥ 1"),
        ({"norms": 2}, "norms must be a sequence"),
        ({"alpha": 2}, "alpha must lie"),
        ({"n": 0}, "n must be a positive integer"),
        ({"workers": 0}, "workers must be a positive integer"),
        ({"workers": 2, "engine": wulff.engines.LocalEngine()}, "leave one of them out"),
        ({"progress": 1}, "progress must be True or False"),
        ({"store": 5}, "store must be a path"),
        ({"batch": 0}, "batch must be a positive integer"),
        ({"stop": 0.5}, "stop must be"),
    ],
)
def test_refuses(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    arguments = {"model": Net(), "x": X, "y": Y, "store": tmp_path / "run", **TERMS} | changes
    with pytest.raises(InputError, match=message) as refusal:
        wulff.certify(**arguments)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()
