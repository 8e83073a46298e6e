"""The command that a page shows makes the run again, and where there is none the page says why."""

import shlex
from pathlib import Path

import pytest
import torch

import wulff
from tests.cli.conftest import call
from wulff import runs
from wulff.reports.page_head import command, reproduce, terms


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("trained") / "model with a space"
    assert call("train", "--noise", "laplace(sigma=0.5)", "--epochs", "1", "--store", str(folder)).code == 0
    return str(folder)


@pytest.mark.parametrize(
    "options",
    [
        "--norm l1 --norm l2-box --n 200 --seed 3 --slice :4",
        "--n 500 --stop-radii 0.1,0.2 --skip-incorrect --slice :4 --no-channels-last",
        "--n 200 --n0 20 --estimator randomized-clopper-pearson --alpha 0.01 --slice 1:5",
    ],
)
def test_the_command_makes_the_run_again(
    model: str, options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("certify", "--model", model, "--store", "first/run", *options.split()).code == 0
    first = runs.load("first/run")
    words = command(first)
    assert words
    made = call(*shlex.split(words)[1:])
    assert made.code == 0, made
    again = runs.load("run")
    assert again.spec == first.spec
    assert [r.counts for r in again.records] == [r.counts for r in first.records]
    assert [r.radii for r in again.records] == [r.radii for r in first.records]


def test_runs_without_a_command_say_so(model: str, tmp_path: Path) -> None:
    def bright(x: torch.Tensor) -> torch.Tensor:
        return (x.flatten(1).mean(dim=1) > 0.5).long()

    images = torch.rand(2, 1, 4, 4)
    run = wulff.certify(
        bright, images, [0, 1], noise="gaussian(sigma=0.25)", n=50, num_classes=2, identity="b"
    )
    assert command(run) is None
    assert "made in Python" in reproduce([run])
    assert "made on" not in terms([run])  # it has no folder
    stored = run.recertify(alpha=0.01).save(tmp_path / "other")
    assert command(stored) is None
