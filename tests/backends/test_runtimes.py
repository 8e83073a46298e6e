"""Modules of PyTorch that other runtimes compute: the same labels but for near ties, and recorded."""

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wulff
from tests.cli.conftest import call
from tests.nightly import NIGHTLY, everyday, taking_turns
from wulff import models, runs
from wulff.backends.runtimes import Runtime, exported, installed
from wulff.errors import InputError
from wulff.training import Schedule


class Normed(nn.Module):
    """A convolution with batch normalisation, and a way around them."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU())
        self.last = nn.Linear(192, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last((x + self.inner(x)).flatten(1))


class Branching(nn.Module):
    """Does what depends on its input in a way that cannot be exported."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :2] if x.mean() > 0.5 else -x.flatten(1)[:, :2]


RUNTIMES: list[Runtime] = ["onnxruntime", "openvino"]


@pytest.mark.parametrize(
    ("name", "shape", "runtime"),
    taking_turns(
        [("normed", (3, 8, 8)), ("resnet20", (3, 8, 8)), ("mlp", (5,)), ("cnn", (1, 8, 8))], RUNTIMES[::-1], 2
    ),
)
def test_outputs_are_those_of_the_module(name: str, shape: tuple[int, ...], runtime: Runtime) -> None:
    module = Normed() if name == "normed" else models.build(name, shape, 10)
    x = torch.rand(70, *shape)
    module(x)  # statistics of batches that are not 0 and 1
    function = exported(module.eval(), x[:64], runtime)
    for rows in (1, 16, 70):
        with torch.inference_mode():
            torch.testing.assert_close(function(x[:rows]), module(x[:rows]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_cannot_be_exported_is_refused(runtime: Runtime) -> None:
    with pytest.raises(
        InputError, match=rf"cannot be exported for {runtime}: .*; leave the runtime out"
    ) as found:
        exported(Branching().eval(), torch.rand(64, 1, 4, 4), runtime)
    assert "\n" not in str(found.value)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that is trained once; tests leave it as it is."""
    spec = runs.TrainingSpec(noise="gaussian(sigma=0.25)", schedule=Schedule(epochs=1))
    return runs.train(spec, tmp_path_factory.mktemp("runtimes") / "model")


def certify(model: Path, store: Path, *options: str) -> Any:
    terms = ["--slice", ":6", "--n0", "20", "--n", "400", "--alpha", "0.05"]
    return call("certify", "--model", str(model), *terms, *options, "--store", str(store))


@pytest.mark.parametrize("runtime", everyday(RUNTIMES, 1))
def test_a_run(model: Path, tmp_path: Path, runtime: Runtime) -> None:
    asked = ["--runtime", runtime]
    for name, options in (("torch", []), ("other", asked)):
        result = certify(model, tmp_path / name, *options)
        assert result.code == 0, result
    found = {name: runs.load(tmp_path / name) for name in ("torch", "other")}
    if NIGHTLY:  # every day workers run openvino in eight bits, below
        assert certify(model, tmp_path / "two", *asked, "--workers", "2").code == 0
        two = runs.load(tmp_path / "two").records
        assert [record.counts for record in two] == [r.counts for r in found["other"].records]
    for one, other in zip(found["other"].records, found["torch"].records, strict=True):
        for label, count in other.counts["estimation"].items():
            assert abs(one.counts["estimation"].get(label, 0) - count) <= 2
    assert found["other"].spec.runtime == runtime
    assert runtime in found["other"].facts.versions
    assert "\nruntime = " not in (tmp_path / "torch" / "spec.toml").read_text()
    assert json.loads((tmp_path / "other" / "summary.json").read_text())["inputs"] == 6
    for options, message in (
        (["--runtime", "torch"], f"holds a run with runtime = '{runtime}'"),
        ([*asked, "--dtype", "bf16"], "runs in float32 on the CPU; leave out"),
        ([*asked, "--channels-last"], "runs in float32 on the CPU; leave out"),
    ):
        refused = certify(model, tmp_path / "other", *options)
        assert (refused.code, len(refused.err.splitlines())) == (2, 1), refused
        assert message in refused.err
    assert certify(model, tmp_path / "other").code == 0  # what is left open is kept
    attack = call("attack", str(tmp_path / "other"), "--inside", "--n", "200", "--limit", "1")
    assert attack.code == 0, attack  # by the gradients of the module itself


def test_a_runtime_is_there_with_all_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ["onnxscript"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else object())
    assert installed() == ["openvino"]
    missing[:] = ["openvino"]
    assert installed() == ["onnxruntime"]


def test_a_long_run_takes_the_fastest_runtime_and_keeps_it(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as long:
        long.setattr("wulff.smoothing.tuning.LONG", 0.0)
        long.setattr("wulff.smoothing.tuning.SHARE", 1e6)
        long.setattr("wulff.smoothing.tuning.COMPILING", math.inf)
        long.setattr("wulff.smoothing.tuning.SIZES", {"cpu": (64,)})
        long.setattr("wulff.runs.tuned.EXPORTING", -math.inf)
        long.setattr("wulff.runs.tuned.rate", lambda *_: 1e9)  # of the other runtimes
        result = certify(model, tmp_path / "auto")
        assert result.code == 0, result
        asked = certify(model, tmp_path / "asked", "--runtime", "torch")
        assert asked.code == 0, asked
    run = runs.load(tmp_path / "auto")
    assert run.spec.runtime == "onnxruntime"
    rates = run.facts.engine["samples_per_second"]
    assert {"64, onnxruntime", "64, openvino", "64"} <= set(rates)
    assert runs.load(tmp_path / "asked").spec.runtime == "torch"
    (tmp_path / "auto" / "records.jsonl").write_text("")
    (tmp_path / "auto" / "summary.json").unlink()
    again = certify(model, tmp_path / "auto")
    assert again.code == 0, again
    kept = runs.load(tmp_path / "auto")
    assert (kept.spec.runtime, kept.facts.engine["samples_per_second"]) == ("onnxruntime", rates)
    assert [record.counts for record in kept.records] == [record.counts for record in run.records]


def test_other_models_have_no_runtime(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def f(x):\n    return x.flatten(1)[:, :10]\n")
    options = ["--noise", "gaussian(sigma=0.25)", "--runtime", "onnxruntime"]
    refused = certify(Path(f"python:{tmp_path}/own.py:f"), tmp_path / "run", *options)
    assert (refused.code, "--runtime onnxruntime is for torch modules" in refused.err) == (2, True), refused
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("runtime", everyday(RUNTIMES[::-1], 1))
def test_in_python(runtime: Runtime) -> None:
    module = models.build("cnn", (1, 8, 8), 10).eval()
    x = torch.rand(4, 1, 8, 8)
    terms = {"noise": "gaussian(sigma=0.5)", "n0": 20, "n": 300, "progress": False}
    plain, other = (wulff.certify(module, x, runtime=way, **terms) for way in ("torch", runtime))
    assert runtime in other.facts.versions
    for one, two in zip(plain.records, other.records, strict=True):
        assert one.predict == two.predict
    with pytest.raises(InputError, match=f"the runtime {runtime} is for torch modules"):
        wulff.certify(lambda batch: batch.flatten(1), x, num_classes=64, runtime=runtime, **terms)


def test_eight_bits_are_another_network_whose_agreement_is_recorded(model: Path, tmp_path: Path) -> None:
    options = ["--dtype", "int8"]
    result = certify(model, tmp_path / "int8", *options)
    assert result.code == 0, result
    run = runs.load(tmp_path / "int8")
    assert run.spec.dtype == "int8"
    assert 0.8 < run.facts.engine["agreement"] <= 1
    assert "The network in int8 is certified; its label is float32's on" in result.out
    again = certify(model, tmp_path / "again", *options, "--workers", "2")
    assert again.code == 0, again
    counts = [[record.counts for record in runs.load(tmp_path / name).records] for name in ("int8", "again")]
    assert counts[0] == counts[1]
    refused = certify(model, tmp_path / "other", "--dtype", "int8", "--runtime", "torch")
    assert (refused.code, "--dtype int8 is for" in refused.err) == (2, True), refused


def test_eight_bits_in_python() -> None:
    module = models.build("cnn", (1, 8, 8), 10).eval()
    x = torch.rand(64, 1, 8, 8)
    terms = {"noise": "gaussian(sigma=0.5)", "n0": 20, "n": 100, "progress": False}
    run = wulff.certify(module, x[:2], dtype="int8", calibration=x[2:], **terms)
    assert (run.spec.dtype, run.spec.runtime) == ("int8", "openvino")
    assert 0 < run.facts.engine["agreement"] <= 1
    with pytest.raises(InputError, match="give both or neither"):
        wulff.certify(module, x[:2], dtype="int8", **terms)
