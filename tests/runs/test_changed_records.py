"""Records that were changed, or do not fit their run, are refused by line, wherever they are read."""

import dataclasses
import json
import math
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runs.forge import to_format_0, write_records
from wulff import reports, runs
from wulff.errors import RunError
from wulff.runs.folder import RECORDS, SPEC
from wulff.runs.records import check_lines
from wulff.training import Schedule

ASKED: dict[str, Any] = {"slice": "2:8:2", "norms": ("l1", "l2"), "n0": 10, "n": 100}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return runs.train(runs.TrainingSpec(noise="laplace(sigma=0.5)", schedule=Schedule(epochs=1)), folder)


@pytest.fixture(scope="module")
def made(model: Path, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    spec = runs.Spec(model=str(model), **ASKED)
    return runs.certify(spec, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def run(made: runs.Run, tmp_path: Path) -> Path:
    return shutil.copytree(made.folder, tmp_path / "run")


def edit(path: Path, pattern: str, new: str, count: int = 1) -> None:
    text, times = re.subn(pattern, new, path.read_text(), count=count)
    assert times == count
    path.write_text(text)


@pytest.mark.parametrize(
    ("pattern", "new"),
    [
        (r'"radius": [0-9.]+', '"radius": 9.0'),
        (r'"index": 2', '"index": 4'),
        (r'"label": \d', '"label": 7'),
        (r'"method": "[a-z-]+"', '"method": "table"'),
        (r'"error": [0-9.]+', '"error": 0.0001'),
        (r'"tight": (true|false)', '"tight":  true'),
        (r'"checksum": "....', '"checksum": "0000'),
    ],
)
def test_an_edited_line_is_refused_by_everything_that_reads_it(
    model: Path, run: Path, pattern: str, new: str
) -> None:
    edit(run / RECORDS, pattern, new)
    file, folder = re.escape(str(run / RECORDS)), re.escape(str(run))
    said = rf"line 1 of {file} .*checksum is wrong.*`wulff verify {folder}`"
    before = (run / RECORDS).read_bytes()
    resume = runs.Spec(model=str(model), **ASKED)
    reading: list[Callable[[], object]] = [
        lambda: runs.load(run), lambda: runs.recertify(run), lambda: runs.certify(resume, run)
    ]  # fmt: skip
    for read in reading:
        with pytest.raises(RunError, match=said):
            read()
    assert (run / RECORDS).read_bytes() == before


@pytest.mark.parametrize(
    ("pattern", "new"),
    [
        (r'noise = "laplace\(sigma=0.5\)"', 'noise = "laplace(sigma=5.0)"'),
        (r"alpha = 0.001", "alpha = 0.5"),
        (r"classes = 10", "classes = 11"),
        (r'weights = "', 'weights = "0'),
        (r"seed = 0", "seed = 1"),
    ],
)
def test_an_edited_spec_is_refused_as_the_records_are_of_another(run: Path, pattern: str, new: str) -> None:
    edit(run / SPEC, pattern, new)
    with pytest.raises(RunError, match=r"line 1 of .*spec\.toml, was changed"):
        runs.load(run)


def test_what_decides_no_number_may_change(run: Path) -> None:
    edit(run / RECORDS, r'"seconds": [0-9.]+', '"seconds": 1.5')
    edit(run / SPEC, r"batch = \d+", "batch = 64")
    assert runs.load(run).checked


def test_a_line_without_a_checksum_is_refused(run: Path) -> None:
    edit(run / RECORDS, r', "checksum": "[0-9a-f]+"', "")
    with pytest.raises(RunError, match=r"line 1 of .* has no checksum"):
        runs.load(run)


Change = Callable[[runs.Record], runs.Record]


def with_radius(radius: Any) -> Change:
    def change(record: runs.Record) -> runs.Record:
        l2 = dataclasses.replace(record.radii["l2"], radius=radius)
        return dataclasses.replace(record, radii=record.radii | {"l2": l2})

    return change


def with_counts(phase: str, votes: dict[int, int]) -> Change:
    return lambda record: dataclasses.replace(record, counts=record.counts | {phase: votes})


def replaced(**fields: Any) -> Change:
    return lambda record: dataclasses.replace(record, **fields)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (replaced(index=3), "input 3 is not in the run"),
        (replaced(index=8), "input 8 is not in the run"),
        (replaced(index=0), "input 0 is not in the run"),
        (replaced(label=10), "label 10 is no class"),
        (replaced(label=-1), "label -1 is no class"),
        (replaced(predict=10), "predicts 10"),
        (replaced(predict=-2), "predicts -2"),
        (replaced(n=99), "has n = 99, but the run 100"),
        (replaced(n=None), "has n = None"),
        (replaced(error=-0.1), "error is -0.1"),
        (replaced(error="small"), "error is 'small'"),
        (replaced(draw=1.5), "draw is 1.5"),
        (replaced(seconds=-1.0), "seconds are -1"),
        (replaced(radii={}), "radii against none"),
        (replaced(counts={}), "no counts of its selection"),
        (with_counts("estimation", {1: 101}), "more than 100"),
        (with_counts("selection", {1: 11}), "more than 10"),
        (with_counts("estimation", {10: 1}), "not votes for classes"),
        (with_counts("estimation", {1: -1}), "not votes for classes"),
        (with_radius(-3.0), "radius against l2 is -3.0"),
        (with_radius(math.nan), "radius against l2 is nan"),
        (with_radius(math.inf), "radius against l2 is inf"),
        (with_radius("9"), "radius against l2 is '9'"),
        (with_radius([1]), r"radius against l2 is \[1\]"),
        (lambda record: replaced(predict=-1)(with_radius(0.1)(record)), "abstains, but has a radius"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_whatever_its_checksum(
    made: runs.Run, run: Path, change: Change, said: str
) -> None:
    write_records(run, [made.records[0], change(made.records[1]), made.records[2]])
    with pytest.raises(RunError, match=said):
        list(runs.load(run).records)  # counts are looked at when they are asked for


def test_an_input_twice_is_refused(made: runs.Run, run: Path) -> None:
    write_records(run, [*made.records, made.records[0]])
    with pytest.raises(RunError, match="two records of one input"):
        runs.load(run)


def test_predictions_are_looked_at_too(model: Path, tmp_path: Path) -> None:
    run = runs.execute(runs.PredictSpec(model=str(model), slice=":2", n=30), tmp_path / "run")
    records = [dataclasses.replace(run.records[0], n=29), run.records[1]]
    write_records(run.folder, records)
    with pytest.raises(RunError, match=r"line 1 of .* n = 29, but the run 30"):
        runs.load(run.folder)


def test_runs_that_were_not_counted_here_have_checksums_of_their_own(run: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.tsv"
    log.write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\t0.378\t1\t15.4\n")
    for folder in (runs.import_log(log, tmp_path / "log").folder,
                   runs.recertify(run, tmp_path / "again", alpha=0.01).folder):  # fmt: skip
        assert runs.load(folder).checked
        edit(folder / RECORDS, r'"radius": [0-9.]+', '"radius": 0.9')
        with pytest.raises(RunError, match="checksum is wrong"):
            runs.load(folder)


def test_old_runs_are_read_with_a_note_and_not_gone_on_with(model: Path, made: runs.Run, run: Path) -> None:
    to_format_0(run)
    old = runs.load(run)
    assert old.records == made.records
    assert not old.checked
    assert old.facts.format == 0
    assert old.facts.versions["wulff"] == "0.1.0"
    assert "have no checksums" in reports.certified_accuracy([old]).notes[0]
    assert reports.certified_accuracy([made]).notes == []
    assert runs.recertify(run).records == made.records
    lines = (run / RECORDS).read_bytes().splitlines(keepends=True)
    (run / RECORDS).write_bytes(b"".join(lines[:2]))
    with pytest.raises(RunError, match=r"begun by wulff 0\.1\.0, and this is wulff"):
        runs.certify(runs.Spec(model=str(model), **ASKED), run)
    assert (run / RECORDS).read_bytes() == lines[0] + lines[1]


def test_old_records_that_cannot_be_are_refused_without_checksums(run: Path) -> None:
    to_format_0(run)
    edit(run / RECORDS, r'"index": 2', '"index": 3')
    with pytest.raises(RunError, match="input 3 is not in the run"):
        runs.load(run)


def test_checks_are_cheap(made: runs.Run) -> None:
    line = made.records[0].to_line(b"k" * 32).rstrip(b"\n")
    assert check_lines([line], b"k" * 32) == [True]
    assert check_lines([line], b"l" * 32) == [False]
    started = time.process_time()
    for _ in range(10_000):
        json.loads(line)
    parsing = time.process_time() - started
    started = time.process_time()
    for _ in range(10_000):
        check_lines([line], b"k" * 32)
    assert time.process_time() - started < 2 * parsing
