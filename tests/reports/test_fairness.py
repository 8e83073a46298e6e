"""Runs on different or unfinished inputs: every format says so, and none of them is the best."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Result
from tests.reports.test_tables import make_run
from wulff import reports, runs
from wulff.errors import InputError

MANY = make_run("many", [(i % 3, i % 3, 0.5) for i in range(10)])
FEW = make_run("few", [(i % 3, i % 3 if i else 2, 0.9) for i in range(4)])
BEGUN = make_run("begun", [(i % 3, i % 3, 0.5) for i in range(10)], expected=20)
MARKS = {"md": "**", "latex": "\\textbf"}


@pytest.mark.parametrize("style", reports.FORMATS)
@pytest.mark.parametrize("radii_in", reports.ORIENTATIONS)
def test_every_format_says_that_inputs_differ(style: str, radii_in: str) -> None:
    table = reports.certified_accuracy([MANY, FEW], [0, 0.9], with_average=True)
    text = table.render(style, radii_in=radii_in)
    assert "many has 10, few 4; --common" in text.replace("\\_", "_")
    assert "takes the 4 that all have" in text
    assert MARKS.get(style, "**") not in text
    fair = reports.certified_accuracy([MANY, MANY], [0, 0.9], with_average=True)
    assert "common" not in fair.render(style, radii_in=radii_in)
    assert style not in MARKS or MARKS[style] in fair.render(style)


@pytest.mark.parametrize("style", reports.FORMATS)
def test_every_format_says_what_is_unfinished(style: str) -> None:
    for group in ([BEGUN], [MANY, BEGUN]):
        text = reports.certified_accuracy(group, [0, 0.5]).render(style)
        assert "begun is unfinished: 10 of 20 inputs." in text
        assert MARKS.get(style, "**") not in text


def test_a_table_in_csv_stays_one_table() -> None:
    lines = list(csv.reader(io.StringIO(reports.certified_accuracy([MANY, FEW], [0]).render("csv"))))
    assert [line[:2] for line in lines] == [["l2 radius", "0"], ["many", "1.0"], ["few", "0.75"]]
    assert lines[0][2] == "note"
    assert lines[1][2] == lines[2][2] != ""


def test_page_says_it_and_marks_none(tmp_path: Path) -> None:
    page = reports.write_page([MANY, FEW], tmp_path / "page.html").read_text()
    assert '<p class="warning">These runs are not on the same inputs' in page
    assert "<b>1.000</b>" not in page
    assert 'data-envelope="false"' in page
    fair = reports.write_page(reports.on_common_inputs([MANY, FEW]), tmp_path / "fair.html").read_text()
    assert '<p class="warning">These are the 4 inputs that all of the runs have.' in fair
    assert "<b>1.000</b>" in fair


def test_common_inputs_by_hand() -> None:
    many, few = reports.on_common_inputs([MANY, FEW])
    assert [len(run) for run in (many, few)] == [4, 4]
    assert few is FEW
    table = reports.certified_accuracy([many, few], [0, 0.9])
    assert [[float(share) for share in row] for row in table.cells] == [[1, 0], [0.75, 0.75]]
    assert table.is_best(table.rows[0], 0)
    assert table.warnings == ("These are the 4 inputs that all of the runs have.",)
    envelope = reports.envelope([many, few], "l2")
    assert [float(envelope.accuracy(radius)) for radius in (0, 0.9)] == [1, 0.75]
    with pytest.raises(InputError, match="differ; --common takes those"):
        reports.envelope([MANY, FEW], "l2")


def test_common_inputs_of_other_data_are_refused() -> None:
    with pytest.raises(InputError, match="disagree on the true label of input 1"):
        reports.on_common_inputs([MANY, make_run("other", [(0, 0, 0.1), (2, 2, 0.1)])])
    digits, other = (make_run(n, [(0, 0, 0.7)], dataset=d) for n, d in (("a", "digits"), ("c", "mnist")))
    with pytest.raises(InputError, match="a is on digits, but c on mnist"):
        reports.on_common_inputs([digits, other])


@pytest.mark.parametrize("style", reports.FORMATS)
def test_comparison_says_which_inputs_it_is_of(style: str) -> None:
    found = reports.compare(MANY, FEW, [0.5])
    assert found.inputs == 4
    assert "many has 10 and few has 4: only the 4 that both have are compared." in found.render(style)
    assert "begun has 10 of 20 (unfinished)" in reports.compare(MANY, BEGUN, [0.5]).render(style)
    assert reports.compare(MANY, MANY, [0.5]).warnings == ()


def test_program_offers_common_inputs(tmp_path: Path, wulff: Callable[..., Result]) -> None:
    for name, count in (("long", 9), ("short", 3)):
        rows = "".join(f"{i}\t1\t1\t0.{i + 1}\t1\t0:00:01\n" for i in range(count))
        (tmp_path / "log.tsv").write_text(f"idx\tlabel\tpredict\tradius\tcorrect\ttime\n{rows}")
        wulff("import", str(tmp_path / "log.tsv"), "--store", str(tmp_path / name))
    folders = [str(tmp_path / name) for name in ("long", "short")]
    for verb in ("report", "compare"):
        for style in reports.FORMATS:
            result = wulff(verb, *folders, "--format", style)
            assert "long has 9" in result.out, (verb, style)
            result = wulff(verb, *folders, "--format", style, "--common")
            assert "These are the 3 inputs" in result.out, (verb, style)
    assert len(runs.load(folders[0]).part([0, 2])) == 2
