"""Threats in the box, from the command line to the report: from counts of yesterday, too."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import wulff
from tests.cli.conftest import call
from wulff import Smoothed, certified_radius, models, runs
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
    assert {record.radii["l1-box"].method for record in found.records} == {"box"}
    assert "of x and x' in [0, 1]^d only" in found.statement
    assert "how many coordinates" in found.statement
    table = call("report", str(run), "--norm", "l1-box", "--radii", "0.5,1.5")
    assert table.code == 0
    assert "l1-box" in table.out
    page = run.parent / "page.html"
    assert call("report", str(run), "-o", str(page)).code == 0
    assert "l1-box" in page.read_text()


def test_recertified_from_counts(run: Path, tmp_path: Path) -> None:
    command = ["recertify", str(run), "--norm", "l1-box", "--norm", "lp(1.5)-box"]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        result = call(*command, "--store", str(tmp_path / "any"))
    assert result.code == 0, result
    assert "now those of any input" in result.err
    old, anyones = runs.load(run), runs.load(tmp_path / "any")
    assert (anyones.radii("l1-box") <= old.radii("l1-box")).all()
    assert {record.radii["l1-box"].method for record in anyones.records} <= {"unit-box", "abstain"}
    result = call(*command, "--dataset", "digits", "--store", str(tmp_path / "own"))
    assert result.code == 0, result
    own = runs.load(tmp_path / "own")
    np.testing.assert_array_equal(own.radii("l1-box"), old.radii("l1-box"))
    assert {record.radii["l1-box"].method for record in own.records} == {"box"}


def test_the_room_of_grey_inputs_makes_their_radii_larger() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.ones(len(x)), torch.zeros(len(x))], dim=1)

    x = torch.stack([torch.full((1, 4, 4), 0.5), torch.zeros(1, 4, 4)])
    terms = {"n0": 20, "n": 4000, "alpha": 0.001, "noise": "laplace(sigma=1)", "progress": False}
    run = wulff.certify(model, x, [0, 0], norms=["l1", "l1-box", "l0-box"], **terms)
    grey, black = run.radii("l1-box")
    assert grey > 1.1 * black > 1.1 * run.radii("l1")[1]
    assert [record.radii["l1-box"].method for record in run.records] == ["box", "box"]
    anyone = float(certified_radius("laplace(sigma=1)", run.records[1].error, "l1-box", dim=16).radius)
    assert black == anyone
    for threat in ("l1-box", "l0-box"):  # the inputs are still in memory
        np.testing.assert_array_equal(run.recertify(norms=[threat]).radii(threat), run.radii(threat))


def test_rooms_with_two_sided_bounds_and_exact_sampling() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.ones(len(x)), torch.zeros(len(x))], dim=1)

    x = torch.full((1, 16), 102 / 255)
    for options in ({"bound": "two-sided"}, {"sampling": "exact"}):
        sampling = options.pop("sampling", "float")
        smoothed = Smoothed(model, "uniform(scale=2)", 2, sampling=sampling)
        proof = smoothed.certify(x, norm="l1-box", n0=20, n=2000, **options)
        assert proof.method.tolist() == ["box"]
        assert proof.radius[0] > proof.against("l1-box").radius[0] > proof.against("l1").radius[0]


def test_other_inputs_than_the_certified_ones_are_refused(run: Path) -> None:
    for dataset, said in (("digits-train", "are not those of digits-train"), ("fashion", "unknown data set")):
        refused = call("recertify", str(run), "--norm", "l1-box", "--dataset", dataset)
        assert refused.code == 2, refused
        assert said in refused.err
        assert refused.err.count("\n") == 1
    refused = call("recertify", str(run), "--norm", "l1", "--dataset", "digits")
    assert refused.code == 2
    assert "no norm in the box" in refused.err


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
