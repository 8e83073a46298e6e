"""A run that is killed at any moment and started again ends with the records of an undisturbed one."""

import json
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nightly import NIGHTLY
from tests.processes import forked
from wulff import runs
from wulff.errors import InputError, RunError
from wulff.runs.folder import RECORDS, SPEC, SUMMARY, stored_document
from wulff.smoothing import Votes
from wulff.stats import Anytime
from wulff.training import Schedule

KILLS = 20 if NIGHTLY else 4


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    spec = runs.TrainingSpec(noise="laplace(sigma=0.5)", schedule=Schedule(epochs=1))
    return runs.train(spec, folder)


def spec(model: Path, **changes: object) -> runs.Spec:
    arguments = {
        "model": str(model),
        "slice": ":60",
        "norms": ("l1", "l2"),
        "n0": 10,
        "n": 1000,
        "batch": 100,
    }
    return runs.Spec(**(arguments | changes))  # type: ignore[arg-type]


def records(folder: Path) -> list[bytes]:
    """The journal byte for byte, checksums too, without the timing at the end of each line."""
    lines = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    assert all(b', "seconds": ' in line and line.endswith(b"}\n") for line in lines)
    return [line.partition(b', "seconds": ')[0] for line in lines]


def certify(model: Path, folder: Path) -> None:
    runs.certify(spec(model), folder)


@pytest.fixture(scope="module")
def undisturbed(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    certify(model, folder)
    return folder


def test_killed_at_random_moments(model: Path, undisturbed: Path, tmp_path: Path) -> None:
    dice = random.Random(0)
    folder = tmp_path / "run"
    progress = []
    for _ in range(KILLS):
        process = forked(certify, model, folder)
        # Some die before they write anything, most in the middle of it.
        until = dice.choice([0, 1, 2, 3]) + sum(progress[-1:])
        deadline = time.monotonic() + dice.uniform(0.2, 20)
        journal = folder / RECORDS
        while process.is_alive() and time.monotonic() < deadline:
            if journal.exists() and journal.read_bytes().count(b"\n") > until:
                break
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.05))
        process.kill()
        process.join()
        progress.append(journal.read_bytes().count(b"\n") if journal.exists() else 0)
    assert 0 < progress[len(progress) // 2] < 60  # the kills did hit a run that was under way
    certify(model, folder)
    assert records(folder) == records(undisturbed)
    assert (folder / SPEC).read_bytes() == (undisturbed / SPEC).read_bytes()
    assert json.loads((folder / SUMMARY).read_text())["inputs"] == 60


@pytest.mark.parametrize("lost", [1, 2, 30, 200])
def test_torn_last_line_is_done_again(model: Path, undisturbed: Path, tmp_path: Path, lost: int) -> None:
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder)
    content = (folder / RECORDS).read_bytes()
    (folder / RECORDS).write_bytes(content[:-lost])
    with pytest.raises(RunError, match="torn line"):
        runs.load(folder)
    certify(model, folder)
    assert records(folder) == records(undisturbed)


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": "exact", "levels": 16},
        {"estimator": "randomized-clopper-pearson"},
        {"sampling": "exact", "levels": 16, "stop": Anytime(radii=[0.2])},
    ],
    ids=str,
)
def test_restarts_and_batches_change_nothing_in_other_modes(
    model: Path, tmp_path: Path, changes: dict
) -> None:
    whole = tmp_path / "whole"
    runs.certify(spec(model, slice=":8", **changes), whole)
    for lines, batch in ((0, 16), (1, 64), (5, 1000)):  # killed after so many records
        folder = tmp_path / str(lines)
        shutil.copytree(whole, folder)
        journal = (folder / RECORDS).read_bytes().splitlines(keepends=True)
        (folder / RECORDS).write_bytes(b"".join(journal[:lines]) + journal[lines][:30])
        runs.certify(spec(model, slice=":8", batch=batch, **changes), folder)
        assert records(folder) == records(whole)


def test_every_batch_size_gives_the_same_records(model: Path, tmp_path: Path) -> None:
    some = ":60" if NIGHTLY else ":12"
    for batch in (100, 16, 64, 1000):
        runs.certify(spec(model, slice=some, batch=batch), tmp_path / str(batch))
        assert records(tmp_path / str(batch)) == records(tmp_path / "100")


def test_a_finished_run_is_left_as_it_is(model: Path, undisturbed: Path) -> None:
    before = (undisturbed / RECORDS).read_bytes()
    certify(model, undisturbed)
    assert (undisturbed / RECORDS).read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [{"n": 1001}, {"n0": 11}, {"alpha": 0.01}, {"seed": 1}, {"norms": ("l1",)}, {"slice": ":61"},
     {"sampling": "exact", "levels": 16}, {"estimator": "randomized-clopper-pearson"},
     {"noise": "uniform(sigma=0.5)"}],
    ids=str,
)  # fmt: skip
def test_another_spec_is_refused_and_nothing_changes(model: Path, undisturbed: Path, changes: dict) -> None:
    before = {file: file.read_bytes() for file in undisturbed.iterdir()}
    with pytest.raises(RunError, match="give another folder, or the same parameters to resume"):
        runs.execute(spec(model, **changes), undisturbed)
    assert {file: file.read_bytes() for file in undisturbed.iterdir()} == before


def test_an_alpha_that_no_anytime_bound_has_is_refused_before_anything_is_written(
    model: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"alpha must be at most 0\.3 where votes decide"):
        runs.certify(spec(model, alpha=0.5, stop=Anytime(radii=[0.2])), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_seed_from_the_operating_system_is_recorded_and_kept(model: Path, tmp_path: Path) -> None:
    first = runs.certify(spec(model, seed=None, slice=":2"), tmp_path / "run")
    again = runs.certify(spec(model, seed=None, slice=":2"), tmp_path / "run")
    assert first.terms.seed == again.terms.seed != 0
    given = runs.certify(spec(model, seed=first.terms.seed, slice=":2"), tmp_path / "given")
    assert records(tmp_path / "given") == records(tmp_path / "run")
    assert given.records[0].counts == first.records[0].counts


def test_two_processes_cannot_write_one_run(model: Path, undisturbed: Path) -> None:
    from wulff.runs.journal import Journal

    document = stored_document(undisturbed)
    assert document is not None
    with Journal(undisturbed, document), pytest.raises(RunError, match="another process"):
        certify(model, undisturbed)


@pytest.mark.parametrize("before", [None, "empty", "finished"])
def test_a_model_that_fails_at_the_first_input_leaves_nothing(
    before: str | None, model: Path, undisturbed: Path, tmp_path: Path
) -> None:
    class Failing:
        name = "failing"

        def map(self, *_: object) -> Iterator[Votes]:
            raise RunError("the model fails on hidden values")

    folder, first = tmp_path / "new" / "run", b""
    if before == "empty":
        folder.mkdir(parents=True)
    if before == "finished":
        shutil.copytree(undisturbed, folder)
        first = (folder / RECORDS).read_bytes().splitlines(keepends=True)[0]
        (folder / RECORDS).write_bytes(first)  # one record is worth keeping
        (folder / SUMMARY).unlink()
    with pytest.raises(RunError, match="hidden values"):
        runs.certify(spec(model), folder, engine=Failing())  # type: ignore[arg-type]
    if before == "finished":
        assert (folder / RECORDS).read_bytes() == first
    else:
        assert not any(path.is_file() for path in (tmp_path / "new").rglob("*") if path.name != ".lock")
        assert (tmp_path / "new").exists() == (before == "empty")
