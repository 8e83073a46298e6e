"""Records read as columns: the same as read one by one, never more lenient, small, and lazily whole."""

import dataclasses
import importlib
import json
import os
import random
import shutil
import tomllib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from wulff import reports, runs
from wulff.errors import RunError
from wulff.runs import stored
from wulff.runs.columns import Columns, columns_of, read_rows
from wulff.runs.document import to_document, versions
from wulff.runs.fit import Fit
from wulff.runs.folder import RECORDS, SPEC, SUMMARY, checksum_key
from wulff.runs.journal import Journal, read_records
from wulff.runs.records import CertifiedRadius, Record
from wulff.runs.summaries import summary

INPUTS = 400
listing_module = importlib.import_module("wulff.reports.listings")


def made(inputs: int = INPUTS) -> tuple[runs.Spec, runs.Facts, list[Record]]:
    """A certification against two norms, as it could have been made."""
    rng = np.random.default_rng(0)
    spec = runs.Spec(model="none", noise="gaussian(sigma=0.5)", n0=10, n=1000, norms=("l2", "linf"))
    facts = runs.Facts(inputs=inputs, of=inputs, dim=4, classes=3, versions=versions())
    records = []
    for index in range(inputs):
        misses = int(rng.integers(0, 600))
        right = misses < 450
        radii = {norm: CertifiedRadius(rng.random() * right, "closed-form", True) for norm in spec.norms}
        counts = {"selection": {1: 9, 2: 1}, "estimation": {0: misses, 1: 1000 - misses}}
        records.append(
            Record(
                index, int(rng.integers(0, 3)), 1 if right else -1, 0.5, 1000, 0.1, None, counts, {}, radii
            )
        )
    return spec, facts, records


def write(folder: Path, records: list[Record], spec: runs.Spec, facts: runs.Facts) -> Path:
    """A finished run of these records."""
    with Journal(folder, to_document(spec, facts)) as journal:
        journal.append_missing(records)
        journal.summarize(summary(runs.load(folder)))
    return folder


def assert_same(found: Columns, expected: Columns) -> None:
    for field in dataclasses.fields(Columns):
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(theirs, dict):
            assert list(ours) == list(theirs)
            for norm in theirs:
                np.testing.assert_array_equal(ours[norm], theirs[norm])
        else:
            np.testing.assert_array_equal(ours, theirs)


def test_columns_are_those_of_the_records(tmp_path: Path) -> None:
    spec, facts, records = made()
    run = runs.load(write(tmp_path / "run", records, spec, facts))
    assert run.checked
    assert run.records == records
    assert run.records[-1] == records[-1]
    assert run.records[3:9:2] == records[3:9:2]
    assert list(run.chosen(run.predictions == -1)) == [r for r in records if r.predict == -1]
    assert_same(run.columns, Columns.of(records))


def test_logs_keep_what_was_printed(tmp_path: Path) -> None:
    rows = "".join(f"{i}\t3\t{3 + i % 2}\t0.{i:03}\t{1 - i % 2}\t1.5\n" for i in range(1, 50))
    (tmp_path / "log.tsv").write_text(f"idx\tlabel\tpredict\tradius\tcorrect\ttime\n{rows}")
    run = runs.import_log(tmp_path / "log.tsv", tmp_path / "run")
    assert_same(run.columns, Columns.of(list(run.records)))
    assert run.radii("l2", as_published=True)[4] == 0.005
    assert run.radii("l2")[4] < 0.005


def _mutations(row: dict) -> list[dict]:
    """Many changes to a record, most of which make it none that fits."""
    dice = random.Random(0)
    values = [None, True, -1, 0, 3, 10**30, 1.5, float("nan"), float("inf"), -2.0, "x", [], {}, [1], {"a": 1}]
    found = []

    def paths(value: object, path: tuple) -> list[tuple]:
        below = (
            [p for key, v in value.items() for p in paths(v, (*path, key))] if isinstance(value, dict) else []
        )
        return [path, *below]

    for path in paths(row, ())[1:]:
        for value in [*values, "delete", "rename"]:
            changed = json.loads(json.dumps(row))
            inner = changed
            for key in path[:-1]:
                inner = inner[key]
            if value == "delete":
                del inner[path[-1]]
            elif value == "rename":
                inner[dice.choice(["extra", "01", "-1", "7", "prediction", "l1"])] = inner.pop(path[-1])
            else:
                inner[path[-1]] = value
            found.append(changed)
    return found


def test_columns_accept_nothing_that_a_single_look_refuses() -> None:
    spec, facts, records = made(4)
    fit = Fit(spec, facts)
    lines = [record.to_json() for record in records]
    accepted = refused = 0
    for changed in _mutations(json.loads(lines[1])):
        text = json.dumps(changed)
        block = [line.encode() + b"\n" for line in (lines[0], text, lines[2])]
        rows = read_rows(block)
        if rows is None or columns_of(rows, fit) is None:
            refused += 1
            continue
        accepted += 1
        assert fit.fault(Record.from_json(text)) is None, text
    assert accepted > 20  # other labels, seconds and radii, for instance
    assert refused > 200


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"index": 0}, {"index": 1}\n', b'{"index": 2, "x": [{}\n', b'{"index": 3}]}\n'],
        [b"[1, 2]\n", b"{}\n"],
        [b'{"index": 0\n', b'"label": 1}\n'],
        [b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n"],
        [b'{"index": 1' + b"0" * 5000 + b"}\n"],
        [b'{"\xff": 1}\n'],
    ],
)
def test_lines_that_are_no_records_of_their_own(lines: list[bytes]) -> None:
    spec, facts, _ = made(4)
    rows = read_rows(lines)
    assert rows is None or columns_of(rows, Fit(spec, facts)) is None


def test_the_line_that_is_wrong_is_named(tmp_path: Path) -> None:
    """Wherever it is among many blocks."""
    spec, facts, records = made(2000)
    folder = write(tmp_path / "run", records, spec, facts)
    whole = (folder / RECORDS).read_bytes()
    lines = whole.splitlines(keepends=True)
    for place in (0, 777, 1999):
        raised = lines[place].replace(b'"error": 0.1', b'"error": 0.2', 1)
        (folder / RECORDS).write_bytes(b"".join([*lines[:place], raised, *lines[place + 1 :]]))
        with pytest.raises(RunError, match=rf"line {place + 1} of .*its checksum is wrong"):
            runs.load(folder)
    (folder / RECORDS).write_bytes(whole + lines[5])
    with pytest.raises(RunError, match="two records of one input"):
        runs.load(folder)
    (folder / RECORDS).write_bytes(whole[:-1])
    found = read_records(
        folder / RECORDS,
        Fit(spec, facts),
        checksum_key(tomllib.loads((folder / SPEC).read_text())),
        needs_checksums=True,
    )
    assert len(found.records) == 1999
    assert found.complete_bytes == len(whole) - len(lines[-1])


def test_counts_that_do_not_fit_are_found_when_they_are_used(tmp_path: Path) -> None:
    """Also where somebody has made the checksum right."""
    spec, facts, records = made(20)
    for wrong in ({"selection": {1: 10}, "estimation": {7: 1000}}, {"selection": {1: 11}, "estimation": {}}):
        changed = [*records[:9], dataclasses.replace(records[9], counts=wrong), *records[10:]]
        folder = write(tmp_path / str(len(list(tmp_path.iterdir()))), changed, spec, facts)
        with pytest.raises(RunError, match="input 9 does not fit its run"):
            runs.recertify(folder)
        with pytest.raises(RunError, match="input 9 does not fit its run"):
            reports.write_page([runs.load(folder)], tmp_path / "page.html")


def test_long_journals_are_not_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wulff.runs.journal.KEPT", 1000)
    spec, facts, records = made(3000)
    folder = write(tmp_path / "run", records, spec, facts)
    runs.load(folder)  # what is made once is made
    tracemalloc.start()
    run = runs.load(folder)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / len(records) < 120
    assert run.records == records
    assert run.records[2500] == records[2500]
    assert list(run.chosen(run.predictions == -1)) == [r for r in records if r.predict == -1]
    assert_same(run.columns, Columns.of(records))
    lines = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    (folder / RECORDS).write_bytes(b"".join([*lines[1:], lines[0]]))
    with pytest.raises(RunError):
        list(run.records)
    assert stored.KEPT > 1000


def test_a_run_grows_by_what_is_added(tmp_path: Path) -> None:
    spec, facts, records = made(30)
    with Journal(tmp_path / "run", to_document(spec, facts)) as journal:
        for record in records[:10]:
            journal.append(record)
        assert_same(journal.records.columns, Columns.of(records[:10]))
    with Journal(tmp_path / "run", to_document(spec, facts)) as journal:
        run = runs.Run(tmp_path / "run", spec, journal.records, facts)
        assert len(run.labels) == 10
        journal.append_missing(records[5:])
        assert_same(run.columns, Columns.of(records))
        assert run.records == records
        assert run.records[8:12] == records[8:12]


def test_finished_runs_are_listed_by_their_summaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, facts, records = made(50)
    lost = dataclasses.replace(records[7], counts={"selection": {1: 9}, "estimation": {1: 1000}})
    records[7] = dataclasses.replace(lost, not_a_number={"selection": 1})
    folder = write(tmp_path / "run", records, spec, facts)
    with monkeypatch.context() as patch:
        patch.setattr(listing_module, "read_headline", lambda _: None)
        expected = reports.listing([tmp_path])
    assert expected[1][-1] == "finished; 1 copies not a number since input 7"
    with monkeypatch.context() as patch:
        patch.setattr(runs, "load", None)  # records are not read
        assert reports.listing([tmp_path]) == expected
        later = (folder / SUMMARY).stat().st_mtime_ns + 10**9
        os.utime(folder / RECORDS, ns=(later, later))  # as a copy may have it: the fingerprint tells
        assert reports.listing([tmp_path]) == expected
    summary_file = folder / SUMMARY
    for change in ({"noise": ["gaussian"]}, {"format": 2}, {"inputs": 0}):  # then records are read
        summary_file.write_text(json.dumps(json.loads(summary_file.read_text()) | change))
        assert reports.listing([tmp_path]) == expected
    whole = (folder / RECORDS).read_bytes()
    (folder / RECORDS).write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert reports.listing([tmp_path])[1][-1].startswith("unfinished")
    (folder / RECORDS).write_bytes(whole.replace(b'"predict": 1', b'"predict": 2', 1))
    os.utime(folder / RECORDS, ns=(later, later))
    assert "its checksum is wrong" in reports.listing([tmp_path])[1][-1]
    (folder / RECORDS).write_bytes(whole)
    for damage in ("", "[]", '{"inputs": 50}', "{" * 100_000):
        (folder / SUMMARY).write_text(damage)
        assert reports.listing([tmp_path]) == expected
    shutil.rmtree(folder)
