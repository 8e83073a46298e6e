"""Resampling: how often a value is kept, and which ones come in its place."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

import wulff
from wulff.errors import InputError
from wulff.noises import Resampling, parse

FALSE_ALARM = 1e-6


def test_values_have_their_probabilities() -> None:
    noise = Resampling(keep=0.6, values=(2, 4))
    copies = noise.replace(torch.tensor([[1.0, 2.0]]), 20_000, torch.Generator().manual_seed(0))
    codes = (copies[:, 0] * 4 + copies[:, 1]).long().bincount(minlength=8).numpy()
    first, second = np.array([0.4, 0.6]), np.array([0.4 / 3, 0.4 / 3, 0.6, 0.4 / 3])
    assert stats.chisquare(codes, 20_000 * np.outer(first, second).ravel()).pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    "text", ["resampling(keep=0.8, values=2)", "resampling(keep=0.9, values=[2, 7, 3], dim=3)"]
)
def test_spec_strings(text: str) -> None:
    noise = parse(text)
    assert parse(str(noise)) == noise
    assert str(noise) == text
    assert noise != parse("resampling(keep=0.8, values=3)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resampling(keep=0.5, values=2)", "keep must be above 1/2"),
        ("resampling(keep=0.3, values=[9, 3])", "keep must be above 1/3"),
        ("resampling(keep=1, values=2)", r"keep must lie in \(0, 1\)"),
        ("resampling(keep=0.8)", "resampling also needs values"),
        ("resampling(keep=0.8, values=1)", "values must be an integer of at least 2"),
        ("resampling(keep=0.8, values=2.5)", "values must be an integer of at least 2"),
        ("resampling(keep=0.8, values=[2, 2.5])", "each values must be an integer of at least 2"),
        ("resampling(keep=0.8, values=[2, 3], dim=3)", "values must hold a number for each of 3 inputs"),
    ],
)
def test_wrong_ones_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


def model(x: torch.Tensor) -> torch.Tensor:
    return ((x == 1).sum(dim=1) > 5).long()


def test_a_run_counts_categories(tmp_path: Path) -> None:
    x = torch.ones(2, 11)
    x[1] = 2
    run = wulff.certify(
        model, x, [1, 0], noise="resampling(keep=0.9, values=3)", norms=["l0"], num_classes=2, n=5_000,
        store=tmp_path / "run", progress=False,
    )  # fmt: skip
    assert run.accuracy("l0", 1) == 1
    assert "copies of x in which each feature has its own value with probability 0.9" in run.statement
    smoothed = wulff.Smoothed(model, "resampling(keep=0.9, values=3)", 2)
    for label, radius, row in zip([1, 0], run.radii("l0").tolist(), x, strict=True):
        changed = row.clone()
        changed[: int(radius)] = 3 - row[0]
        assert smoothed.predict(changed[None], n=2_000, seed=3).item() == label
    assert (run.recertify(alpha=0.1).radii("l0") >= run.radii("l0")).all()
    verify = pytest.importorskip("wulff.verify")
    assert {finding.verdict for finding in verify.verify_run(tmp_path / "run")} == {"proven"}


def test_values_that_are_none_are_refused() -> None:
    x = torch.tensor([[0.0, 2.0], [1.0, 3.0]])
    with pytest.raises(InputError, match="input 1 has 3 as feature 1, which is no whole number from 0 to 2"):
        wulff.Smoothed(model, "resampling(keep=0.9, values=3)", 2).certify(x, "l0", n=100)
    with pytest.raises(InputError, match=r"input 0 has 0.5 as feature 0"):
        wulff.Smoothed(model, "resampling(keep=0.9, values=3)", 2).certify(x[:1] + 0.5, "l0", n=100)
