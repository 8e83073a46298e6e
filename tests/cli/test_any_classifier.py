"""Every row of the table of classifiers: one command makes a run of it, and a page."""

import os
import pickle
import sys
import warnings
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import skops.io
import torch
import xgboost
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

from tests.backends.servers import MLServer
from tests.cli.conftest import Result, call
from wulff import models, runs

FILE = """
import numpy as np
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    def forward(self, x):
        return self.layers(x)

class Labels(Net):
    def forward(self, x):
        return super().forward(x).argmax(dim=1)

class Frozen(Net):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)

class Normalised(Net):
    def forward(self, x):
        return super().forward((x - 0.5) / 0.25)

def brightness(x):
    return (10 * x.flatten(1).mean(dim=1)).long().clamp(0, 9)

def score(x):
    return x.flatten(1).mean(dim=1) - 0.3

def name(x):
    return np.where(x.flatten(1).mean(dim=1) > 0.3, "day", "night")

def standardised(x):
    rows = x.flatten(1)
    return (rows - rows.mean(dim=0)) @ torch.eye(64)[:, :10]

calls = [0]
def tires(after=3):
    calls = []
    def answer(x):
        calls.append(len(x))
        if len(calls) > after:
            raise RuntimeError("no more today")
        return torch.zeros(len(x), 10)
    return answer

def retires():
    return tires(after=10)

def unreal(x):
    return torch.zeros(len(x), 10, dtype=torch.complex64)

class Sized(nn.Module):
    def __init__(self, width):
        super().__init__()

def counting(x):
    calls[0] += 1
    return (brightness(x) + calls[0] % 2) % 10

def dropped(x):
    return torch.nn.functional.dropout(x.flatten(1)[:, :10], 0.5)

def exits():
    raise SystemExit(3)

def broken(x):
    raise ValueError("needs 28x28 images")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    digits = load_digits()
    rows, labels = digits.data / 16, digits.target
    (root / "own.py").write_text(FILE)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    torch.save({f"layers.{key}": value for key, value in net.state_dict().items()}, root / "own.pt")
    skops.io.dump(LogisticRegression(max_iter=300).fit(rows, labels), root / "logistic.skops")
    trained = xgboost.DMatrix(rows, labels)
    xgboost.train({"objective": "multi:softprob", "num_class": 10, "nthread": 1}, trained, 5).save_model(
        root / "trees.json"
    )
    parameters = {"objective": "multiclass", "num_class": 10, "num_threads": 1, "verbose": -1}
    lightgbm.train(parameters, lightgbm.Dataset(rows, labels), 5).save_model(root / "trees.txt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows_are_free = ({0: torch.export.Dim("rows", min=1)},)
        torch.onnx.export(
            net,
            (torch.zeros(2, 1, 8, 8),),
            root / "net.onnx",
            dynamic_shapes=rows_are_free,
            dynamo=True,
            verbose=False,
        )
    with (root / "pickled.skops").open("wb") as file:
        pickle.dump(LogisticRegression(), file)
    return root


def certify(model: str, store: Path, *options: str) -> Result:
    terms = ["--noise", "gaussian(sigma=0.1)", "--slice", ":4", "--n0", "20", "--n", "100", "--alpha", "0.05"]
    return call("certify", "--model", model, *terms, *options, "--store", str(store))


SPECS = [
    ("python:{}/own.py:Net", "--weights", "{}/own.pt"),
    ("python:{}/own.py:brightness", "--classes", "10", "--identity", "brightness"),
    ("python:{}/own.py:Labels", "--weights", "{}/own.pt", "--classes", "10"),
    ("python:{}/own.py:Frozen", "--weights", "{}/own.pt"),
    ("onnx:{}/net.onnx",),
    ("sklearn:{}/logistic.skops",),
    ("xgboost:{}/trees.json",),
    ("lightgbm:{}/trees.txt",),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec[0].partition(":")[0] + spec[0][-9:])
def test_a_run_and_its_page(spec: tuple[str, ...], folder: Path, tmp_path: Path) -> None:
    model, *options = (part.format(folder) for part in spec)
    result = certify(model, tmp_path / "run", *options)
    assert result.code == 0, result
    run = runs.load(tmp_path / "run")
    assert len(run.records) == 4
    assert run.facts.classes == 10
    assert run.facts.hashes["weights"] not in ("", "not identified")
    library = {"onnx": "onnxruntime", "sklearn": "sklearn"}.get(kind := model.partition(":")[0], kind)
    assert kind == "python" or run.facts.versions[library] == sys.modules[library].__version__
    assert (run.predictions >= 0).any()
    before = (tmp_path / "run" / "records.jsonl").read_bytes()
    assert certify(model, tmp_path / "run", *options).code == 0  # resumed: nothing is left to do
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == before
    assert call("report", str(tmp_path / "run"), "-o", str(tmp_path / "page.html")).code == 0
    assert (tmp_path / "page.html").stat().st_size > 10_000
    attack = call("attack", str(tmp_path / "run"), "--inside", "--steps", "2", "--copies", "4", "--n", "50")
    if model.endswith(":Net"):
        assert attack.code == 0, attack
    else:
        assert (attack.code, len(attack.err.splitlines())) == (2, 1), attack
        assert "attacks follow gradients" in attack.err


def test_a_normalisation_in_front_is_the_same_as_one_inside(folder: Path, tmp_path: Path) -> None:
    weights = ["--weights", f"{folder}/own.pt"]
    inside = certify(f"python:{folder}/own.py:Normalised", tmp_path / "inside", *weights)
    assert inside.code == 0, inside
    expected = runs.load(tmp_path / "inside")
    assert expected.spec.normalisation == "none"  # none was added
    for model, options in ((f"python:{folder}/own.py:Net", weights), (f"onnx:{folder}/net.onnx", [])):
        store = tmp_path / model.partition(":")[0]
        said = ["--normalisation", "0.5/0.25"]
        assert certify(model, store, *options, *said).code == 0
        run = runs.load(store)
        assert [record.counts for record in run.records] == [record.counts for record in expected.records]
        assert run.spec.normalisation == "0.5/0.25"
        assert call("report", str(store), "-o", str(tmp_path / "page.html")).code == 0
        assert "normalisation = &quot;0.5/0.25&quot;" in (tmp_path / "page.html").read_text()
        other = certify(model, store, *options)
        assert (other.code, "normalisation = '0.5/0.25'" in other.err) == (2, True), other


def test_weights_that_do_not_say_how_inputs_are_normalised(tmp_path: Path) -> None:
    state = models.build("cnn", (1, 8, 8), 10).state_dict()
    torch.save({key: state[key] for key in state if not key.startswith("0.")}, tmp_path / "bare.pt")
    options = ["--architecture", "cnn"]
    result = certify(str(tmp_path / "bare.pt"), tmp_path / "run", *options)
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert "give --normalisation none, imagenet" in result.err
    assert certify(str(tmp_path / "bare.pt"), tmp_path / "run", *options, "--normalisation", "none").code == 0
    assert runs.load(tmp_path / "run").spec.normalisation == "none"
    attack = call("attack", str(tmp_path / "run"), "--inside", "--steps", "1", "--copies", "4", "--n", "50")
    assert attack.code == 0, attack


def test_an_audit_of_batches_takes_weights_only(folder: Path) -> None:
    result = call("audit", "batch-invariance", "--model", f"sklearn:{folder}/logistic.skops")
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert "--model must be weights of wulff's architectures" in result.err


def test_a_server(tmp_path: Path) -> None:
    server = MLServer(tmp_path / "server")
    server.start()
    try:
        result = certify(server.url, tmp_path / "run")
        assert result.code == 0, result
    finally:
        server.kill()
    assert runs.load(tmp_path / "run").facts.hashes["weights"] == "not identified"


def test_a_ready_network(tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTForImageClassification

    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = ViTConfig(
        **size, image_size=8, patch_size=4, num_channels=1, id2label=dict(enumerate("abcdefghij"))
    )
    ViTForImageClassification(config).save_pretrained(tmp_path / "vit")
    (tmp_path / "vit" / "preprocessor_config.json").write_text('{"image_mean": [0.5], "image_std": [0.5]}')
    result = certify(f"hf:{tmp_path / 'vit'}", tmp_path / "run")
    assert result.code == 0, result


def test_a_score_for_two_classes(folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", images=np.random.default_rng(0).random((4, 1, 8, 8)), labels=[0, 1, 0, 1])
    options = ["--dataset", str(tmp_path / "two.npz"), "--threshold", "0"]
    assert certify(f"python:{folder}/own.py:score", tmp_path / "run", *options).code == 0
    assert runs.load(tmp_path / "run").facts.classes == 2


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("python:{}/own.py:score", (), "say above which the label is 1"),
        ("python:{}/own.py:brightness", (), "give --classes"),
        ("python:{}/own.py:broken", (), "ValueError: needs 28x28 images"),
        ("python:{}/own.py:nothing", (), "defines no 'nothing'"),
        ("python:{}/own.py:Net", ("--weights", "{}/none.pt"), "none.pt"),
        ("python:{}/own.py:Net", ("--architecture", "cnn"), "--architecture is for weights files"),
        ("python:{}/own.py:Net", ("--classes", "7"), "returns 10 logits, but --classes = 7"),
        ("python:{}/own.py:brightness", ("--classes", "10", "--dtype", "bf16"), "is no torch module"),
        ("python:{}/own.py:brightness", ("--classes", "5"), "labels up to"),
        ("python:{}/own.py:name", ("--classes", "2"), "have it return the numbers of the labels"),
        ("sklearn:{}/pickled.skops", (), "save one with skops.io.dump(model, 'model.skops')"),
        ("lightgbm:{}/trees.json", (), "is no model of LightGBM"),
        ("onnx:{}/own.py", (), "is no model that ONNX Runtime can run"),
        ("xgboost:{}/own.py", (), "is no model of XGBoost"),
        ("http://127.0.0.1:9/v2/nothing", (), "write http://HOST:PORT/v2/models/NAME"),
        ("python:{}/own.py:standardised", (), "is no function of its input: its answers change"),
        ("python:{}/own.py:counting", ("--classes", "10"), "is no function of its input"),
        ("python:{}/own.py:dropped", (), "is no function of its input"),
        ("python:{}/own.py:tires", (), "tires fails on inputs of shape (1, 8, 8): RuntimeError: no"),
        ("python:{}/own.py:unreal", (), "must return real numbers, got torch.complex64"),
        ("python:{}/own.py:Sized", (), "write a function without arguments that returns Sized(...)"),
        ("python:{}/own.py:exits", (), "keep what a script does under `if __name__ == '__main__':`"),
        ("{}/own.py", (), "say which of its names is the model: python:"),
        ("{}/net.onnx", (), "to read it, give onnx:"),
        ("{}/logistic.skops", (), "to read it, give sklearn:"),
        ("{}/trees.json", (), "to read it, give xgboost:"),
        ("{}/trees.txt", (), "to read it, give lightgbm:"),
        ("{}/model.pkl", (), "save an estimator with skops.io.dump(model, 'model.skops')"),
        ("onnx:{}/net.onnx", ("--normalisation", "imagenet"), "--normalisation has 3 numbers"),
        ("onnx:{}/net.onnx", ("--normalisation", "cifar"), "--normalisation must be none, imagenet"),
        ("onnx:{}/net.onnx", ("--weights", "{}/own.pt"), "are for the module of python:FILE.py:NAME"),
        ("{}/own.pt", ("--threshold", "0"), "--threshold is for models from elsewhere"),
    ],
)
def test_bad_models_are_one_line(
    model: str, options: tuple[str, ...], message: str, folder: Path, tmp_path: Path
) -> None:
    result = certify(model.format(folder), tmp_path / "run", *(option.format(folder) for option in options))
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert message in result.err
    assert not os.path.exists(tmp_path / "run")


def test_a_model_that_fails_in_the_middle_keeps_its_records(folder: Path, tmp_path: Path) -> None:
    stored = []
    for _ in range(2):
        result = certify(f"python:{folder}/own.py:retires", tmp_path / "run", "--batch", "50")
        assert (result.code, result.out) == (2, "")
        last = result.err.splitlines()[-1]
        assert last == "wulff: the model fails on inputs of shape (1, 8, 8): RuntimeError: no more today."
        stored.append(len(runs.load(tmp_path / "run").records))
    assert 0 < stored[0] < stored[1] < 4
