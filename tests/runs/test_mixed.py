"""Runs with noise on numbers and categories: stored, read, recertified, reported and compared by steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import wulff
from wulff import reports, runs
from wulff.cli.app import app
from wulff.errors import InputError, NotCoveredError

CATEGORIES = "columns=[2, 3, 4, 5]"
ABLATED = (
    f"mixed(numbers=gaussian(sigma=1, scales=[1, 2]), categories=ablation(keep=1, null=-1), {CATEGORIES})"
)
RESAMPLED = (
    "mixed(numbers=gaussian(sigma=1), categories=resampling(keep=0.9, values=2), columns=[2, 3, 4, 5])"
)


def model(x: torch.Tensor) -> torch.Tensor:
    kind = (x[:, 2:] == 1).sum(dim=1) - (x[:, 2:] == 0).sum(dim=1)
    return (x[:, 0] - x[:, 1] + kind > 0).long()


ROWS = torch.tensor([[6.0, 2, 1, 1, 1, 0], [1, 5, 0, 0, 1, 0], [3, 3, 1, 0, 1, 0], [9, -3, 1, 1, 1, 1]])
LABELS = [1, 0, 1, 1]


def certified(noise: str, norm: str, folder: Path | None = None, n: int = 2_000) -> runs.Run:
    return wulff.certify(
        model, ROWS, LABELS, noise=noise, norms=norm, num_classes=2, n=n, store=folder, progress=False
    )


@pytest.mark.parametrize(
    ("noise", "norm"), [(ABLATED, "l2-scaled"), (RESAMPLED, "l2")], ids=["ablation", "resampling"]
)
def test_a_norm_stands_for_its_steps(noise: str, norm: str, tmp_path: Path) -> None:
    run = certified(noise, norm, tmp_path / "run")
    assert run.norms[:2] == [f"{norm}+0", f"{norm}+1"]
    radii = np.array([run.radii(step) for step in run.norms])
    assert (np.diff(radii, axis=0) <= 0).all()
    assert (radii[0] > radii[1]).any()
    line = json.loads((tmp_path / "run" / "records.jsonl").read_text().splitlines()[0])
    assert list(line["radii"]) == list(run.norms)
    smoothed = wulff.Smoothed(model, noise, 2)
    proof = smoothed.certify(ROWS, f"{norm}+1", n=2_000)
    assert proof.radius.tolist() == run.radii(f"{norm}+1").tolist()
    assert proof.against(f"{norm}+0").radius.tolist() == run.radii(f"{norm}+0").tolist()
    assert "After a + stands how many categories x' may differ in" in run.statement
    again = certified(noise, norm, tmp_path / "run")  # resumed: nothing is left to do
    assert again.radii(run.norms[-1]).tolist() == radii[-1].tolist()
    looser = run.recertify(alpha=0.05)
    assert (looser.radii(f"{norm}+1") >= run.radii(f"{norm}+1")).all()
    fewer = run.recertify(norms=[f"{norm}+3", "linf-scaled" if "scaled" in norm else "linf"], n=500)
    assert fewer.norms[0] == f"{norm}+3"
    assert fewer.norms[1].endswith("+0")
    both = run.recertify(bound="two-sided")
    assert (both.radii(f"{norm}+0") <= run.radii(f"{norm}+0") + 0.2).all()


def test_reports_and_verbs_take_steps(tmp_path: Path) -> None:
    first, second = (
        certified(ABLATED, "l2", tmp_path / "a"),
        certified(ABLATED, "l2", tmp_path / "b", n=1_000),
    )
    table = reports.certified_accuracy([first, second], norm="l2+1").render()
    assert "l2 radius with 1 category changed" in table
    run = CliRunner()
    for command in (
        ["report", "a", "--norm", "l2+1"],
        ["ls", "."],
        ["compare", "a", "b", "--norm", "l2+0"],
        ["report", "a", "b", "-o", "page.html"],
        ["recertify", "a", "--norm", "l2", "--alpha", "0.01", "--store", "c"],
    ):
        placed = [
            str(tmp_path / word) if len(word) == 1 or word.endswith("html") else word for word in command
        ]
        done = run.invoke(app, placed)
        assert done.exit_code == 0, (command, done.output)
    assert "l2 radius with 1 category changed" in (tmp_path / "page.html").read_text()
    assert runs.load(tmp_path / "c").norms == first.norms


def test_predictions(tmp_path: Path) -> None:
    labels = wulff.Smoothed(model, ABLATED, 2).predict(ROWS, n=1_000)
    assert labels[0] == labels[3] == 1


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotCoveredError, match=r"as in l2\+0 or l2\+1, got l0"):
        certified(ABLATED, "l0", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    done = CliRunner().invoke(app, ["radius", ABLATED, "--norm", "l2-scaled+1", "--error", "0.01"])
    assert done.exit_code == 0
    for options in (["--method", "all"], []):
        done = CliRunner().invoke(app, ["radius", RESAMPLED, "--norm", "l2+1", "--error", "0.01", *options])
        assert isinstance(done.exception, InputError)
        assert "dim" in str(done.exception)
        done = CliRunner().invoke(
            app, ["radius", RESAMPLED, "--norm", "l2+1", "--error", "0.01", "--dim", "6", *options]
        )
        assert done.exit_code == 0
    with pytest.raises(InputError, match=r"in columns 2, 3, 4, 5, input 0 has 2\.5 as feature 0"):
        wulff.Smoothed(model, RESAMPLED, 2).certify(ROWS + 1.5, "l2+0")
    with pytest.raises(InputError, match="give null="):
        certified(ABLATED.replace(", null=-1", ""), "l2")
