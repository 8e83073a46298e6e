"""The examples do what they say, on small data."""

import gzip
import importlib.util
import math
import os
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import wulff
from tests.cli.conftest import call
from tests.nightly import NIGHTLY
from wulff import datasets, models, noises, runs, training
from wulff.attacks import SoftSmoothed

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    digits = datasets.load("digits", "train")
    model = models.build("cnn", digits.input_shape, 10)
    noise, schedule = noises.parse("gaussian(sigma=0.25)"), training.Schedule(epochs=6)
    list(training.train(model, digits.images, digits.labels, noise, schedule=schedule))
    return model


def test_rotations_are_orthogonal_and_undone(network: torch.nn.Module) -> None:
    rotation = example("rotation")
    q = rotation.random_rotation(64)
    torch.testing.assert_close(q @ q.T, torch.eye(64), atol=1e-5, rtol=0)
    x = torch.as_tensor(datasets.load("digits").images[:5])
    turned = (x.flatten(1) @ q.T).view_as(x)
    assert not torch.allclose(turned, x, atol=0.1)
    torch.testing.assert_close(rotation.RotatedBack(network, q)(turned), network(x), atol=1e-3, rtol=1e-3)


def test_rotation_changes_nothing_for_gaussian_noise() -> None:
    rotation = example("rotation")
    result = rotation.compare("gaussian(sigma=0.4)", training.Schedule(epochs=6), copies=4)
    # Two trainings that differ in their noise only: a few points apart at most.
    assert abs(result.aligned - result.rotated) < 0.08
    assert min(result.aligned, result.rotated) > 0.4


def test_noise_is_rotated_for_uniform_noise() -> None:
    rotation = example("rotation")
    q = rotation.random_rotation(64)
    noise = noises.parse("uniform(sigma=0.5)").sample((2000, 64), generator=torch.Generator().manual_seed(0))
    seen = noise @ q
    assert noise.abs().max() <= 0.5 * math.sqrt(3)
    assert seen.abs().max() > 1.2 * 0.5 * math.sqrt(3)  # no cube along the axes any more
    assert abs(seen.square().mean() - 0.25) < 0.005


def test_twice_the_resolution_doubles_the_radius(network: torch.nn.Module) -> None:
    resolution = example("noise_resolution")
    images = torch.as_tensor(datasets.load("digits").images[:12])
    torch.testing.assert_close(torch.nn.functional.avg_pool2d(resolution.enlarge(images), 2), images)
    small, large = resolution.radii(network, images, n=20_000 if NIGHTLY else 8_000)
    certain = small > 0.1
    assert certain.sum() >= 8
    np.testing.assert_allclose(large[certain], 2 * small[certain], rtol=0.06)


def test_mnist_comparison_agrees_with_itself(published_data: Path, tmp_path: Path) -> None:
    logs = published_data / "mnist_logs"
    runs.import_log(logs / "gaussian__sigma_0.25.tsv", tmp_path / "gaussian__sigma_0.25")
    comparison = example("mnist/compare")
    found = comparison.compare(tmp_path / "gaussian__sigma_0.25", logs)
    assert found.images == 10_000
    assert 0.90 < found.published < 0.92  # the average that the paper prints is .911
    assert -0.001 < found.difference <= 0  # radii read from a log are rounded down
    assert "| gaussian__sigma_0.25 | 10000 |" in comparison.table([found])


def test_mnist_commands_run(published_data: Path, tmp_path: Path) -> None:
    """The script's commands are written down, and run in this process: four more would take long to start."""
    program, commands = tmp_path / "bin" / "wulff", tmp_path / "commands"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" >> {commands}\necho >> {commands}\n")
    program.chmod(0o755)
    small = {"EPOCHS": "1", "SLICE": "::200", "N": "100", "POLICY": "--batch 256"}
    environment = {**os.environ, **small, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    data, script = published_data / "mnist", EXAMPLES / "mnist" / "reproduce.sh"
    few = tmp_path / "few"
    few.mkdir()
    for file in data.iterdir():
        if file.name.startswith("t10k"):
            head = 16 if "images" in file.name else 8
            content = gzip.decompress(file.read_bytes())
            size = 28 * 28 if "images" in file.name else 1
            # A thousand images are enough.
            cut = content[:4] + (1000).to_bytes(4, "big") + content[8 : head + 1000 * size]
            for name in (file.name, file.name.replace("t10k", "train")):
                (few / name).write_bytes(gzip.compress(cut, 1))
    done = subprocess.run(
        [str(script), str(few), str(tmp_path), "gaussian"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for command in commands.read_text().splitlines():
        result = call(*command.split("\0")[:-1])
        assert result.code == 0, (command, result)
    for sigma in ("0.25", "0.5"):
        run = runs.load(tmp_path / "runs" / f"gaussian__sigma_{sigma}")
        assert len(run.records) == 5
        found = example("mnist/compare").compare(run.folder, published_data / "mnist_logs")
        assert found.images == 5
    wrong = subprocess.run(
        [str(script), str(few), str(tmp_path), "magic"], env=environment, capture_output=True
    )
    assert wrong.returncode == 2


@pytest.mark.parametrize("library", ["foolbox", "art"])
def test_other_libraries_attack_the_smoothed_classifier(library: str, network: torch.nn.Module) -> None:
    pytest.importorskip(library)
    other = example("other_attacks")
    attack = {"foolbox": other.with_foolbox, "art": other.with_art}[library]
    x = torch.as_tensor(datasets.load("digits").images[:8])
    smoothed = wulff.Smoothed(network, "gaussian(sigma=0.25)", 10)
    labels = smoothed.predict(x)
    certain = labels >= 0
    x, labels = x[certain], labels[certain]
    soft = SoftSmoothed(network, "gaussian(sigma=0.25)", copies=16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adversaries = attack(soft, x, torch.as_tensor(labels), 2.5, 10)
    distance = (adversaries - x).flatten(1).norm(dim=1)
    assert (distance <= 2.5 + 1e-3).all()
    assert (smoothed.predict(adversaries) != labels).sum() >= 3


def test_models_of_tables_are_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    pytest.importorskip("pandas")
    options = ["--tables", "wine", "--n", "40", "--rows", "2", "--output", str(tmp_path / "results.md")]
    example("tables/tables").main(options)
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "results.md").read_text()
    rows = [
        line for line in printed.splitlines() if line.startswith(("| logistic", "| random", "| LightGBM"))
    ]
    assert len(rows) == 6
    assert "| alcalinity_of_ash |" in printed
