"""Sweeps: what a file asks for, and that finished work is never done again."""

import dataclasses
import json
import time
from pathlib import Path

import pytest
from filelock import FileLock

from tests.nightly import NIGHTLY
from tests.processes import forked, wulff
from wulff import reports, runs, training
from wulff.errors import InputError, RunError
from wulff.runs.folder import RECORDS, SUMMARY
from wulff.runs.sweeps.work import PLAN

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples" / "sweeps").glob("*.toml"))
SMALL = """
[train]
noise = ["laplace(scale=0.3)", "gaussian(scale=0.5)"]
epochs = 1

[certify]
norms = ["l1"]
slice = ":4"
n0 = 10
n = [20, 40]

[report]
radii = [0, 0.1]
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "sweep.toml"
    file.write_text(text)
    return file


def test_lists_multiply_and_name_folders(tmp_path: Path) -> None:
    sweep = runs.read_sweep(
        write(
            tmp_path,
            """
            store = "somewhere"
            [train]
            noise = ["gaussian", "exp-l2(j=0, k=1)"]
            sigma = [0.25, 0.5]
            seeds = [0, 1]
            epochs = 3
            [[certify]]
            norms = ["l1", "l2"]
            [[certify]]
            alpha = 0.01
            stop = { radii = [0.5], skip_incorrect = true }
            """,
        )
    )
    assert sweep.store == Path("somewhere")
    assert len(sweep.tasks) == 8
    task = sweep.tasks[1]
    assert task.name == "gaussian-sigma0.25-seed1"
    assert task.training == runs.TrainingSpec(
        noise="gaussian(sigma=0.25)", schedule=training.Schedule(epochs=3, seed=1)
    )
    first, second = task.runs.values()
    assert first.norms == ("l1", "l2")
    assert first.model == "somewhere/models/gaussian-sigma0.25-seed1"
    assert first.noise is None  # the one of the training
    assert second.alpha == 0.01
    assert second.stop is not None
    assert second.stop.radii == (0.5,)
    assert sweep.tasks[4].name == "exp_l2_j=0_k=1-sigma0.25-seed0"
    assert sweep.tasks[4].training.noise == "exp-l2(sigma=0.25, j=0.0, k=1.0)"  # type: ignore[union-attr]


def test_a_schedule_has_a_name_and_may_be_changed(tmp_path: Path) -> None:
    text = '[train]\nnoise = "laplace(scale=0.3)"\nschedule = ["usual", "fast"]\nbatch = 32\n[certify]\n'
    usual, fast = runs.read_sweep(write(tmp_path, text)).tasks
    assert fast.name == "schedulefast"
    assert usual.training == runs.TrainingSpec(
        noise="laplace(scale=0.3)", schedule=training.Schedule(batch=32)
    )
    assert fast.training == runs.TrainingSpec(
        noise="laplace(scale=0.3)", schedule=training.preset("fast", batch=32)
    )
    for wrong, message in (
        ('"slow"', "one of usual, fast, thorough, got 'slow'"),
        ("1", "must be str, got 1"),
    ):
        with pytest.raises(InputError, match=message):
            runs.read_sweep(write(tmp_path, text.replace('["usual", "fast"]', wrong)))


def test_existing_models_and_mismatched_noise(tmp_path: Path) -> None:
    text = '[certify]\nmodel = ["a.pt", "b.pt"]\nnoise = "gaussian"\nsigma = [0.5, 1.0]\n'
    sweep = runs.read_sweep(write(tmp_path, text), "here")
    assert [task.training for task in sweep.tasks] == [None] * 4
    specs = [spec for task in sweep.tasks for spec in task.runs.values()]
    assert {(spec.model, spec.noise) for spec in specs} == {
        (model, f"gaussian(sigma={sigma})") for model in ("a.pt", "b.pt") for sigma in (0.5, 1.0)
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[certify", "is not a readable sweep file"),
        ("", "needs a table"),
        ("[certify]", r"needs a \[train\]"),
        ("[training]\n[certify]", "has training; a sweep has"),
        ("store = 3\n[certify]", "store must be"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\n", "needs a table"),
        ("[train]\nepochs = 1\n[certify]", "needs a noise"),
        ("[train]\nnoise = 'laplace'\n[certify]", "cannot read the noise 'laplace'"),
        ("[train]\nnoise = 'laplace(sigma=1)'\nsigma = 1\n[certify]", "cannot give"),
        ("[train]\nsigma = 1\n[certify]", "needs a noise"),
        ("[train]\nnoise = 'fog'\nsigma = 1\n[certify]", "unknown noise"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\nepoch = 1\n[certify]", "no 'epoch'; there is noise"),
        ("[train]\nnoise = 'laplace'\nsigma = []\n[certify]", "the list sigma"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\nepochs = 'many'\n[certify]", "epochs in .* must be int"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\nepochs = true\n[certify]", "epochs in .* must be int"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\nepochs = 0\n[certify]", "epochs must be a positive"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\n[certify]\nmodel = 'a'", "takes its model from"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\n[certify]\nsigma = 2", "a sigma but no noise"),
        ("[train]\nnoise = 'laplace'\nsigma = [0.5, 0.5]\n[certify]", "twice"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\n[certify]\nstop = { now = true }", "stop may have"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\n[certify]\n[report]\nradii = []", "may have radii"),
        ("[train]\nnoise = 'laplace'\nsigma = 0.5\n[certify]\n[report]\nplots = 1", "may have radii"),
        ("train = 1\n[certify]", "must be a table"),
        ("[certify]\nmodel = 'a'\nstop = { radii = 0.5 }", "stop may have radii"),
        ("[certify]\nmodel = 'a'\nstop = { radii = ['a'] }", "must be positive and finite, got 'a'"),
        ("[certify]\nmodel = 'a'\ncompile = 1", "compile in .* must be bool, got 1"),
        ("[certify]\nmodel = 'a'\nbatch = 'all'", "batch in .* must be int"),
        ("[[defaults]]\nn = 1\n[[defaults]]\nn = 2\n[certify]\nmodel = 'a'", "several .*defaults"),
        ("[train]\nnoise = 'laplace(scale=1)'\nobjective = ['augment', 'macar']\n[certify]", "macar"),
        ("[train]\nnoise = 'laplace(scale=1)'\nmodel = 'cnnn'\n[certify]", "unknown architecture"),
        ("[train]\nnoise = 'laplace(scale=1)'\n[certify]\nalpha = 7", "alpha must lie"),
        ("[train]\nnoise = 'laplace(scale=1)'\n[certify]\nn = [100, 0]", "n must be"),
        ("[train]\nnoise = 'laplace(scale=1)'\n[certify]\nnorms = ['l0.5']", "must have p ≥ 1"),
    ],
)  # fmt: skip
def test_refuses(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        runs.read_sweep(write(tmp_path, text))


def test_takes_what_certify_takes(tmp_path: Path) -> None:
    text = "[certify]\nmodel = 'a'\nbatch = 'auto'\nchannels_last = true\ncompile = [true, false]"
    sweep = runs.read_sweep(write(tmp_path, text))
    specs = [spec for task in sweep.tasks for spec in task.runs.values()]
    assert [(spec.batch, spec.channels_last, spec.compile) for spec in specs] == [
        ("auto", True, True),
        ("auto", True, False),
    ]


def test_processes_of_a_killed_sweep_end(tmp_path: Path) -> None:
    text = SMALL if NIGHTLY else SMALL.replace(', "gaussian(scale=0.5)"', "")  # each takes seconds to begin
    file = write(tmp_path, text.replace("epochs = 1", "epochs = 3000"))  # minutes
    sweep = forked(wulff, "sweep", str(file), "--jobs", "2", "--store", str(tmp_path / "store"))
    tasks = runs.read_sweep(file, tmp_path / "store").tasks
    models = [tmp_path / "store" / "models" / task.name for task in tasks]
    deadline = time.monotonic() + 100
    while not all((model / "checkpoint.pt").exists() for model in models):
        assert sweep.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    sweep.kill()
    sweep.join()
    for model in models:
        with FileLock(model / ".lock").acquire(timeout=20):  # which ends with the process that held it
            assert not (model / "weights.safetensors").exists()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sweep file at"):
        runs.read_sweep(tmp_path / "none.toml")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> runs.Sweep:
    """A sweep that was made by one process; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("sweep")
    sweep = runs.read_sweep(write(folder, SMALL), folder / "store")
    told: list[str] = []
    outcomes = list(runs.run_sweep(sweep, watch=lambda name, _state: told.append(name)))
    assert outcomes == [("laplace_scale=0.3", None), ("gaussian_scale=0.5", None)]
    assert told[0] == "models/laplace_scale=0.3"
    return sweep


def test_a_sweep_is_made_once_and_reported(finished: runs.Sweep, tmp_path: Path) -> None:
    made = runs.sweep_runs(finished)
    assert [run.spec.n for run in made] == [20, 40, 20, 40]
    assert all(len(run.records) == 4 for run in made)
    before = {path: path.read_bytes() for path in finished.store.rglob("*") if path.is_file()}
    told: list[str] = []
    again = runs.run_sweep(finished, watch=lambda name, _state: told.append(name))
    assert all(reason is None for _, reason in again)
    assert told == []
    assert {path: path.read_bytes() for path in before} == before
    page = reports.write_report(made, tmp_path / "report", finished.radii)
    assert page.exists()
    assert {path.name for path in page.parent.iterdir()} == {
        "report.html", "certified_accuracy.png", "l1.md", "l1.csv", "l1.tex",
    }  # fmt: skip


def test_interrupted_sweeps_go_on_and_processes_agree(finished: runs.Sweep, tmp_path: Path) -> None:
    text = SMALL.replace(', "gaussian(scale=0.5)"', "")  # one process: the start of each takes seconds
    serial, parallel = finished, runs.read_sweep(write(tmp_path, text), tmp_path / "parallel")
    assert dict(runs.run_sweep(parallel, jobs=2)) == {task.name: None for task in parallel.tasks}

    def records(sweep: runs.Sweep) -> list[list[object]]:
        return [[dataclasses.replace(r, seconds=0.0) for r in run.records] for run in runs.sweep_runs(sweep)]

    assert records(parallel) == records(serial)[:2]
    folder = serial.store / "runs" / next(iter(serial.tasks[0].runs))
    expected = records(serial)
    (folder / SUMMARY).unlink()
    lines = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    (folder / RECORDS).write_bytes(b"".join(lines[:2]) + lines[2][:30])  # killed while it wrote the third
    assert not runs.is_finished(serial, f"runs/{folder.name}")
    list(runs.run_sweep(serial))
    assert records(serial) == expected


def test_other_parameters_in_the_same_folder_are_refused(finished: runs.Sweep, tmp_path: Path) -> None:
    plan = json.loads((finished.store / PLAN).read_text())
    file = write(tmp_path, SMALL.replace("epochs = 1", "epochs = 2"))
    with pytest.raises(RunError, match="was made with epochs = 1, but the sweep now has 2"):
        list(runs.run_sweep(runs.read_sweep(file, finished.store)))
    assert json.loads((finished.store / PLAN).read_text()) == plan
    # One more value in a list leaves the others as they are.
    write(tmp_path, SMALL.replace("[20, 40]", "[20, 40, 60]"))
    assert len(runs.read_sweep(file, finished.store).tasks[0].runs) == 3


def test_one_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    text = SMALL.replace("epochs = 1", 'epochs = 1\ndevice = ["nonsense", "cpu"]').replace("[20, 40]", "20")
    sweep = runs.read_sweep(write(tmp_path, text), tmp_path / "store")
    outcomes = dict(runs.run_sweep(sweep))
    assert [reason is None for reason in outcomes.values()] == [False, True, False, True]
    assert "nonsense" in str(next(iter(outcomes.values())))
    assert len(runs.sweep_runs(sweep)) == 2
    with pytest.raises(InputError, match="jobs must be a positive integer"):
        list(runs.run_sweep(sweep, jobs=0))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
def test_examples_can_be_read(file: Path) -> None:
    sweep = runs.read_sweep(file)
    assert sweep.store == Path("sweeps") / file.stem
    assert len(sweep.tasks) >= 3
    assert sweep.radii


def test_views_are_swept_as_well(tmp_path: Path) -> None:
    text = """
    [train]
    noise = ["bands(width=2)", "splitting(sigma=0.5, levels=16)"]
    model = "mlp"
    slice = ":200"
    epochs = 1
    [certify]
    slice = ":3"
    """
    sweep = runs.read_sweep(write(tmp_path, text), tmp_path / "out")
    assert all(error is None for _, error in runs.run_sweep(sweep))
    made = [runs.load(folder) for folder in sorted((sweep.store / "runs").iterdir())]
    assert [run.norms for run in made] == [["patch"], ["l1"]]
    for wrong in ("n = 20", 'norms = ["l2"]', "alpha = 0.01"):
        with pytest.raises(InputError, match="leave"):
            runs.read_sweep(write(tmp_path, f"{text}\n{wrong}\n"))
    with pytest.raises(InputError, match="write it into them"):
        runs.read_sweep(write(tmp_path, text.replace("epochs = 1", "epochs = 1\nsigma = 0.5")))


def rows(folder: Path) -> Path:
    file = folder / "rows.csv"
    lines = [f"{number / 10},{number % 2},{'yes' if number > 9 else 'no'}" for number in range(20)]
    file.write_text("\n".join(["size,shoe,heavy", *lines]))
    return file


def test_tables_are_trained_on_and_certified(tmp_path: Path) -> None:
    text = f"""
        [train]
        dataset = "table:{rows(tmp_path)}"
        target = "heavy"
        immutable = ["shoe"]
        noise = ["gaussian(sigma=0.25)", "gaussian(sigma=0.5)"]
        epochs = 1
        [certify]
        slice = ":2"
        n0 = 10
        n = 20
        """
    sweep = runs.read_sweep(write(tmp_path, text), tmp_path / "out")
    assert [reason for _, reason in runs.run_sweep(sweep)] == [None, None]
    found = runs.sweep_runs(sweep)
    assert [run.norms for run in found] == [["l2-scaled"]] * 2
    for run in found:
        assert run.spec.table is not None
        assert run.spec.table.scales[1] == 0
    # The model exists now, and says by itself how its columns were.
    model = tmp_path / "out" / "models" / "gaussian_sigma=0.5"
    certify = f'[certify]\nmodel = "{model}"\ndataset = "table:{rows(tmp_path)}"\nn = 20\nn0 = 10\n'
    (task,) = runs.read_sweep(write(tmp_path, certify), tmp_path / "more").tasks
    (again,) = task.runs.values()
    assert again.table == found[0].spec.table
    with pytest.raises(InputError, match=r"target of .* is 'heavy', got 'shoe'"):
        runs.read_sweep(write(tmp_path, f'{certify}target = "shoe"\n'))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "say which column holds the classes"),
        ('target = "weight"', "has no column 'weight'"),
        ('target = "heavy"\nimmutable = "shoe"', "immutable in .train. must be list"),
        ('target = "heavy"\nimmutable = ["boot"]', "immutable names 'boot'"),
        ('target = "heavy"\ncategorical = [1]', "categorical must be a list of columns"),
        ('target = "heavy"\ntable = "rows"', "has no 'table'"),
    ],
)
def test_columns_that_are_not_there_are_refused(tmp_path: Path, line: str, reason: str) -> None:
    text = f'[train]\ndataset = "table:{rows(tmp_path)}"\nnoise = "gaussian(sigma=1)"\n{line}\n[certify]\n'
    with pytest.raises(InputError, match=reason):
        runs.read_sweep(write(tmp_path, text), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_columns_of_a_trained_model_are_those_of_its_training(tmp_path: Path) -> None:
    train = f'[train]\ndataset = "table:{rows(tmp_path)}"\ntarget = "heavy"\nnoise = "gaussian(sigma=1)"\n'
    with pytest.raises(InputError, match=r"leave target out of .certify."):
        runs.read_sweep(write(tmp_path, f'{train}[certify]\ntarget = "heavy"\n'))
