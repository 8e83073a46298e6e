"""Evidence on CIFAR-10: the commands, the page from the kept summaries, and the networks that are kept."""

import dataclasses
import json
import subprocess
import types
from pathlib import Path

import numpy as np
import pytest

from tests.examples.test_examples import example
from wulff import models, reports, runs, training

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "cifar10"
WEIGHTS = sorted(path.parent for path in FOLDER.glob("weights/*/weights.safetensors"))
NOISES = {"uniform_0.5": "uniform(sigma=0.5)", "laplace_0.5": "laplace(sigma=0.5)"}


@pytest.fixture(scope="module")
def results() -> types.ModuleType:
    return example("cifar10/results")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What reproduce.sh leaves, of two noises on the bundled digits; one more run is unfinished."""
    folder = tmp_path_factory.mktemp("out")
    lines = []
    for name, noise in NOISES.items():
        schedule = training.preset("fast", epochs=12, precision="fp32")
        model = folder / "models" / name
        runs.train(runs.TrainingSpec(noise=noise, schedule=schedule), model)
        terms = {"norms": ("l1", "l2"), "n0": 50, "n": 500, "slice": ":60"}
        runs.execute(runs.Spec(model=str(model), **terms), folder / "runs" / name)
        lines += [f"train\t{name}\t3600.0\t0.0", f"train\t{name}\t1700.0\t100.0", f"certify\t{name}\t360\t0"]
    (folder / "seconds.tsv").write_text("\n".join(["Terminated", *lines]) + "\n")
    return folder


def script(*arguments: str, name: str = "reproduce.sh") -> "subprocess.CompletedProcess[str]":
    command = ["bash", str(FOLDER / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_dry_run_prints_commands_and_an_estimate(results: types.ModuleType, tmp_path: Path) -> None:
    done = script("SIZE=small", "--dry-run", "DATA", str(tmp_path / "out"))
    assert done.returncode == 0
    made = [line.split(":")[0][2:] for line in done.stdout.splitlines() if line.startswith("# ")][:-1]
    assert tuple(made) == results.PLANNED
    assert done.stdout.count("--model resnet9") == len(made)
    assert "uniform\\(sigma=0.5\\) --objective augment --schedule fast" in done.stdout
    assert "about 6.9 minutes of training" in done.stdout
    assert not (tmp_path / "out").exists()
    full = script("SIZE=full", "--dry-run", "DATA", "OUT", "uniform_0.5", "splitting-stability_2")
    assert "# uniform_0.5: about 5.0 minutes of training and 0.6 of certification" in full.stdout
    assert "--objective stability --epochs 120" in full.stdout
    assert full.stdout.endswith("# The speed on cuda is assumed, copies per image are assumed.\n")


def test_what_is_wrong_with_a_command_is_one_line() -> None:
    for arguments, message in (
        (("SIZE=large", "DATA", "OUT"), "SIZE must be small or full, got large"),
        (("SIZE=small", "DATA", "OUT", "cauchy_1"), "unknown method cauchy_1"),
        (("SIZE=small",), "usage: reproduce.sh"),
    ):
        done = script(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(message)
        assert done.stderr.count("\n") == 1
    assert not Path("OUT").exists()


def test_the_page_is_that_of_the_kept_summaries(
    results: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    results.main([])
    assert capsys.readouterr().out == (FOLDER / "results.md").read_text(), (
        "run python examples/cifar10/results.py > examples/cifar10/results.md"
    )


def test_summaries_hold_what_runs_do(
    results: types.ModuleType, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results.main([str(out), "--summaries", str(tmp_path / "kept")])
    page = capsys.readouterr().out
    uniform, laplace = (runs.load(out / "runs" / name) for name in NOISES)
    kept = {one.name: one for one in results.read(tmp_path / "kept")}
    assert list(kept) == ["laplace_0.5", "uniform_0.5"]
    one = kept["uniform_0.5"]
    assert one.facts["cpu_hours"] == {"train": 1.5, "certify": 0.1}
    assert one.facts["epochs"] == 12
    assert 0.3 < one.facts["noisy_accuracy"] < 1
    for norm in ("l1", "l2"):
        stored = np.where(uniform.scored, uniform.radii(norm), 0)
        assert (np.array(one.radii[norm]) <= stored).all()
        np.testing.assert_allclose(one.radii[norm], stored, atol=1e-6)
        for radius in results.RADII[norm]:
            assert one.certified(norm, radius).sum() == reports.curve(uniform, norm).correct(radius)
    row = reports.compare(uniform, laplace, radii=[0.5], norm="l1").rows[0]
    shares = f"{row.first / 0.6:.1f} (0.5) | {row.second / 0.6:.1f} (0.5)"
    assert row.first > 0
    assert f"| 0.5 | {shares} | {row.only_first} | {row.only_second} | {row.p_value:.2g} |" in page
    assert "Rows that are there: laplace_0.5, uniform_0.5. To come by the same command: gaussian_0.5" in page
    larger = dataclasses.replace(one, name="uniform_1")
    (tmp_path / "kept" / "uniform_1.json").write_text(json.dumps(dataclasses.asdict(larger)))
    assert "| uniform, best sigma |" in results.page(results.read(tmp_path / "kept"))


def test_unfinished_runs_are_left_out(
    results: types.ModuleType, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out" / "runs" / "uniform_0.5"
    folder.mkdir(parents=True)
    (tmp_path / "out" / "seconds.tsv").touch()
    for file in ("spec.toml", "records.jsonl"):
        content = (out / "runs" / "uniform_0.5" / file).read_bytes().splitlines(keepends=True)
        (folder / file).write_bytes(b"".join(content[:7] if file == "records.jsonl" else content))
    results.main([str(tmp_path / "out"), "--summaries", str(tmp_path / "kept")])
    assert "has 7 of 60 images; it is left out" in capsys.readouterr().err
    assert results.read(tmp_path / "kept") == []


@pytest.mark.parametrize("folder", WEIGHTS, ids=lambda folder: folder.name)
def test_a_kept_network_certifies(folder: Path, published_data: Path, tmp_path: Path) -> None:
    file = folder / "weights.safetensors"
    assert file.stat().st_size < 2e6
    assert (folder / "README.md").read_text().startswith("# ")
    description = models.load(folder).description
    assert description.input_shape == (3, 32, 32)
    images = str(published_data / "cifar10" / "test.npz")
    spec = {"model": str(folder), "dataset": images, "slice": ":1000:200"}
    if description.noise and description.noise.startswith("splitting"):
        run = runs.execute(runs.ViewSpec(noise=description.noise, **spec), tmp_path / "run")
    else:
        run = runs.execute(runs.Spec(norms=("l1",), n0=20, n=200, **spec), tmp_path / "run")
    assert len(run.records) == 5
    assert run.scored.sum() >= 2  # by chance one of ten is right
    assert (run.radii("l1")[run.scored] > 0).any()


@pytest.fixture(scope="module")
def zhang() -> types.ModuleType:
    return example("cifar10/zhang")


def test_other_noise_of_the_same_networks(
    zhang: types.ModuleType, results: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four images: Laplace noise of another sigma gains one at radius .5, exp-l1 with j = 500 gains two."""
    grid = {
        "j_0--x_1": [0.6, 0.2, 0.2, 0.2],
        "j_0--x_1.25": [0.6, 0.6, 0, 0],
        "j_500--x_1": [0.6, 0.6, 0.6, 0],
    }
    (tmp_path / "kept").mkdir()
    for name, radii in grid.items():
        correct = [radius > 0 for radius in radii]
        facts = {"noisy_accuracy": 0.6 + len(name) / 1000}
        one = results.Summary(f"laplace_0.5--exp-l1--{name}", facts, [0, 1, 2, 3], correct, {"l1": radii})
        (tmp_path / "kept" / f"{one.name}.json").write_text(json.dumps(dataclasses.asdict(one)))
    zhang.main(["--summaries", str(tmp_path / "kept")])
    page = capsys.readouterr().out
    assert "Against l1, networks trained with laplace noise: 1.\n" in page
    for name, at_half in (("laplace, sigma of the training", 25), ("laplace, best sigma", 50)):
        assert f"| {name} | {25 if name.endswith('training') else 50}.0 | {at_half}.0 | 0.0 |" in page
    assert "| exp-l1, best j > 0 and sigma | 75.0 | 75.0 | 0.0 |" in page
    assert "certifies more images than laplace noise, each with its best sigma, at 2 of 9 radii" in page
    assert "and fewer at 0; at 0 the difference is significant" in page
    assert "of its training: 60.8 % with j = 0, 61.0 % with j = 500." in page
    assert "zhang.sh has made no runs of mixed-linf yet" in page


def test_the_page_on_other_noise_is_that_of_the_kept_summaries(
    zhang: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    zhang.main([])
    assert capsys.readouterr().out == (FOLDER / "zhang.md").read_text(), (
        "run python examples/cifar10/zhang.py > examples/cifar10/zhang.md"
    )


def test_the_grid_of_other_noise(tmp_path: Path) -> None:
    done = script("--dry-run", "DATA", "OUT", "gaussian_0.5", "laplace_1", name="zhang.sh")
    commands = done.stdout.splitlines()
    assert len(commands) == 27
    assert (
        sum("exp-l2\\(sigma=0.625\\,\\ j=500\\,\\ k=2\\) --norm l2" in command for command in commands) == 1
    )
    assert sum("exp-l1\\(sigma=0.8\\,\\ j=0\\,\\ k=1\\) --norm l1" in command for command in commands) == 1
    assert sum("--norm linf" in command for command in commands) == 9
    nothing = script("DATA", str(tmp_path), name="zhang.sh")
    assert nothing.returncode == 2
    assert "has no gaussian_SIGMA or laplace_SIGMA; reproduce.sh trains them" in nothing.stderr


def test_a_network_is_kept_in_half_the_size_with_its_card(
    results: types.ModuleType, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep = example("cifar10/keep")
    results.main([str(out), "--summaries", str(tmp_path / "summaries")])
    keep.main([str(out), "uniform_0.5", "--folder", str(tmp_path)])
    kept, source = tmp_path / "weights" / "uniform_0.5", out / "models" / "uniform_0.5"
    sizes = [(folder / "weights.safetensors").stat().st_size for folder in (kept, source)]
    assert sizes[0] < 0.6 * sizes[1]
    models_ = [models.load(folder) for folder in (kept, source)]
    assert models_[0].description == models_[1].description
    assert models_[0].normalisation == models_[1].normalisation
    for a, b in zip(*(model.module.parameters() for model in models_), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().bfloat16().float().numpy())
    card = (kept / "README.md").read_text()
    assert card.startswith("# uniform_0.5: a network for smoothing with uniform(sigma=0.5)\n")
    assert "for 12 epochs of 128 inputs per step, one-cycle\nlearning rate 0.2" in card
    assert "On 60 test images: " in card
    capsys.readouterr()
    with pytest.raises(SystemExit):
        keep.main([str(out), "cauchy_1", "--folder", str(tmp_path)])
    assert "has no weights; examples/cifar10/reproduce.sh makes them." in capsys.readouterr().err


def test_published_rows_are_counted_from_the_logs(published_data: Path) -> None:
    """Every 20th test image, in percent, by the radii in the logs (Cohen et al. have three digits)."""
    published = example("cifar10/published")
    checked = 0
    for row in published.ROWS:
        kind, _, sigma = row.name.partition(" ")
        if row.source == published.LEVINE:
            noise, _, stable = kind.partition("-")
            name = f"{'split_derandomized' if noise == 'splitting' else noise}_{float(sigma)}"
            folder = published_data / "splitting_logs" / f"cifar_{name}{'_stabilized' if stable else ''}"
            log = {file.stem: np.load(file)[::20] for file in folder.glob("[lpr]*.npy")}
            exact = noise == "splitting"
            found = log["predicted_labels"] if exact else log["preds"].argmax(axis=1)
            certain = np.ones(500, bool) if exact else log["prob_lb"] > 0.5
            right, radii = (found == log["labels"]) & certain, log["radius_l1"].astype(float)
        elif row.source == published.COHEN:
            name = f"certify__cifar10__resnet110__noise_{float(sigma):.2f}__sigma_{float(sigma):.2f}.tsv"
            columns = np.loadtxt(
                published_data / "cohen_logs" / name, skiprows=1, usecols=(0, 3, 4), unpack=True
            )
            assert (columns[0] % 20 == 0).all()
            radii, right = columns[1], columns[2] == 1
        else:
            continue
        counted = {r: round(100 * float((right & (radii >= r - 1e-6)).mean()), 1) for r in row.certified}
        assert counted == pytest.approx(row.certified)
        checked += 1
    assert checked == 15
