"""Runs of views: all of them are counted, so that labels and radii are certain."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import wulff
from tests.cli.conftest import call
from wulff import datasets, engines, models, reports, runs
from wulff.errors import InputError, RunError
from wulff.smoothing import Enumerated

SIZE = 8


def left_right_bottom(views: torch.Tensor) -> torch.Tensor:
    """Three classes by where a view is bright; a view of doubled channels is read by its first half."""
    images = views[:, :1]
    half = SIZE // 2
    parts = (images[..., :half], images[..., half:], images[..., half:, :])
    return torch.stack([part.flatten(1).sum(1) for part in parts], dim=1) + torch.tensor([0.0, 0.3, 0.1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that say on which views they were trained, grey images, and one finished run of each kind."""
    root = tmp_path_factory.mktemp("views")
    for name, noise, channels in (
        ("bands", "bands(width=1)", 2),
        ("splits", "splitting(sigma=0.3, levels=8, seed=1)", 1),
        ("noise", "gaussian(sigma=0.5)", 1),
    ):
        (root / name).mkdir()
        module = models.build("mlp", (channels, SIZE, SIZE), 10, seed=2)
        described = models.Description("mlp", (channels, SIZE, SIZE), 10, noise)
        models.weights.save(root / name / "weights.safetensors", module, described)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 9, size=(12, 1, SIZE, SIZE)) / 8
    for name, channels in (("grey", 1), ("colour", 3)):
        pixels = np.repeat(images, channels, axis=1).astype(np.float32)
        np.savez(root / f"{name}.npz", images=pixels, labels=np.arange(12) % 10)
    for name in ("bands", "splits"):
        runs.execute(spec(root, name), root / f"{name}-run")
    return root


def spec(root: Path, name: str, **changes: object) -> runs.ViewSpec:
    return runs.ViewSpec(**{"model": str(root / name), "dataset": str(root / "grey.npz"), **changes})  # type: ignore[arg-type]


def options(root: Path, name: str, store: Path) -> list[str]:
    return ["--model", str(root / name), "--dataset", str(root / "grey.npz"), "--store", str(store)]


@pytest.mark.parametrize("name", ["bands", "splits"])
def test_a_run_has_the_certificates_of_the_classifier(folder: Path, name: str) -> None:
    run = runs.load(folder / f"{name}-run")
    assert isinstance(run.spec, runs.ViewSpec)
    assert run.views is not None
    images = datasets.load(str(folder / "grey.npz")).images[:]
    smoothed = Enumerated(models.load(folder / name).module, run.views, 10, batch=run.spec.batch)  # type: ignore[arg-type]
    proof = smoothed.certify(images)
    np.testing.assert_array_equal(run.predictions, proof.label)
    np.testing.assert_array_equal(run.radii(run.views.threat), proof.radius)
    for record, votes in zip(run.records, proof.votes, strict=True):
        assert record.n == run.views.count((1, SIZE, SIZE)) == sum(record.counts["enumeration"].values())
        assert record.counts["enumeration"] == {c: v for c, v in enumerate(votes.tolist()) if v}
        assert record.error is None
    assert run.statement == proof.statement
    assert "There is no alpha" in run.statement


def test_any_classifier_in_python(tmp_path: Path) -> None:
    x = torch.randint(0, 9, (5, 1, SIZE, SIZE), generator=torch.Generator().manual_seed(1)) / 8
    for noise, norm in (("bands(width=2)", "patch"), ("splitting(sigma=0.5, levels=8)", "l1")):
        same = {"noise": noise, "store": tmp_path / norm, "progress": False}
        run = wulff.certify(left_right_bottom, x, **same)
        assert run.norms == [norm]
        proof = Enumerated(left_right_bottom, noise, 3).certify(x)
        np.testing.assert_array_equal(run.radii(norm), proof.radius)
        again = wulff.certify(
            left_right_bottom, x, noise=noise, store=tmp_path / norm, progress=False, norms=norm
        )
        assert again.records == run.records
        assert "error" in run.to_pandas()
    for wrong in ({"n": 10}, {"alpha": 0.1}, {"n0": 7}, {"bound": "two-sided"}, {"norms": "l2"}, {"seed": 3}):
        with pytest.raises(InputError, match="leave"):
            wulff.certify(left_right_bottom, x, noise="bands(width=2)", progress=False, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on(folder: Path, tmp_path: Path, workers: int) -> None:
    whole = (folder / "bands-run" / "records.jsonl").read_bytes().splitlines(keepends=True)
    for file in ("spec.toml", "records.jsonl"):
        (tmp_path / file).write_bytes((folder / "bands-run" / file).read_bytes())
    (tmp_path / "records.jsonl").write_bytes(b"".join(whole[:5]) + whole[5][:40])
    seen: list[int] = []
    engine = engines.ProcessEngine(workers, "forkserver") if workers > 1 else engines.LocalEngine()
    run = runs.execute(spec(folder, "bands"), tmp_path, engine, progress=lambda run: seen.append(len(run)))
    assert seen == list(range(5, 13))
    lines = (tmp_path / "records.jsonl").read_bytes().splitlines(keepends=True)
    without_seconds = [re.sub(rb'"seconds".*', b"", line) for line in lines]
    assert without_seconds == [re.sub(rb'"seconds".*', b"", line) for line in whole]
    assert run.records[0].radii["patch"].method == "exact-counts"


def test_another_classifier_does_not_go_on(tmp_path: Path) -> None:
    def other(views: torch.Tensor) -> torch.Tensor:
        return left_right_bottom(views) * torch.tensor([0.0, 0.0, 1.0])

    other.__qualname__ = left_right_bottom.__qualname__
    x, terms = torch.rand(4, 1, SIZE, SIZE), {"noise": "bands(width=2)", "store": tmp_path, "progress": False}
    wulff.certify(left_right_bottom, x, **terms)
    journal = tmp_path / "records.jsonl"
    journal.write_bytes(journal.read_bytes().split(b"\n")[0] + b"\n")
    with pytest.raises(RunError, match="are not those of the stored run"):
        wulff.certify(other, x, **terms)


def test_the_first_classes_from_stored_counts(folder: Path) -> None:
    run = runs.load(folder / "bands-run")
    two = run.recertify(top=2)
    assert (two.radii("patch") >= run.radii("patch")).all()
    assert (two.radii("patch") > run.radii("patch")).any()
    direct = Enumerated(models.load(folder / "bands").module, run.views or "", 10, batch=run.spec.batch)  # type: ignore[arg-type]
    proof = direct.certify(datasets.load(str(folder / "grey.npz")).images[:], top=2)
    np.testing.assert_array_equal(two.radii("patch"), proof.radius)
    assert two.statement == proof.statement
    assert "among the 2 first" in two.statement
    for wrong in ({"alpha": 0.1}, {"n": 3}, {"norms": ["l2"]}, {"top": 10}, {"dataset": "digits"}):
        with pytest.raises(InputError):
            run.recertify(**wrong)  # type: ignore[arg-type]


def test_on_the_command_line(folder: Path, tmp_path: Path) -> None:
    done = call("certify", *options(folder, "bands", tmp_path / "run"))
    assert (done.code, done.err.count("wulff:")) == (0, 0), done
    assert "patch side" in done.out
    assert call("predict", *options(folder, "bands", tmp_path / "run")).out.endswith("run\n")
    named = call(
        "certify",
        *options(folder, "splits", tmp_path / "s"),
        "--noise",
        "splitting(sigma=0.3, levels=8, seed=1)",
    )
    assert named.code == 0, named
    top = call("recertify", str(folder / "bands-run"), "--top", "2", "--store", str(tmp_path / "two"))
    assert top.code == 0, top
    table = call("report", str(tmp_path / "two"), str(folder / "bands-run"), "--radii", "0,1,2")
    assert "among the 2 first" in table.out
    assert "nothing is left to chance" in table.out
    compared = call("compare", str(folder / "bands-run"), str(tmp_path / "two"))
    assert compared.code == 0, compared
    assert "patch side" in compared.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--n", "100"], "--n is for noise"),
        (["--alpha", "0.01", "--n0", "5"], "--n0, --alpha are for noise"),
        (["--stop-radii", "1"], "--stop-radii is for noise"),
        (["--seed", "3"], "--seed is for noise"),
        (["--norm", "l2"], "certifies against patch, got l2"),
        (["--top", "10"], "less than the number of classes"),
        (["--noise", "bands(width=9)"], "the images have 8×8"),
        (["--noise", "bands(size=3)"], "width"),
        (["--noise", "splitting(sigma=0.3)"], "takes inputs of shape (2, 8, 8)"),
        (["--dataset", "COLOUR"], "takes inputs of shape (2, 8, 8), but the views bands(width=1)"),
    ],
)
def test_bad_input_is_one_line(folder: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    arguments = [str(folder / "colour.npz") if text == "COLOUR" else text for text in arguments]
    found = call("certify", *options(folder, "bands", tmp_path / "run"), *arguments)
    assert found.code == 2, found
    assert said in found.err
    assert found.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "noise", ["splitting(sigma=0.3, levels=8, seed=2)", "splitting(sigma=0.4, levels=8, seed=1)"]
)
def test_other_splits_than_those_of_the_training_are_refused(
    folder: Path, tmp_path: Path, noise: str
) -> None:
    found = call("certify", *options(folder, "splits", tmp_path / "run"), "--noise", noise)
    assert found.code == 2
    assert "the model was trained on splitting(sigma=0.3, levels=8, seed=1)" in found.err
    assert found.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_specs_of_noise_refuse_views_and_the_other_way_round(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make a ViewSpec of them"):
        runs.certify(runs.Spec(model=str(folder / "bands"), dataset=str(folder / "grey.npz")), tmp_path / "r")
    with pytest.raises(InputError, match="is no family of views"):
        runs.certify(spec(folder, "noise"), tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_changed_records_are_refused(folder: Path, tmp_path: Path) -> None:
    for file in ("spec.toml", "records.jsonl"):
        (tmp_path / file).write_bytes((folder / "bands-run" / file).read_bytes())
    lines = (tmp_path / "records.jsonl").read_text().splitlines()
    record = json.loads(lines[0])
    votes = record["counts"]["enumeration"]
    votes[next(iter(votes))] -= 1
    (tmp_path / "records.jsonl").write_text("\n".join([json.dumps(record), *lines[1:]]) + "\n")
    with pytest.raises(RunError):
        runs.load(tmp_path)
    spec_text = (tmp_path / "spec.toml").read_text()
    (tmp_path / "spec.toml").write_text(re.sub(r"shape = \[[^]]*\]", "shape = [64]", spec_text))
    with pytest.raises(RunError, match="damaged"):
        runs.load(tmp_path)


def test_what_reports_say(folder: Path, tmp_path: Path) -> None:
    bands, splits = (runs.load(folder / f"{name}-run") for name in ("bands", "splits"))
    table = reports.certified_accuracy([bands], confidence=0.99)
    assert [row.kind for row in table.rows] == ["share"]
    assert all(radius == int(radius) for radius in table.radii)
    assert any("are sides of squares" in note for note in table.notes)
    assert reports.curves.curve(bands, "patch").bound(0, 0.99) == table.cells[0][0]
    with pytest.raises(InputError, match="whole numbers"):
        reports.certified_accuracy([bands], [1.5])
    with pytest.raises(InputError, match="a patch of side 9 is larger than the images"):
        reports.certified_accuracy([bands], [1, 9])
    (note,) = (note for note in reports.certified_accuracy([splits]).notes if "multiples" in note)
    assert "of just that size are certified too" in note
    assert "half as large, and 1/16 larger" in note
    page = reports.write_page([bands, splits], tmp_path / "page.html").read_text()
    for said in (
        "Nothing is left to chance",
        "There is no alpha",
        "patch side",
        "multiples of 1/8",
        "l1 radius",
    ):
        assert said in page
    assert "with probability at least" not in page
    for name in ("a.png", "b.png"):
        reports.plot_certified_accuracy([splits], tmp_path / name, with_envelope=False)
    runs_of_both = [splits, splits.recertify(top=2)]
    assert reports.envelopes.valid_envelope(runs_of_both, "l1").bound(0.0, 0.999) is not None


def test_figures_of_views(folder: Path, tmp_path: Path) -> None:
    done, missing = reports.write_figures([runs.load(folder / "bands-run")], tmp_path / "figures")
    assert {"certified-accuracy.png", "high-probability.png"} <= {path.name for path in done}
    assert any(reason.startswith("samples is not drawn") for reason in missing)
    refused = call("plot", "images", str(folder / "bands-run"), "-o", str(tmp_path / "images.png"))
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "has views, not noise" in refused.err


def test_parts_are_merged(folder: Path, tmp_path: Path) -> None:
    for name, part in (("a", ":6"), ("b", "6:")):
        runs.execute(spec(folder, "bands", slice=part), tmp_path / name)
    merged = runs.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    whole = runs.load(folder / "bands-run")
    assert [r.counts for r in merged.records] == [r.counts for r in whole.records]


def test_the_audit_of_batches_takes_models_of_views(folder: Path) -> None:
    for name in ("bands", "splits"):
        options = ["--model", str(folder / name), "--dataset", str(folder / "grey.npz"), "--copies", "64"]
        found = call("audit", "batch-invariance", *options, "--batches", "16,32", "--reference", "32")
        assert found.code == 0, found
        assert "batches of 16" in found.out
    wrong = call("audit", "batch-invariance", *options, "--noise", "bands(width=1)")
    assert wrong.code == 2
    assert "but the views bands(width=1)" in wrong.err


def test_a_service_of_views_is_refused(folder: Path) -> None:
    found = call("serve", "--model", str(folder / "bands"))
    assert found.code == 2
    assert "are views, which are enumerated; certify with `wulff certify`" in found.err
    assert found.err.count("\n") == 1


def test_votes_are_counted_again(folder: Path) -> None:
    found = call("verify", str(folder / "bands-run"), "--recount", "3")
    assert found.code == 0, found
    assert "recount" in found.out
