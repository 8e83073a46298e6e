"""A run whose model answers NaN goes on, and every verb says how often and since when."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from wulff import models, runs
from wulff.reports import abstentions as why

COPIES = "not a number for 240 noisy copies in 2 inputs, first in input 1; such copies are misses."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights, all of them finite, whose fifth logit is ∞ - ∞ for bright images; four images."""
    root = tmp_path_factory.mktemp("nan")
    torch.manual_seed(0)
    state = models.build("mlp", (1, 8, 8), 10).state_dict()
    for weight in (state["2.weight"], state["4.weight"], state["6.weight"]):
        weight[:] = 0
    state["2.weight"][0] = 1e37  # the sum of 64 pixels overflows above .53
    state["4.weight"][:2, 0] = 1e-36
    state["6.weight"][4, 0], state["6.weight"][4, 1] = 1, -1
    state["6.bias"][:] = torch.arange(10) / 10
    torch.save(state, root / "weights.pt")
    images = np.stack([np.zeros((8, 8)), np.ones((8, 8)), np.zeros((8, 8)), np.ones((8, 8))])
    np.savez(root / "some.npz", images=np.uint8(255 * images), labels=np.array([9, 9, 1, 4]))
    np.savez(root / "all.npz", images=np.uint8(255 * images[1::2]), labels=np.array([9, 4]))
    return root


def ask(folder: Path, data: str) -> list[str]:
    model = ["--model", str(folder / "weights.pt"), "--architecture", "mlp"]
    return [*model, "--noise", "gaussian(sigma=0.1)", "--dataset", str(folder / data)]


def test_some_inputs(wulff: Callable, folder: Path) -> None:
    store = folder / "run"
    done = wulff("certify", *ask(folder, "some.npz"), "--n0", "20", "--n", "100", "--store", str(store))
    assert done.code == 0
    assert COPIES in done.err
    assert "240 copies not a number since input 1" in " ".join(done.err.split())
    run = runs.load(store)
    assert run.predictions.tolist() == [9, -1, 9, -1]
    assert [record.not_a_number for record in run.records] == [{}, {"selection": 20, "estimation": 100}] * 2
    lines = (store / "records.jsonl").read_text().splitlines()
    assert ["not_a_number" in line for line in lines] == [False, True, False, True]
    assert why.abstentions(run) == {why.NOT_A_NUMBER: 2}
    summary = json.loads((store / "summary.json").read_text())
    assert (summary["not_a_number"], summary["not_a_number_since"]) == (240, 1)
    assert "finished; 240 copies not a number since input 1" in wulff("ls", str(folder)).out
    assert COPIES in wulff("report", str(store)).out
    assert wulff("report", str(store), "-o", str(folder / "page.html")).code == 0
    page = (folder / "page.html").read_text()
    assert page.count(COPIES) == 1
    assert f"run: {why.NOT_A_NUMBER.replace(chr(39), '&#x27;')} (2 of 4)" in page
    fewer = runs.recertify(store, n=40)
    assert [record.not_a_number for record in fewer.records] == [{}, {"selection": 20, "estimation": 40}] * 2


@pytest.mark.parametrize("verb", ["certify", "predict"])
def test_all_inputs(wulff: Callable, folder: Path, verb: str) -> None:
    store = folder / verb
    assert wulff(verb, *ask(folder, "all.npz"), "--n", "100", "--store", str(store)).code == 0
    page = folder / f"{verb}.html"
    done = wulff("report", str(store), "-o", str(page))
    assert (done.code, done.err) == (0, "")
    assert "noisy copies in 2 inputs, first in input 0; such copies are misses." in page.read_text()
    assert why.abstentions(runs.load(store)) == {why.NOT_A_NUMBER: 2}
    assert wulff("report", str(store), "-o", str(folder / f"{verb}.png")).code == (verb == "predict") * 2


def test_audit(wulff: Callable, folder: Path) -> None:
    found = wulff(
        "audit", "batch-invariance", *ask(folder, "some.npz"), "--copies", "256", "--batches", "64", "--json"
    )
    audit = json.loads(found.out)
    assert audit["not_a_number"] == {"1": 64, "3": 64}
    assert audit["variations"][0]["labels"] == audit["variations"][0]["logits"] == 0
    assert "But the model's output was not a number for 128 noisy copies in 2 inputs" in audit["sentence"]
