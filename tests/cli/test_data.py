"""Data as users have it, from the command line to the page."""

import dataclasses
import json
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wulff
from tests.cli.conftest import Result, call
from tests.conftest import SHARED
from tests.runs.forge import write_records
from wulff import datasets, models, runs
from wulff.errors import InputError

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
    data = ("--dataset", f"folder:{images}@8", "--store", str(tmp_path / "few"))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        result = call("certify", *model, *TERMS, *data)
    assert result.code == 0, result
    assert "has 3 classes, and the model 5: they are taken for its first ones" in result.err
    run = runs.load(tmp_path / "few")
    assert run.facts.classes == 5
    assert run.predictions.tolist() == [4, 4, 4]
    assert [record.counts["estimation"][4] for record in run.records] == [98, 99, 95]
    assert run.radii("l2").tolist() == [0.31033493784226085, 0.337314759702578, 0.25342044979820383]


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net that was trained on three classes, and a folder that has two of them and another one."""
    root = tmp_path_factory.mktemp("animals")
    for number, name in enumerate(("ant", "bee", "cat")):
        for split in ("train", "val"):
            (root / "known" / split / name).mkdir(parents=True)
            for i in range(3):
                shade = 100 * number + 10 * i
                Image.new("RGB", (8, 8), (shade,) * 3).save(root / "known" / split / name / f"{i}.png")
    shutil.copytree(root / "known" / "val" / "cat", root / "few" / "cat")
    shutil.copytree(root / "known" / "val" / "bee", root / "few" / "bee")
    net = ("train", "--model", "mlp", "--noise", "gaussian(sigma=0.1)", "--epochs", "30", "--store")
    assert call(*net, str(root / "net"), "--dataset", f"folder:{root / 'known'}@8").code == 0
    return root


def certify(animals: Path, store: Path, *more: str) -> Result:
    model = ("--model", str(animals / "net"), "--dataset", f"folder:{animals / 'few'}@8", "--norm", "l2")
    return call("certify", *model, "--n0", "20", "--n", "100", "--store", str(store), *more)


def test_names_travel_from_data_and_weights_to_records_tables_and_page(animals: Path, tmp_path: Path) -> None:
    """The folder lacks the first class: by number, cats would be ants."""
    assert models.load(animals / "net").description.class_names == ("ant", "bee", "cat")
    result = certify(animals, tmp_path / "run")
    assert result.code == 0, result
    run = runs.load(tmp_path / "run")
    assert run.labels.tolist() == [1, 1, 1, 2, 2, 2]
    assert run.scored.mean() > 0.6
    assert run.facts.class_names == ("ant", "bee", "cat")
    assert [record.file for record in run.records][:4] == ["bee/0.png", "bee/1.png", "bee/2.png", "cat/0.png"]
    table = run.to_pandas()
    assert table["file"].tolist()[3] == "cat/0.png"
    assert table["label_name"].tolist() == ["bee"] * 3 + ["cat"] * 3
    assert set(table["predict_name"]) <= {"ant", "bee", "cat", "abstains"}
    assert call("report", str(tmp_path / "run"), "-o", str(tmp_path / "page.html")).code == 0
    page = (tmp_path / "page.html").read_text()
    assert '"classes":["ant","bee","cat"]' in page
    assert '"files":["bee/0.png"' in page
    other = certify(animals, tmp_path / "other", "--seed", "5", "--noise", "gaussian(sigma=0.3)")
    assert other.code == 0, other
    compared = call("compare", str(tmp_path / "run"), str(tmp_path / "other"))
    assert "cat/0.png" in compared.out
    assert "cat " in compared.out
    assert (
        call("recertify", str(tmp_path / "run"), "--alpha", "0.01", "--store", str(tmp_path / "re")).code == 0
    )
    assert [record.file for record in runs.load(tmp_path / "re").records] == [r.file for r in run.records]
    assert call("verify", str(tmp_path / "run")).code == 0
    parts = [str(tmp_path / part) for part in ("first", "second")]
    for part, chosen in zip(parts, (":3", "3:"), strict=True):
        assert certify(animals, Path(part), "--slice", chosen).code == 0
    assert call("merge", *parts, "--store", str(tmp_path / "both")).code == 0
    assert [r.counts for r in runs.load(tmp_path / "both").records] == [r.counts for r in run.records]


def test_a_map_says_which_class_is_meant(animals: Path, tmp_path: Path) -> None:
    (animals / "few" / "bee").rename(animals / "few" / "wasp")
    refused = certify(animals, tmp_path / "run")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "the class 'wasp', which the model does not name: ant, bee, cat; say which is which" in refused.err
    assert not (tmp_path / "run").exists()
    (tmp_path / "map.toml").write_text('wasp = "bee"\ncat = 2\n')
    more = ("--class-map", str(tmp_path / "map.toml"))
    assert certify(animals, tmp_path / "run", *more).code == 0
    run = runs.load(tmp_path / "run")
    assert run.spec.class_map == {"wasp": "bee", "cat": 2}
    assert run.labels.tolist() == [2, 2, 2, 1, 1, 1]
    assert run.records[5].file == "wasp/2.png"
    assert len(runs.inputs(run)) == 6
    lines = (tmp_path / "run" / "records.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "run" / "records.jsonl").write_bytes(b"".join(lines[:4]))
    assert certify(animals, tmp_path / "run", *more).code == 0  # goes on
    assert runs.load(tmp_path / "run").labels.tolist() == [2, 2, 2, 1, 1, 1]
    (tmp_path / "map.toml").write_text('wasp = "ant"\ncat = 2\n')
    refused = certify(animals, tmp_path / "run", *more)
    assert (refused.code, "class_map" in refused.err) == (2, True)
    (animals / "few" / "wasp").rename(animals / "few" / "bee")


def test_a_run_without_class_names_goes_on(animals: Path, tmp_path: Path) -> None:
    """As runs were that began before there were any."""
    assert certify(animals, tmp_path / "run", "--slice", ":2").code == 0
    run = runs.load(tmp_path / "run")
    spec = tmp_path / "run" / "spec.toml"
    spec.write_text(re.sub(r"class_names = \[.*?\]\n", "", spec.read_text(), flags=re.DOTALL))
    write_records(tmp_path / "run", [dataclasses.replace(record, file=None) for record in run.records[:1]])
    result = certify(animals, tmp_path / "run", "--slice", ":2")
    assert result.code == 0, result
    assert [record.file for record in runs.load(tmp_path / "run").records] == [None, "bee/1.png"]


def test_a_data_set_in_python(animals: Path, tmp_path: Path) -> None:
    data = datasets.load(f"folder:{animals / 'few'}@8").slice("1::2")
    model = models.load(animals / "net").module
    options = {"noise": "gaussian(sigma=0.1)", "n0": 20, "n": 100, "progress": False}
    run = wulff.certify(model, data, class_names=["ant", "bee", "cat"], norms=["l2", "l1-box"], **options)
    assert run.labels.tolist() == [1, 2, 2]
    assert [record.file for record in run] == ["bee/1.png", "cat/0.png", "cat/2.png"]
    assert run.recertify(norms=["l1-box"]).radii("l1-box").tolist() == run.radii("l1-box").tolist()
    assert "bee/1.png" in run.report(tmp_path / "page.html").read_text()
    with pytest.raises(InputError, match="leave y out"):
        wulff.certify(model, data, [0, 1, 1], **options)
    with pytest.raises(InputError, match="class_map is for a data set"):
        wulff.certify(model, data.images[:], class_map={"bee": 1}, **options)


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
