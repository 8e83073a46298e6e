"""Data as users have it, from the command line to the page."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import call
from tests.conftest import SHARED
from wulff import datasets, models, runs

TERMS = ("--noise", "gaussian(sigma=0.25)", "--n0", "20", "--n", "100")


@pytest.fixture(scope="module")
def cases() -> Path:
    """Data sets and weights of users, with what is right for them."""
    folder = SHARED / "cases"
    if not folder.is_dir():
        pytest.skip(f"cases not found at {folder}; set WULFF_SHARED")
    return folder


def test_data_may_lack_classes_that_the_model_has(cases: Path, tmp_path: Path) -> None:
    weights, images = cases / "fewer_classes" / "weights.pt", cases / "fewer_classes" / "images"
    model = ("--model", str(weights), "--architecture", "cnn")
    result = call(
        "certify", *model, *TERMS, "--dataset", f"folder:{images}@8", "--store", str(tmp_path / "few")
    )
    assert result.code == 0, result
    run = runs.load(tmp_path / "few")
    assert run.facts.classes == 5
    assert run.predictions.tolist() == [4, 4, 4]
    assert [record.counts["estimation"][4] for record in run.records] == [98, 99, 95]
    assert run.radii("l2").tolist() == [0.31033493784226085, 0.337314759702578, 0.25342044979820383]


def test_a_folder_for_several_sets_of_torchvision(cases: Path) -> None:
    root = cases / "nested_mnist" / "root"
    assert datasets.load(f"mnist:{root}").labels.tolist() == [0, 1]
    assert datasets.load(f"fashion-mnist:{root}").labels.tolist() == [5, 6]


@pytest.mark.parametrize("verb", ["certify", "predict"])
def test_arrays_without_labels_get_labels_and_radii_but_no_accuracy(verb: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8))
    net = models.build("mlp", (1, 8, 8), 4)
    models.weights.save(tmp_path / "net.safetensors", net, models.Description("mlp", (1, 8, 8), 4))
    store = str(tmp_path / "run")
    terms = TERMS if verb == "certify" else (*TERMS[:2], *TERMS[4:])
    data = ("--model", str(tmp_path / "net.safetensors"), "--dataset", str(tmp_path / "x.npy"))
    for _ in range(2):  # the second finds all done
        result = call(verb, *data, *terms, "--store", store)
        assert result.code == 0, result
    run = runs.load(store)
    assert not run.facts.labelled
    lines = (tmp_path / "run" / "records.jsonl").read_text().splitlines()
    assert all("label" not in json.loads(line) for line in lines)
    assert "not known" in call("report", store).out
    assert call("report", store, "-o", str(tmp_path / "page.html")).code == 0
    assert "not known" in (tmp_path / "page.html").read_text()
