"""Modules of PyTorch that ONNX Runtime computes: the same labels but for near ties, and recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.cli.conftest import call
from wulff import models, runs
from wulff.backends.onnx_export import exported
from wulff.errors import InputError
from wulff.training import Schedule


class Branching(nn.Module):
    """Does what depends on its input in a way that cannot be exported."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :2] if x.mean() > 0.5 else -x.flatten(1)[:, :2]


@pytest.mark.parametrize(("name", "shape"), [("cnn", (1, 8, 8)), ("resnet20", (3, 16, 16)), ("mlp", (5,))])
def test_outputs_are_those_of_the_module(name: str, shape: tuple[int, ...]) -> None:
    module = models.build(name, shape, 10).eval()
    x = torch.rand(70, *shape)
    function = exported(module, x[:64])
    for rows in (1, 16, 70):
        with torch.inference_mode():
            torch.testing.assert_close(function(x[:rows]), module(x[:rows]), rtol=1e-4, atol=1e-4)


def test_what_cannot_be_exported_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"cannot be exported for onnxruntime: .*; leave the runtime out"
    ) as found:
        exported(Branching().eval(), torch.rand(64, 1, 4, 4))
    assert "\n" not in str(found.value)


def certify(model: Path, store: Path, *options: str) -> Any:
    terms = ["--slice", ":6", "--n0", "20", "--n", "400", "--alpha", "0.05"]
    return call("certify", "--model", str(model), *terms, *options, "--store", str(store))


def test_a_run(tmp_path: Path) -> None:
    schedule = Schedule(epochs=1)
    model = runs.train(runs.TrainingSpec(noise="gaussian(sigma=0.25)", schedule=schedule), tmp_path / "model")
    runtime = ["--runtime", "onnxruntime"]
    for name, options in (("torch", []), ("onnx", runtime), ("two", [*runtime, "--workers", "2"])):
        result = certify(model, tmp_path / name, *options)
        assert result.code == 0, result
    found = {name: runs.load(tmp_path / name) for name in ("torch", "onnx", "two")}
    assert [record.counts for record in found["two"].records] == [r.counts for r in found["onnx"].records]
    for one, other in zip(found["onnx"].records, found["torch"].records, strict=True):
        for label, count in other.counts["estimation"].items():
            assert abs(one.counts["estimation"].get(label, 0) - count) <= 2
    assert found["onnx"].spec.runtime == "onnxruntime"
    assert "onnxruntime" in found["onnx"].facts.versions
    assert "runtime" not in (tmp_path / "torch" / "spec.toml").read_text()
    assert json.loads((tmp_path / "onnx" / "summary.json").read_text())["inputs"] == 6
    for options, message in (
        ([], "holds a run with runtime = 'onnxruntime'"),
        ([*runtime, "--dtype", "bf16"], "runs in float32 on the CPU; leave out"),
        ([*runtime, "--channels-last"], "runs in float32 on the CPU; leave out"),
    ):
        refused = certify(model, tmp_path / "onnx", *options)
        assert (refused.code, len(refused.err.splitlines())) == (2, 1), refused
        assert message in refused.err
    attack = call("attack", str(tmp_path / "onnx"), "--inside")
    assert (attack.code, "attacks follow gradients" in attack.err) == (2, True), attack


def test_other_models_have_no_runtime(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def f(x):\n    return x.flatten(1)[:, :10]\n")
    options = ["--noise", "gaussian(sigma=0.25)", "--runtime", "onnxruntime"]
    refused = certify(Path(f"python:{tmp_path}/own.py:f"), tmp_path / "run", *options)
    assert (refused.code, "--runtime onnxruntime is for torch modules" in refused.err) == (2, True), refused
    assert not (tmp_path / "run").exists()
