"""Folders of NumPy arrays: probabilities are lowered by their rounding, and radii computed anew from them."""

from pathlib import Path

import numpy as np
import pytest

from wulff import certified_radius, runs
from wulff.errors import InputError
from wulff.stats import error_upper_bound

NOISE = "uniform(sigma=0.5, dim=3072)"


def folder(path: Path, **changes: np.ndarray | None) -> Path:
    """Four inputs as the arrays of Yang et al. 2020 have them: right, wrong, below one half, tied."""
    arrays: dict[str, np.ndarray | None] = {
        "preds": np.array([[0.1, 0.9, 0], [0.8, 0.2, 0], [0.6, 0.4, 0], [0.5, 0.5, 0]]),
        "labels": np.array([1.0, 2.0, 0.0, 0.0]),
        "prob_lb": np.array([0.9, 0.75, 0.4, 0.9], dtype=np.float32).astype(np.float64),
        "radius_l1": np.array([0.7, 0.4, -0.1, 0.7]),
        "acc_train": np.array([0.875, 0.1]),
    }
    path.mkdir()
    for name, array in (arrays | changes).items():
        if array is not None:
            np.save(path / f"{name}.npy", array)
    return path


def test_radii_follow_from_lowered_probabilities(tmp_path: Path) -> None:
    run = runs.import_log(folder(tmp_path / "a"), tmp_path / "run", "l1", NOISE, alpha=0.001)
    assert run.predictions.tolist() == [1, 0, -1, -1]
    assert run.labels.tolist() == [1, 2, 0, 0]
    just_below = float(np.nextafter(np.float32(0.9), np.float32(0)))
    assert run.records[0].error == 1 - just_below
    expected = float(certified_radius(NOISE, 1 - just_below, "l1").radius)
    assert run.records[0].radii["l1"].radius == expected
    assert expected < float(certified_radius(NOISE, 0.1, "l1").radius)
    # The folder's own numbers are kept as printed, and negative ones are none.
    assert run.radii("l1", as_published=True).tolist() == [0.7, 0.4, 0.0, 0.7]
    assert runs.training_accuracy(run) == 0.875
    assert run.alpha == 0.001
    again = runs.import_log(folder(tmp_path / "b"), tmp_path / "run", "l1", NOISE, alpha=0.001)
    assert again.records == run.records


def test_without_radii_of_its_own(tmp_path: Path) -> None:
    run = runs.import_log(folder(tmp_path / "a", radius_l1=None), tmp_path / "run", "l2", NOISE)
    assert run.norms == ["l2"]
    assert run.records[0].radii["l2"].published is None


@pytest.mark.parametrize(
    ("changes", "noise", "message"),
    [
        ({}, None, "give the noise with its dimension"),
        ({}, "uniform(sigma=0.5)", "give the noise with its dimension"),
        ({"prob_lb": None}, NOISE, "has no prob_lb.npy"),
        ({"labels": np.zeros(3)}, NOISE, "do not fit"),
        ({"preds": np.zeros(4)}, NOISE, "do not fit"),
        ({"prob_lb": np.array([1.1, 0, 0, 0])}, NOISE, r"must lie in \[0, 1\]"),
        ({"prob_lb": np.array([np.nan, 0, 0, 0])}, NOISE, "finite numbers"),
        ({"labels": np.array([0.5, 0, 0, 0])}, NOISE, "whole numbers"),
        ({"radius_l1": np.zeros(3)}, NOISE, "3 radii for 4 inputs"),
        ({"labels": np.array([{}] * 4)}, NOISE, "holds Python objects"),
    ],
)
def test_refuses(tmp_path: Path, changes: dict, noise: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        runs.import_log(folder(tmp_path / "a", **changes), tmp_path / "run", "l1", noise)
    assert not (tmp_path / "run").exists()


def test_counts_of_one_sample_in_text(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "counts.txt").write_text("990 10\n400 600\n")
    (folder / "labels.csv").write_text("0\n1\n")
    (folder / "idx.txt").write_text("7\n9\n")
    noise = "uniform(sigma=1, dim=12)"
    with pytest.raises(InputError, match="give alpha"):
        runs.import_log(folder, tmp_path / "run", "l1-box", noise)
    run = runs.import_log(folder, tmp_path / "run", "l1-box", noise, alpha=0.01)
    assert [record.index for record in run.records] == [7, 9]
    # The same sample chose the label: alpha is shared among two classes.
    assert run.records[0].error == error_upper_bound(10, 1000, 0.005)
    assert run.radii("l1-box")[0] == certified_radius(noise, run.records[0].error, "l1-box").radius
    (folder / "counts.txt").write_text("990 10\n400\n")
    with pytest.raises(InputError, match="as many numbers in each line"):
        runs.import_log(folder, tmp_path / "other", "l1", noise, alpha=0.01)
