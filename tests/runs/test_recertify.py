"""Certificates from stored counts: those of a new run, and nothing that the counts do not support."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.runs.forge import to_format_0
from wulff import datasets, models, runs, stats
from wulff.errors import InputError, RunError
from wulff.runs.folder import RECORDS, SPEC
from wulff.runs.recertification import _counted
from wulff.training import Schedule

N = 400


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return runs.train(runs.TrainingSpec(noise="laplace(sigma=0.5)", schedule=Schedule(epochs=1)), folder)


def certify(model: Path, folder: Path, **changes: object) -> runs.Run:
    arguments = {"model": str(model), "slice": ":6", "norms": ("l1",), "n0": 20, "n": N}
    return runs.certify(runs.Spec(**(arguments | changes)), folder)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plain(model: Path, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    return certify(model, tmp_path_factory.mktemp("runs") / "plain")


@pytest.fixture(scope="module")
def stopped(model: Path, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    stop = stats.Anytime(radii=[0.1], skip_incorrect=True)
    return certify(model, tmp_path_factory.mktemp("runs") / "stopped", stop=stop)


TERMS = [
    {"norms": ("l2", "linf", "lp(3)")},
    {"alpha": 0.05},
    {"bound": "two-sided"},
    {"estimator": "randomized-clopper-pearson"},
    {"bound": "two-sided", "estimator": "randomized-clopper-pearson", "norms": ("l2",), "alpha": 0.01},
]


@pytest.mark.parametrize("terms", TERMS, ids=str)
def test_the_same_as_a_run_on_these_terms(model: Path, plain: runs.Run, tmp_path: Path, terms: dict) -> None:
    fresh = certify(model, tmp_path / "fresh", **terms)
    again = runs.recertify(plain.folder, tmp_path / "again", **terms)
    without_time = [dataclasses.replace(record, seconds=0.0) for record in fresh.records]
    assert [dataclasses.replace(record, seconds=0.0) for record in again.records] == without_time
    assert again.spec == fresh.spec
    assert again.statement == fresh.statement
    assert runs.recertify(plain.folder, **terms).records == again.records  # in memory
    assert runs.recertify(again.folder, norms=["l1"], alpha=0.001, bound="one-sided",
                          estimator="clopper-pearson").records == plain.records  # fmt: skip
    lines = (again.folder / RECORDS).read_bytes().splitlines(keepends=True)
    (again.folder / RECORDS).write_bytes(b"".join(lines[1:]))  # one is lost: it is made again, and no other
    repaired = runs.recertify(plain.folder, again.folder, **terms).records
    assert sorted(repaired, key=lambda record: record.index) == again.records


@pytest.mark.parametrize("changes", [
    {"stop": stats.Anytime(relative=0.3)},
    {"sampling": "exact", "levels": 16, "bound": "two-sided"},
    {"estimator": "randomized-clopper-pearson", "seed": 2**64 - 1},
], ids=str)  # fmt: skip
def test_unchanged_terms_change_nothing(model: Path, tmp_path: Path, changes: dict) -> None:
    run = certify(model, tmp_path / "run", **changes)
    again = runs.recertify(run.folder, tmp_path / "again")
    assert again.records == run.records
    # The checksums differ: what was counted by another run is another document.
    assert [r.to_json() for r in again.records] == [r.to_json() for r in run.records]


def test_a_recertified_run_is_not_continued_with_fresh_votes(
    model: Path, plain: runs.Run, tmp_path: Path
) -> None:
    runs.recertify(plain.folder, tmp_path / "again", alpha=0.01)
    with pytest.raises(RunError, match="give another folder"):
        certify(model, tmp_path / "again", alpha=0.01)


def test_neither_model_nor_data_are_read(plain: runs.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "load", None)
    monkeypatch.setattr(datasets, "load", None)
    assert runs.recertify(plain.folder).records == plain.records


def test_counts_of_stopped_runs_have_class_phase_and_stopping_time(stopped: runs.Run) -> None:
    assert len({record.n for record in stopped.records}) > 1
    for record in stopped.records:
        assert sum(record.counts["selection"].values()) == 20
        assert sum(record.counts["estimation"].values()) == record.n
    wrong = [record for record in stopped.records if record.n == 0]
    assert all(record.predict == -1 for record in wrong)


def test_stopped_runs_keep_the_bound_that_is_valid_whenever_they_stop(stopped: runs.Run) -> None:
    again = runs.recertify(stopped.folder, norms=["l2"], alpha=0.01)
    for record in again.records:
        label = max(sorted(record.counts["selection"]), key=record.counts["selection"].__getitem__)
        misses = (record.n or 0) - record.counts["estimation"].get(label, 0)
        expected = stats.anytime_error_bound(misses, record.n, 0.01) if record.n else 1.0
        assert record.error == expected
        assert list(record.radii) == ["l2"]
    assert "whenever sampling stops" in again.statement


def test_a_smaller_n_takes_some_of_the_votes(plain: runs.Run, tmp_path: Path) -> None:
    again = runs.recertify(plain.folder, tmp_path / "fewer", n=100)
    for few, many in zip(again.records, plain.records, strict=True):
        assert few.n == sum(few.counts["estimation"].values()) == 100
        assert all(votes <= many.counts["estimation"][c] for c, votes in few.counts["estimation"].items())
        assert few.counts["selection"] == many.counts["selection"]
    assert again.document["counted"]["n"] == N
    assert "without replacement" in again.document["counted"]["drawn"]
    assert runs.recertify(plain.folder, n=100).records == again.records  # the draw is keyed, not new
    assert [r.counts for r in runs.recertify(plain.folder, n=99).records] != [r.counts for r in again.records]
    with pytest.raises(RunError, match="give another folder"):
        runs.recertify(plain.folder, tmp_path / "fewer", n=99)


def test_votes_drawn_without_looking_are_fresh_votes(plain: runs.Run) -> None:
    # Binomial(200, .3) votes, 60 of them drawn: Binomial(60, .3). A chi-square test over 3,000 inputs with a
    # false-alarm rate of 1e-6; keeping the first, or a fixed share, of the votes would fail it.
    rng = np.random.default_rng(5)
    terms = dataclasses.replace(plain.terms, n=60)
    source = dataclasses.replace(plain, spec=dataclasses.replace(plain.spec, n=200))
    drawn = []
    for index, votes in enumerate(rng.binomial(200, 0.3, size=3000).tolist()):
        counts = {"selection": {3: 20}, "estimation": {3: votes, 5: 150 - votes if votes < 150 else 0}}
        record = dataclasses.replace(plain.records[0], index=index, n=200, counts=counts)
        drawn.append(int(_counted(source, record, terms).estimation[3]))
    edges = np.arange(10, 27)
    expected = np.diff([0, *scipy_stats.binom.cdf(edges, 60, 0.3), 1]) * 3000
    observed = np.bincount(np.searchsorted(edges, drawn), minlength=len(edges) + 1)
    assert scipy_stats.chisquare(observed, expected).pvalue > 1e-6


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"n": N + 1}, "has no more votes"),
        ({"n": 0}, "n must be a positive integer"),
        ({"alpha": 2}, "alpha must lie in"),
        ({"bound": "both"}, "one-sided or two-sided"),
        ({"estimator": "wilson"}, "estimator must be"),
        ({"norms": ["l0.5"]}, "p ≥ 1"),
        ({"norms": "l2"}, "must be a sequence"),
    ],
    ids=str,
)
def test_refusals(plain: runs.Run, tmp_path: Path, terms: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        runs.recertify(plain.folder, tmp_path / "new", **terms)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"n": 100}, "the votes decided when sampling stopped"),
        ({"bound": "two-sided"}, "fixed n"),
        ({"estimator": "randomized-clopper-pearson"}, "fixed n"),
        ({"alpha": 0.4}, r"at most 0\.3"),
    ],
    ids=str,
)
def test_stopped_runs_refuse(stopped: runs.Run, terms: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        runs.recertify(stopped.folder, **terms)


def test_runs_without_counts_are_refused(plain: runs.Run, model: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.tsv"
    log.write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\t0.378\t1\t15.4\n")
    runs.import_log(log, tmp_path / "imported")
    with pytest.raises(InputError, match="a published log has radii but no counts"):
        runs.recertify(tmp_path / "imported", alpha=0.01)
    runs.execute(runs.PredictSpec(model=str(model), slice=":2", n=30), tmp_path / "predicted")
    with pytest.raises(InputError, match="votes of a prediction chose its label"):
        runs.recertify(tmp_path / "predicted")
    with pytest.raises(InputError, match="give another folder"):
        runs.recertify(plain.folder, plain.folder)


@pytest.mark.parametrize("damage", ["estimation", "selection", "n"])
def test_records_whose_counts_do_not_fit_are_refused(plain: runs.Run, tmp_path: Path, damage: str) -> None:
    shutil.copytree(plain.folder, tmp_path / "run")
    lines = (tmp_path / "run" / RECORDS).read_text().splitlines()
    record = json.loads(lines[1])
    if damage == "n":
        record["n"] = 5
    else:
        record["counts"][damage] = {"3": 10**6}
    lines[1] = json.dumps(record)
    (tmp_path / "run" / RECORDS).write_text("\n".join(lines) + "\n")
    with pytest.raises(RunError, match=r"line 2 of .* does not fit its run"):
        runs.recertify(tmp_path / "run")


@pytest.mark.parametrize("edit", [("votes", 99.9), ("n", 1000.0), ("index", True)], ids=str)
def test_numbers_that_are_not_whole_are_damage(plain: runs.Run, tmp_path: Path, edit: tuple) -> None:
    shutil.copytree(plain.folder, tmp_path / "run")
    lines = (tmp_path / "run" / RECORDS).read_text().splitlines()
    record = json.loads(lines[1])
    name, value = edit
    if name == "votes":
        record["counts"]["estimation"]["3"] = value
    else:
        record[name] = value
    lines[1] = json.dumps(record)
    (tmp_path / "run" / RECORDS).write_text("\n".join(lines) + "\n")
    with pytest.raises(RunError, match=r"line 2 of .* is damaged"):
        runs.recertify(tmp_path / "run")


def test_older_runs_without_a_dimension_are_refused(plain: runs.Run, tmp_path: Path) -> None:
    shutil.copytree(plain.folder, tmp_path / "run")
    to_format_0(tmp_path / "run")
    spec = (tmp_path / "run" / SPEC).read_text()
    (tmp_path / "run" / SPEC).write_text(spec.replace("dim = 64\n", ""))
    with pytest.raises(InputError, match="how many coordinates"):
        runs.recertify(tmp_path / "run")
