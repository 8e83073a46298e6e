"""Threats in the box, from the command line to the report: from counts of yesterday, too."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.conftest import call
from wulff import Smoothed, models, runs
from wulff.errors import InputError


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("box")
    module = models.build("cnn", (1, 8, 8), 10, seed=0)
    *_, last = [layer for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
    torch.nn.init.constant_(last.bias, 0.0)
    last.bias.data[3] = 2.0  # it is quite sure under any noise
    description = models.Description("cnn", (1, 8, 8), 10, "uniform(sigma=2)")
    models.weights.save(folder / "weights.safetensors", module, description)
    spec = runs.Spec(
        model=str(folder), slice=":6", norms=("l1", "l1-box", "l0-box"), n0=20, n=200, alpha=0.05
    )
    runs.certify(spec, folder / "run")
    return folder / "run"


def test_radii_in_the_box_are_records_and_columns(run: Path) -> None:
    found = runs.load(run)
    assert found.norms == ["l1", "l1-box", "l0-box"]
    assert (found.radii("l1-box") >= found.radii("l1")).all()
    assert (found.radii("l1-box") > found.radii("l1")).any()
    assert (found.radii("l0-box") % 1 == 0).all()
    assert "of x and x' in [0, 1]^d only" in found.statement
    assert "how many coordinates" in found.statement
    table = call("report", str(run), "--norm", "l1-box", "--radii", "0.5,1.5")
    assert table.code == 0
    assert "l1-box" in table.out
    page = run.parent / "page.html"
    assert call("report", str(run), "-o", str(page)).code == 0
    assert "l1-box" in page.read_text()


def test_recertified_from_counts(run: Path, tmp_path: Path) -> None:
    result = call(
        "recertify", str(run), "--norm", "l1-box", "--norm", "lp(1.5)-box", "--store", str(tmp_path / "new")
    )
    assert result.code == 0, result
    new = runs.load(tmp_path / "new")
    np.testing.assert_array_equal(new.radii("l1-box"), runs.load(run).radii("l1-box"))


def test_stopping_and_planning_know_the_box(tmp_path: Path, run: Path) -> None:
    options = ["--slice", ":4", "--n0", "20", "--n", "300", "--alpha", "0.05", "--stop-radii", "0.5"]
    store = str(tmp_path / "stopped")
    result = call("certify", "--model", str(run.parent), "--norm", "l1-box", *options, "--store", store)
    assert result.code == 0, result
    assert call("plan", "--radius", "1.5", "--noise", "uniform(scale=2)", "--norm", "l1-box").code == 0
    shown = call("radius", "uniform(scale=2)", "--norm", "l1-box", "--dim", "64", "--error", "0.001")
    assert shown.out.startswith("2.437333")


def test_attacks_stay_in_the_box(run: Path) -> None:
    assert call("attack", str(run), "--norm", "l1-box", "--inside", "--limit", "2").code == 0
    refused = call("attack", str(run), "--norm", "l0-box", "--inside", "--limit", "2")
    assert refused.code == 2
    assert "no attack on changed coordinates" in refused.err


def test_inputs_outside_the_box() -> None:
    smoothed = Smoothed(lambda x: x.flatten(1), "gaussian(sigma=1)", 2)
    with pytest.raises(InputError, match="use the threat without -box"):
        smoothed.certify(torch.tensor([[0.5, 1.005]]), norm="l1-box", n=20, alpha=0.1)
