"""`wulff verify` proves what the prover wrote, and finds every change."""

import json
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import tomli_w

from tests.nightly import taking_turns
from tests.verify.made import MISSES, make_run
from wulff import noises
from wulff.cli import main
from wulff.cli.verify import drawn_scale
from wulff.reports.verification import in_words, is_verified
from wulff.runs import folder as run_folder
from wulff.runs import import_log
from wulff.runs.folder import checksum_key
from wulff.runs.records import Record
from wulff.verify import records as checked_records
from wulff.verify import verify_run

CLOSED = ["l1", "l2", "linf", "lp(1.5)", "lp(3.0)"]
FORMS = [
    ("gaussian(sigma=0.5)", CLOSED),
    ("uniform(sigma=0.5)", CLOSED),
    ("ball(sigma=0.5)", CLOSED),
    ("laplace(sigma=0.5)", ["l1", "l2"]),
    ("exp-lp(sigma=0.5, p=1.5)", ["l1"]),
    ("exp-lp(sigma=0.5, p=100)", ["l1"]),
    ("pareto(sigma=0.5, a=3)", ["l1", "l2"]),
    ("pareto(scale=1, a=0.5)", ["l1", "l2"]),
    ("exp-l1(scale=1, j=0, k=1)", ["l1", "linf"]),
    ("exp-linf(scale=1, j=0, k=1)", ["l2", "linf"]),
]
TERMS: list[dict[str, Any]] = [
    {"bound": "two-sided"},
    {"estimator": "randomized-clopper-pearson"},
    {"estimator": "randomized-clopper-pearson", "bound": "two-sided"},
    {"stop": {"relative": 0.1, "beta": 0.001, "skip_incorrect": False, "radii": []}},
]


def verdicts(folder: Path, noise: str, dim: int) -> dict[str, list[str]]:
    """By claim, with what is wrong."""
    scale = noises.parse(noise).in_dim(dim).scale
    found: dict[str, list[str]] = {}
    for finding in verify_run(folder, scale):
        found.setdefault(finding.claim, []).append(f"{finding.verdict} {finding.why}".strip())
    return found


@pytest.mark.parametrize("dim", [64, 3072])
@pytest.mark.parametrize(("noise", "norms"), FORMS)
def test_closed_forms_are_proven_quickly(tmp_path: Path, noise: str, norms: list[str], dim: int) -> None:
    run = make_run(tmp_path / "run", noise, norms, dim)
    scale = noises.parse(noise).in_dim(dim).scale
    for finding in verify_run(run, scale):
        assert finding.verdict == "proven", finding
        assert finding.seconds < 0.5  # 50 ms and less where the machine is not shared


@pytest.mark.parametrize(("noise", "norms", "dim"), taking_turns(FORMS, [1, 2], len(FORMS)))
def test_nothing_is_called_false_in_low_dimensions(
    tmp_path: Path, noise: str, norms: list[str], dim: int
) -> None:
    run = make_run(tmp_path / "run", noise, [*norms, "lp(1.1)"], dim)
    found = verdicts(run, noise, dim)
    assert {v for claim in found.values() for v in claim} <= {"proven", "not covered"}


@pytest.mark.parametrize("noise", [None, "gaussian(sigma=0.25)"])
def test_published_radii_have_no_votes_and_are_left_open(tmp_path: Path, noise: str | None) -> None:
    log = tmp_path / "log.tsv"
    log.write_text(
        "idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\t0.378\t1\t1.0\n5\t1\t-1\t0.0\t0\t1.0\n"
    )
    import_log(log, tmp_path / "run", noise=noise)
    found = {(finding.claim, finding.verdict) for finding in verify_run(tmp_path / "run", None)}
    open_ = {("statistics", "not covered"), ("published against l2", "not covered")}
    assert found == {("bookkeeping", "proven"), *open_}


def test_radii_of_imported_probabilities_are_proven(tmp_path: Path) -> None:
    (tmp_path / "arrays").mkdir()
    arrays = {"preds": [[90, 5, 5], [10, 80, 10]], "labels": [0, 1], "prob_lb": np.float32([0.85, 0.7])}
    for name, values in arrays.items():
        np.save(tmp_path / "arrays" / f"{name}.npy", np.array(values))
    run = import_log(tmp_path / "arrays", tmp_path / "run", "l1", "uniform(sigma=0.5, dim=8)").folder

    def radii() -> list[str]:
        return [
            found.verdict
            for found in verify_run(run, drawn_scale(run))
            if found.claim == "closed-form against l1"
        ]

    assert radii() == ["proven", "proven"]
    records = [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]
    for record in records:
        record["radii"]["l1"]["radius"] *= 1.001
    (run / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert radii() == ["FALSE", "FALSE"]


@pytest.mark.parametrize(
    ("changes", "classes"), taking_turns([(terms,) for terms in TERMS], [3, 5], len(TERMS))
)
def test_bounds_of_every_kind_are_proven(tmp_path: Path, changes: dict[str, Any], classes: int) -> None:
    noise = "gaussian(sigma=0.5)"
    run = make_run(tmp_path / "run", noise, ["l2"], 64, classes=classes, changes=changes)
    assert {v for found in verdicts(run, noise, 64).values() for v in found} == {"proven"}


Change = Callable[[dict[str, Any]], object]


def raised(record: dict[str, Any]) -> None:
    """Past the declared slack of the closed form, by less than a hundred ulps in all."""
    record["radii"]["l2"]["radius"] *= 1 + 1.2e-14


def moved(phase: str, source: str, target: str) -> Change:
    def move(record: dict[str, Any]) -> None:
        counts = record["counts"][phase]
        counts[source] -= 1
        counts[target] = counts.get(target, 0) + 1

    return move


MUTATIONS: dict[str, Change] = {
    "the radius, by some ulps": raised,
    "the radius, by far": lambda r: r["radii"]["l2"].update(radius=9.0),
    "no radius": lambda r: r["radii"]["l2"].update(radius=math.nan),
    "an infinite radius": lambda r: r["radii"]["l2"].update(radius=math.inf),
    "a negative radius": lambda r: r["radii"]["l2"].update(radius=-3.0),
    "a radius in words": lambda r: r["radii"]["l2"].update(radius="9"),
    "a list of radii": lambda r: r["radii"]["l2"].update(radius=[0.5]),
    "a radius of true": lambda r: r["radii"]["l2"].update(radius=True),
    "radii of another kind": lambda r: r.update(radii=[0.5]),
    "the radius of another norm": lambda r: r["radii"]["linf"].update(r["radii"]["l2"]),
    "another norm": lambda r: r["radii"].update(l1=r["radii"].pop("linf")),
    "a norm is missing": lambda r: r["radii"].pop("linf"),
    "the method": lambda r: r["radii"]["l2"].update(method="level-set"),
    "a method for another norm": lambda r: r["radii"]["l2"].update(method="quantile"),
    "an abstention with a radius": lambda r: r["radii"]["l2"].update(method="abstain"),
    "the predicted label": lambda r: r.update(predict=1),
    "an abstention": lambda r: r.update(predict=-1),
    "the label, outside the classes": lambda r: r.update(label=17),
    "the label, beyond every integer": lambda r: r.update(label=1e30),
    "the error, lower": lambda r: r.update(error=r["error"] * (1 - 1e-11)),
    "the error, higher": lambda r: r.update(error=r["error"] * (1 + 1e-4)),
    "no error": lambda r: r.pop("error"),
    "n": lambda r: r.update(n=1001),
    "n, in words": lambda r: r.update(n="1000"),
    "a vote to the label": moved("estimation", "1", "0"),
    "a vote from the label": moved("estimation", "0", "1"),
    "a vote more": lambda r: r["counts"]["estimation"].update({"0": 989}),
    "a vote less": lambda r: r["counts"]["estimation"].update({"1": 7}),
    "a vote for a class that is not there": moved("estimation", "1", "3"),
    "a vote of the selection": lambda r: r["counts"]["selection"].update({"0": 31}),
    "the selection's winner": lambda r: r["counts"]["selection"].update({"0": 15, "1": 30}),
    "phases swapped": lambda r: r["counts"].update(
        selection=r["counts"]["estimation"], estimation=r["counts"]["selection"]
    ),
    "a phase is missing": lambda r: r["counts"].pop("selection"),
    "half a vote": lambda r: r["counts"]["estimation"].update({"0": 987.5, "1": 8.5}),
    "the index, outside the slice": lambda r: r.update(index=8),
    "the index of another": lambda r: r.update(index=5),
    "a draw": lambda r: r.update(draw=0.5),
}
SPECS: dict[str, Change] = {
    "alpha": lambda spec: spec.update(alpha=0.002),
    "alpha, impossible": lambda spec: spec.update(alpha=1.0),
    "n": lambda spec: spec.update(n=2000),
    "n0": lambda spec: spec.update(n0=40),
    "the noise's size": lambda spec: spec.update(noise="gaussian(sigma=0.4999)"),
    "the noise": lambda spec: spec.update(noise="uniform(sigma=0.5)"),
    "the noise, unknown": lambda spec: spec.update(noise="pink(sigma=0.5)"),
    "the dimension": lambda spec: spec.update(dim=65),
    "the norms": lambda spec: spec.update(norms=["linf", "l2"]),
    "the bound": lambda spec: spec.update(bound="two-sided"),
    "the estimator": lambda spec: spec.update(estimator="randomized-clopper-pearson"),
    "a stopping policy": lambda spec: spec.update(stop={"relative": 0.1}),
    "the slice": lambda spec: spec.update(slice="1:9"),
    "the number of inputs": lambda spec: spec.update(inputs=7),
    "the classes": lambda spec: spec.update(classes=2),
    "the task": lambda spec: spec.update(task="predict"),
    "the task, unknown": lambda spec: spec.update(task="swim"),
    "no n": lambda spec: spec.pop("n"),
    "no norms": lambda spec: spec.pop("norms"),
    "a smaller scale of the noise": lambda spec: spec.update(noise="gaussian(scale=0.05)"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("verify") / "run", "gaussian(sigma=0.5)", ["l2", "linf"], 64)


def false_in(folder: Path, lines: list[str], spec: str) -> bool:
    folder.mkdir()
    (folder / "records.jsonl").write_text("".join(line + "\n" for line in lines))
    (folder / "spec.toml").write_text(spec)
    return any(finding.verdict == "FALSE" for finding in verify_run(folder, drawn_scale(folder)))


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_change_of_a_record_is_found(tmp_path: Path, run: Path, name: str) -> None:
    lines, spec = (run / "records.jsonl").read_text().splitlines(), (run / "spec.toml").read_text()
    assert not false_in(tmp_path / "whole", lines, spec)
    record = json.loads(lines[4 - 1])  # 12 misses, label 0
    MUTATIONS[name](record)
    assert false_in(tmp_path / "changed", [*lines[:3], json.dumps(record), *lines[4:]], spec)


@pytest.mark.parametrize("name", SPECS)
def test_every_change_of_the_spec_is_found(tmp_path: Path, run: Path, name: str) -> None:
    document = tomllib.loads((run / "spec.toml").read_text())
    SPECS[name](document["run"])
    lines = (run / "records.jsonl").read_text().splitlines()
    assert false_in(tmp_path / "changed", lines, tomli_w.dumps(document))


def test_two_records_of_one_input_are_found(tmp_path: Path, run: Path) -> None:
    lines, spec = (run / "records.jsonl").read_text().splitlines(), (run / "spec.toml").read_text()
    assert false_in(tmp_path / "changed", [*lines[:-1], lines[0]], spec)


@pytest.mark.parametrize("misses", [0, 12, 300])
def test_one_ulp_beyond_the_truth_is_false(tmp_path: Path, run: Path, misses: int) -> None:
    lines, spec = (run / "records.jsonl").read_text().splitlines(), (run / "spec.toml").read_text()
    number = MISSES.index(misses)
    record = json.loads(lines[number])
    with mpmath.workdps(50):
        z = mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * mpmath.mpf(record["error"]))
        truth = mpmath.mpf(0.5) * z
    below = float(truth) if float(truth) <= truth else math.nextafter(float(truth), 0)
    for radius, wrong in ((below, False), (math.nextafter(below, 9), True)):
        record["radii"]["l2"]["radius"] = radius
        changed = [*lines[:number], json.dumps(record), *lines[number + 1 :]]
        assert false_in(tmp_path / f"{wrong}", changed, spec) == wrong


def test_the_command_writes_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path / "run", "laplace(sigma=0.5)", ["l1"], 12)
    with pytest.raises(SystemExit) as end:
        main(["verify", str(folder)])
    assert end.value.code == 0
    assert "24 of 24 claims are proven, 0 are false." in capsys.readouterr().out
    assert is_verified(folder)
    assert in_words(folder) == "Verified by an independent checker"
    record = folder / "records.jsonl"
    record.write_text(record.read_text().replace('"predict": 0', '"predict": 1', 1))
    assert not is_verified(folder)  # the file has changed since
    assert in_words(folder) == ""
    with pytest.raises(SystemExit) as end:
        main(["verify", str(folder)])
    assert end.value.code == 1
    assert "record 1: bookkeeping: input 0: predict is 1; the selection chose 0" in capsys.readouterr().out
    assert not is_verified(folder)
    assert in_words(folder) == "False claims found by an independent checker: 1"
    record.write_text("")
    with pytest.raises(SystemExit) as end:
        main(["verify", str(folder)])
    assert (end.value.code, is_verified(folder), in_words(folder)) == (0, False, "")  # nothing is claimed


def test_what_is_no_verification_proves_nothing(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", "laplace(sigma=0.5)", ["l1"], 12)
    record = folder / "records.jsonl"
    record.write_text(record.read_text().replace('"predict": 0', '"predict": 1', 1))
    with pytest.raises(SystemExit):
        main(["verify", str(folder)])
    stored = folder / "verification.json"
    stored.write_text(json.dumps({**json.loads(stored.read_text()), "proven": "yes"}))
    assert in_words(folder) == "False claims found by an independent checker: 1"
    stored.write_text(
        json.dumps({"claims": {}, "false": ["one"], "sha256": json.loads(stored.read_text())["sha256"]})
    )
    assert in_words(folder) == "False claims found by an independent checker: 1"


@pytest.mark.parametrize("spec", [None, 'run = "x"', "run = [", ""])
def test_a_folder_that_is_no_run_is_refused(
    tmp_path: Path, spec: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if spec is not None:
        (tmp_path / "spec.toml").write_text(spec)
        (tmp_path / "records.jsonl").write_text("")
    with pytest.raises(SystemExit) as end:
        main(["verify", str(tmp_path)])
    assert end.value.code == 2
    said = capsys.readouterr()
    assert "is no run that can be read" in said.err
    assert (said.err.count("\n"), said.out) == (1, "")


def test_a_run_without_a_seed_has_no_draws(tmp_path: Path) -> None:
    changes = {"estimator": "randomized-clopper-pearson"}
    folder = make_run(tmp_path / "run", "gaussian(sigma=0.5)", ["l2"], 64, changes=changes)
    document = tomllib.loads((folder / "spec.toml").read_text())
    del document["run"]["seed"]
    (folder / "spec.toml").write_text(tomli_w.dumps(document))
    assert any(finding.verdict == "FALSE" for finding in verify_run(folder, 0.5))


def test_checksums_are_checked(tmp_path: Path, run: Path) -> None:
    document = tomllib.loads((run / "spec.toml").read_text()) | {"format": 1, "engine": {"batch": 7}}
    key = checksum_key(document)
    records = [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "spec.toml").write_text(tomli_w.dumps(document))
    lines = [Record.from_json(json.dumps(record)).to_line(key) for record in records]
    (folder / "records.jsonl").write_bytes(b"".join(lines))
    assert all(finding.verdict == "proven" for finding in verify_run(folder, 0.5))
    for changed in (
        lines[3].replace(b'"label": 0', b'"label": 1'),  # no inequality is about the true label
        lines[3].replace(b'"tight": true', b'"tight": false', 1),
        json.dumps(records[3]).encode() + b"\n",
    ):
        assert changed != lines[3]
        (folder / "records.jsonl").write_bytes(b"".join([*lines[:3], changed, *lines[4:]]))
        assert [f.record for f in verify_run(folder, 0.5) if f.verdict == "FALSE"] == [4]
    (folder / "records.jsonl").write_bytes(b"".join(lines))
    (folder / "spec.toml").write_text(tomli_w.dumps(document | {"hashes": {"weights": "another"}}))
    assert sum(f.verdict == "FALSE" for f in verify_run(folder, 0.5)) == len(lines)


def test_the_checker_leaves_the_same_tables_out_of_checksums() -> None:
    """It shares no code with runs, so that each has a list of its own."""
    assert checked_records.UNDECIDED == run_folder._UNDECIDED
