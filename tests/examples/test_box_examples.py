"""Published logs in the box, and the table of noises on MNIST, on excerpts that are made here."""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from wulff import certified_radius, runs

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _example(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Three inputs at two sigmas, with 4x4 pixels of which one image is grey."""
    for sigma in ("0.5", "2.0"):
        folder = tmp_path / "logs" / f"cifar_split_{sigma}_stabilized"
        folder.mkdir(parents=True)
        np.save(folder / "labels.npy", np.array([0.0, 1.0, 1.0]))
        np.save(folder / "preds.npy", np.array([[1.0, 0], [0, 1], [0.6, 0.4]]))
        np.save(folder / "prob_lb.npy", np.array([0.999, 0.99, 0.55]))
    images = np.stack([np.zeros((1, 4, 4)), np.full((1, 4, 4), 0.5), np.ones((1, 4, 4))])
    np.savez(tmp_path / "images.npz", images=images, labels=np.array([0, 1, 1]))
    return tmp_path


def test_published_splitting_logs(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [str(logs / "logs"), str(logs / "images.npz"), "--dim", "16", "--store", str(logs / "runs")]
    exact = logs / "logs" / "cifar_split_derandomized_1.0"
    exact.mkdir()
    for name, values in (("labels", [0, 1]), ("predicted_labels", [0, 2]), ("radius_l1", [400 / 255, 0.2])):
        np.save(exact / f"{name}.npy", np.array(values, dtype=np.float32))
    _example("published/splitting").main(options)
    table = capsys.readouterr().out
    assert "| in the box | 66.7 | 66.7 | 66.7 | 66.7 | 66.7 | 66.7 | 66.7 |" in table
    assert "| best at each radius | 50.0 | 50.0 | 50.0 | 50.0 | 0.0 |" in table
    run = runs.load(logs / "runs" / "cifar_split_2.0_stabilized")
    error = run.records[1].error
    noise = "uniform(sigma=2, dim=16)"
    anyone = certified_radius(noise, error, "l1-box").radius
    assert run.radii("l1-box")[1] > anyone > run.radii("l1")[1]
    assert run.radii("l1-box")[0] == certified_radius(noise, run.records[0].error, "l1-box").radius
    np.testing.assert_array_equal(run.predictions, [0, 1, 0])
    with pytest.raises(SystemExit):
        _example("published/splitting").main([str(logs), *options[1:]])
    assert "has no folders cifar_split_SIGMA_stabilized" in capsys.readouterr().err


def test_another_data_set_than_the_log_is_about(logs: Path) -> None:
    images = np.load(logs / "images.npz")["images"]
    np.savez(logs / "other.npz", images=images, labels=np.array([1, 1, 0]))
    folder = logs / "logs" / "cifar_split_0.5_stabilized"
    runs.import_log(folder, logs / "run", "l1", "uniform(sigma=0.5, dim=16)")
    with pytest.raises(ValueError, match="input 0 is 0 there"):
        runs.recertify(logs / "run", norms=["l1-box"], dataset=str(logs / "other.npz"))
    with pytest.raises(ValueError, match="alpha cannot be changed"):
        runs.recertify(logs / "run", alpha=0.1)


def test_table_of_noises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    import wulff

    def first(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.ones(len(x)), torch.zeros(len(x))], dim=1)

    for noise, terms in (
        ("gaussian(sigma=1)", {"norms": ["l1", "l1-box"], "n0": 20, "n": 1000}),
        ("uniform(sigma=1)", {"norms": ["l1", "l1-box"], "n0": 20, "n": 1000}),
        ("splitting(sigma=1)", {}),
    ):
        x = torch.zeros(4, 1, 4, 4)
        run = wulff.certify(first, x, [0, 0, 0, 1], noise=noise, progress=False, **terms)
        run.save(tmp_path / "runs" / f"{noise.partition('(')[0]}__sigma_1")
    box, csv, png = _example("mnist/box"), tmp_path / "box.csv", tmp_path / "box.png"
    box.main([str(tmp_path), "--summaries", str(csv), "--figure", str(png)])
    found = capsys.readouterr().out
    assert "| gaussian, 1 | 4 | 0.750 |" in found
    assert "| gaussian | 75.0 | 75.0 | 75.0 | 75.0 | 75.0 | 75.0 | 75.0 |" in found
    assert "| splitting | 75.0 | 75.0 | 75.0 | 0.0 | 0.0 |" in found
    assert png.stat().st_size > 0
    box.main([str(csv)])
    assert capsys.readouterr().out == found


def test_tables_of_mnist_are_those_of_the_summaries(capsys: pytest.CaptureFixture[str]) -> None:
    folder = EXAMPLES / "mnist"
    _example("mnist/box").main([str(folder / "box.csv")])
    assert capsys.readouterr().out in (folder / "box.md").read_text()
