"""Published logs: some of every kind are read (at night all), and the published table is reproduced."""

import json
import shutil
import warnings
from pathlib import Path

import pytest

from tests.nightly import everyday
from wulff import _files, reports, runs
from wulff.errors import InputError, RunError
from wulff.runs import journal

# Cohen et al. 2019, CIFAR-10, ResNet-110: certified accuracy at l2 radii .25, .5, .75, 1 by sigma.
COHEN = {
    "0.12": (0.59, 0, 0, 0),
    "0.25": (0.60, 0.43, 0.27, 0),
    "0.50": (0.55, 0.41, 0.32, 0.23),
    "1.00": (0.39, 0.34, 0.28, 0.22),
}
RADII = (0.25, 0.5, 0.75, 1.0)


def test_every_log_is_read(published_data: Path, tmp_path: Path) -> None:
    logs = sorted(published_data.glob("*_logs/*.tsv"))
    assert len(logs) >= 20
    for log in everyday(logs, 2, kind=lambda log: log.parent):
        run = runs.import_log(log, tmp_path / log.stem)
        rows = log.read_text().splitlines()[1:]
        assert len(run.records) == len(rows)
        printed = sum(row.split("\t")[-2] == "1" for row in rows)
        assert (run.predictions == run.labels).sum() == printed


def test_cohens_table(published_data: Path, tmp_path: Path) -> None:
    for sigma, published in COHEN.items():
        log = published_data / f"cohen_logs/certify__cifar10__resnet110__noise_{sigma}__sigma_{sigma}.tsv"
        run = runs.import_log(log, tmp_path / sigma)
        face_value = reports.certified_accuracy([run], RADII, "l2", as_published=True)
        certain = reports.certified_accuracy([run], RADII, "l2")
        assert [round(float(cell), 2) for cell in face_value.cells[0]] == list(published)
        for column, (radius, expected) in enumerate(zip(RADII, published, strict=True)):
            rounded = round(float(certain.cells[0][column]), 2)
            if (sigma, radius) == ("1.00", 1.0):  # two radii printed as 1.0 may be below it
                assert rounded == 0.21
                assert any("1.00 at 1: 0.212 is certain" in note for note in certain.notes)
            else:
                assert rounded == expected


def write_log(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["idx\tlabel\tpredict\tradius\tcorrect\ttime", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("printed", "certain"),
    [
        ("0.378", 0.3775),
        ("0.25", 0.2495),
        ("1.0", 0.995),
        ("1.24", 1.235),
        ("0.0125", 0.01245),
        ("6.21e-05", 6.205e-5),
        ("0.0", 0.0),
    ],
)
def test_rounded_radii_are_lowered(tmp_path: Path, printed: str, certain: float) -> None:
    run = runs.import_log(
        write_log(tmp_path / "log.tsv", f"0\t3\t3\t{printed}\t1\t0:00:13.7"), tmp_path / "run"
    )
    radius = run.records[0].radii["l2"]
    assert radius.radius == pytest.approx(certain, abs=0, rel=1e-12)
    assert radius.radius <= certain * (1 + 1e-15)
    assert radius.published == float(printed)
    assert run.records[0].seconds == 13.7


def test_four_digit_logs_are_lowered_less(tmp_path: Path) -> None:
    rows = ["0\t3\t3\t0.3781\t1\t15.4", "1\t3\t3\t0.25\t1\t15.4"]
    run = runs.import_log(write_log(tmp_path / "log.tsv", *rows), tmp_path / "run", norm="linf")
    assert run.radii("linf").tolist() == pytest.approx([0.37805, 0.24995])


def test_logs_with_three_decimals_are_lowered_by_half_a_unit_of_the_third(tmp_path: Path) -> None:
    """1.235 has four digits, but what was printed as 0.123 may have been .1225 all the same."""
    rows = ["0\t3\t3\t1.235\t1\t15.4", "1\t3\t3\t0.123\t1\t15.4", "2\t3\t3\t0.0004\t1\t15.4"]
    run = runs.import_log(write_log(tmp_path / "log.tsv", *rows[:2]), tmp_path / "run")
    assert run.radii("l2").tolist() == pytest.approx([1.2345, 0.1225])
    run = runs.import_log(write_log(tmp_path / "four.tsv", *rows), tmp_path / "four")
    assert run.radii("l2").tolist() == pytest.approx([1.2345, 0.12295, 0.00035])


def test_a_record_that_was_deleted_is_imported_again(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.tsv", *(f"{i}\t3\t3\t0.{i}78\t1\t15.4" for i in range(1, 6)))
    whole = runs.import_log(log, tmp_path / "run").records
    lines = (tmp_path / "run" / "records.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "run" / "records.jsonl").write_text("".join(lines[:2] + lines[3:]))
    again = runs.import_log(log, tmp_path / "run").records
    assert sorted(again, key=lambda record: record.index) == whole


def test_a_folder_taken_between_look_and_lock_is_refused(tmp_path: Path, monkeypatch) -> None:
    logs = [
        write_log(tmp_path / name, f"0\t3\t3\t{radius}\t1\t15.4", f"1\t3\t3\t{radius}\t1\t15.4")
        for name, radius in (("mine.tsv", "0.978"), ("other.tsv", "0.123"))
    ]
    other = runs.import_log(logs[1], tmp_path / "other")
    acquire = _files.FileLock.acquire

    def late(self, **how):
        shutil.copy(other.folder / "spec.toml", tmp_path / "run")  # another process finishes just before
        shutil.copy(other.folder / "records.jsonl", tmp_path / "run")
        return acquire(self, **how)

    monkeypatch.setattr(_files.FileLock, "acquire", late)
    with pytest.raises(RunError, match="holds a run with log ="):
        runs.import_log(logs[0], tmp_path / "run")
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == (other.folder / "records.jsonl").read_bytes()


def test_coarser_logs_are_lowered_more(tmp_path: Path) -> None:
    def certain(*printed: str) -> list[float]:
        name = "-".join(printed)
        rows = [f"{i}\t3\t3\t{text}\t1\t15.4" for i, text in enumerate(printed)]
        return (
            runs.import_log(write_log(tmp_path / name, *rows), tmp_path / f"{name}.run").radii("l2").tolist()
        )

    assert certain("0.25", "1.50", "12.34", "0.00") == pytest.approx([0.245, 1.495, 12.335, 0])
    # Three digits, as Python prints them: 21.4 may have been 21.35, whatever 105.0 looks like.
    assert certain("0.953", "21.4", "105.0", "1.2e+03") == pytest.approx([0.9525, 21.35, 104.5, 1195])


@pytest.mark.parametrize(
    "rows",
    [
        ["0\t3\t3\t0.378\t1\t15.4", "0\t3\t3\t0.378\t1\t15.4"],  # the same input twice
        ["0\t3\t3\t0.378\t1"],  # a column is missing
        ["0\t3\t3\tinf\t1\t15.4"],
        ["0\t3\t3\t-0.1\t1\t15.4"],
        ["0\t3\t3\t0.378\t1\tnan"],
        ["0\t3\t3\t0.378\t1\t-15.4"],
        ["0\t3\t-2\t0.378\t0\t15.4"],
        ["-1\t3\t3\t0.378\t1\t15.4"],
        ["0\t3\t3\t0.378\t0\t15.4"],  # called wrong, but the labels agree
    ],
)
def test_damaged_logs_are_refused_and_nothing_is_written(tmp_path: Path, rows: list[str]) -> None:
    log = write_log(tmp_path / "log.tsv", "9\t3\t3\t0.378\t1\t15.4", *rows)
    with pytest.raises(InputError, match=r"log\.tsv"):
        runs.import_log(log, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.tsv", "0\t3\t3\t0.378\t1\t15.4", "1\t3\t-1\t0.0\t0\t15.4")
    first = runs.import_log(log, tmp_path / "run", noise="gaussian(sigma=0.25)")
    assert runs.import_log(log, tmp_path / "run", noise="gaussian(sigma=0.25)") == first


def test_an_imported_run_has_versions_and_a_summary(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.tsv", "0\t3\t3\t0.378\t1\t15.4", "1\t3\t-1\t0.0\t0\t15.4")
    run = runs.import_log(log, tmp_path / "run")
    assert "wulff" in run.document["versions"]
    summary = json.loads((tmp_path / "run" / journal.SUMMARY).read_text())
    assert (summary["inputs"], summary["correct"], summary["abstained"]) == (2, 1, 1)
    assert summary["average_certified_radius"]["l2"] == pytest.approx(0.3775 / 2)


HEADS = "idx\tlabel\tpredict\tradius\tcorrect\ttime"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADS + "\n20\t7\t7\t1\t1\t15.4\t0.248\n", "line 2 of .* has 7 cells for 6 columns"),
        (HEADS + "\n\n20\t7\t7\t0.248\t1\n", "line 3 of .* has 5 cells for 6 columns"),
        ("idx\tlabel\tpredict\tradius\tRadius \tcorrect\n0\t3\t3\t.1\t.5\t1", "columns called 'radius'"),
        ("idx\tlabel\tlabel\tpredict\tcorrect\n0\t3\t3\t3\t1", "2 columns called 'label'"),
        ("idx\tlabel\tpredict\tcertified_radius\tcorrect\n0\t3\t3\t.5\t1", "no column radius, but 'cert"),
        ("idx\tlabel\tpredict\tr (l2)\tcorrect\n0\t3\t3\t.5\t1", r"no column radius, but 'r \(l2\)'"),
        ("idx,label,predict,radius,correct,time\n0,3,3,.5,1,1", "but lacks idx, label, predict, correct"),
        (HEADS + "\n", "no rows"),
        ("", "is empty"),
        (HEADS + "\n0\t3\t3\tinf\t1\t1", "line 2 .*: radius must be a finite number of at.*'inf'"),
        (HEADS + "\n0\t3\t3\t-0.25\t1\t1", "radius must be .*, got '-0.25'"),
        (HEADS + "\n0\t3\t3\t1e999\t1\t1", "radius must be .*, got '1e999'"),
        (HEADS + "\n0\t3\t3\t0,25\t1\t1", "radius must be .*, got '0,25'"),
        (HEADS + "\n0\t3\t3\t0.1\t0\t1", "correct must be 1 where label is 3 and predict 3, got '0'"),
        (HEADS + "\n0\t3\t-1\t0.0\tTrue\t1", "correct must be 0 where .* predict -1, got 'True'"),
        (HEADS + "\n0\t3\t3\t0.1\tyes\t1", "correct must be 0, 1, False or True, got 'yes'"),
        (HEADS + "\n0\tcat\t3\t0.1\t1\t1", "label must be a whole number from 0 to 999999, got 'cat'"),
        (HEADS + "\n0\t3\t-2\t0.1\t0\t1", "predict must be .*, -1 for abstention, got '-2'"),
        (HEADS + "\n0.5\t3\t3\t0.1\t1\t1", "idx must be .*, got '0.5'"),
        (HEADS + "\n" + "9" * 5000 + "\t3\t3\t0.1\t1\t1", r"idx must be .* \(5,002 characters\)"),
        (HEADS + "\n0\t3\t3\t0.1\t1\t1 day", "time must be seconds, h:mm:ss, .*, got '1 day'"),
        (HEADS + "\n0\t3\t3\t0.1\t1\t0:61:15", "time must be seconds, h:mm:ss, .*, got '0:61:15'"),
        (HEADS + "\n0\t3\t-1\t0.5\t0\t1", "radius must be 0 where predict is -1, got '0.5'"),
    ],
    ids=range(23),
)
def test_the_wrong_cell_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "log.tsv").write_text(text)
    with pytest.raises(InputError, match=message):
        runs.import_log(tmp_path / "log.tsv", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_log_in_latin_1_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "log.tsv").write_bytes(f"{HEADS}\tclass\n0\t3\t3\t.5\t1\t1\tcaf\xe9\n".encode("latin-1"))
    with pytest.raises(InputError, match="save it as tab separated UTF-8 text"):
        runs.import_log(tmp_path / "log.tsv", tmp_path / "run")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_columns_in_any_order_with_words_for_truth(tmp_path: Path, encoding: str) -> None:
    """The second head comes from two logs that were put together; the radius is the last column."""
    rows = ["idx\tcorrect\tlabel\tpredict\tradius", "0\tTrue\t3\t3\t0.512"]
    rows += [rows[0], "1\tFALSE\t7\t-1\t0.000", "2.0\ttrue\t7\t7\t0.248", ""]
    (tmp_path / "log.tsv").write_bytes("\r\n".join(rows).encode(encoding))
    run = runs.import_log(tmp_path / "log.tsv", tmp_path / "run")
    assert [(r.index, r.label, r.predict, r.seconds) for r in run.records] == [
        (0, 3, 3, 0.0),
        (1, 7, -1, 0.0),
        (2, 7, 7, 0.0),
    ]
    assert run.radii("l2").tolist() == [0.5115, 0.0, 0.2475]


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("1 day, 0:00:15.3", 86_415.3),
        ("2 days, 1:02:03", 176_523.0),
        ("1 days 00:00:15.300000", 86_415.3),
        ("0:01:00.5", 60.5),
        ("1e-05", 1e-5),
    ],
)
def test_times_as_python_prints_them(tmp_path: Path, time: str, seconds: float) -> None:
    run = runs.import_log(write_log(tmp_path / "log.tsv", f"0\t3\t3\t0.5\t1\t{time}"), tmp_path / "run")
    assert run.records[0].seconds == seconds


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "log.tsv").write_text(f"{HEADS}\tradius_linf\n0\t3\t3\t0.5\t1\t1\t0.01\n")
    with pytest.warns(UserWarning, match="not read from .*: the columns 'radius_linf'") as found:
        run = runs.import_log(tmp_path / "log.tsv", tmp_path / "run")
    assert [warning.filename for warning in found] == [__file__]
    assert run.radii("l2").tolist() == [0.4995]


def test_what_is_not_read_is_said_of_a_log_that_is_imported(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("idx\tlabel\tpredict\tradius\tcorrect\ttim\n" + 2 * "2\t1\t1\t0.5\t1\t0:00:01\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the refusal stands alone
        with pytest.raises(InputError, match="input 2 2 times"):
            runs.import_log(log, tmp_path / "run")
