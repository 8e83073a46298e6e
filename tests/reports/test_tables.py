"""The certified-accuracy table against numbers worked out by hand."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from wulff import reports, runs
from wulff.errors import InputError
from wulff.runs.records import CertifiedRadius, Record


def make_run(
    name: str, rows: list[tuple[int, int, float]], expected: int | None = None, **spec: Any
) -> runs.Run:
    records = [
        Record(i, label, predict, 0.1, radii={"l2": CertifiedRadius(radius, "closed-form", True)})
        for i, (label, predict, radius) in enumerate(rows)
    ]
    facts = runs.Facts(inputs=expected or len(rows))
    return runs.Run(Path(name), runs.ImportedSpec(norms=("l2",), **spec), records, facts)


# Four inputs: right at .5, right at .25, wrong at .9, abstained.
A = make_run("a", [(3, 3, 0.5), (1, 1, 0.25), (2, 7, 0.9), (4, -1, 0.0)])
B = make_run("b_1", [(3, 3, 0.1), (1, 1, 0.1), (2, 2, 0.24999999999999997), (4, 4, 0.0)])


def test_shares_by_hand() -> None:
    table = reports.certified_accuracy([A, B], [0, 0.25, 0.5, 0.75])
    assert table.cells == [
        [Fraction(2, 4), Fraction(2, 4), Fraction(1, 4), 0],
        [Fraction(4, 4), 0, 0, 0],  # a radius of .2499... is not .25
    ]
    assert reports.curve(A, "l2").average_certified_radius == pytest.approx(0.75 / 4)
    assert table.notes == []


def test_text() -> None:
    assert reports.certified_accuracy([A, B], [0, 0.25]).render(digits=2) == (
        "l2 radius     0  0.25\n"
        "---------------------\n"
        "a          0.50  0.50\n"
        "b_1        1.00  0.00\n"
    )  # fmt: skip


def test_markdown() -> None:
    assert reports.certified_accuracy([A], [0.5]).render("md") == (
        "| l2 radius | 0.5 |\n| --- | ---: |\n| a | 0.250 |\n"
    )
    assert reports.certified_accuracy([A, B], [0, 0.5]).render("md").splitlines()[2:] == [
        "| a | 0.500 | **0.250** |",
        "| b_1 | **1.000** | 0.000 |",
    ]


def test_radii_in_rows() -> None:
    table = reports.certified_accuracy([A, B], [0, 0.25])
    assert table.render("md", 2, "rows").splitlines() == [
        "| l2 radius | a | b_1 |",
        "| --- | ---: | ---: |",
        "| 0 | 0.50 | **1.00** |",
        "| 0.25 | **0.50** | 0.00 |",
    ]
    assert table.render("csv", radii_in="rows") == "l2 radius,a,b_1\n0,0.5,1.0\n0.25,0.5,0.0\n"


def test_average_certified_radius_is_rounded_down() -> None:
    table = reports.certified_accuracy([A, B], [0], with_average=True)
    # (.5 + .25) / 4 = .1875 and (.1 + .1 + .25 - one ulp + 0) / 4 = .1124...
    assert table.render("csv").splitlines()[1] == "a,0.5,0.1875"
    assert table.render("latex").splitlines()[4:6] == [
        "a & 0.500 & \\textbf{0.187} \\\\",
        "b\\_1 & \\textbf{1.000} & 0.112 \\\\",
    ]


def test_latex_marks_the_best_and_escapes() -> None:
    text = reports.certified_accuracy([A, B], [0, 0.5]).render("latex")
    assert "a & 0.500 & \\textbf{0.250} \\\\" in text
    assert "b\\_1 & \\textbf{1.000} & 0.000 \\\\" in text
    assert text.count("rule") == 3


def test_csv_keeps_every_digit() -> None:
    third = make_run("t", [(0, 0, 1.0), (0, 1, 1.0), (0, 1, 1.0)])
    assert reports.certified_accuracy([third], [0.5]).render("csv") == f"l2 radius,0.5\nt,{1 / 3!r}\n"


def test_unfinished_runs_are_named() -> None:
    table = reports.certified_accuracy([make_run("c", [(1, 1, 0.2)], expected=5)], [0.1])
    assert table.notes == ["c is unfinished: 1 of 5 inputs."]


def test_default_radii_cover_the_curve() -> None:
    for largest in (1e-4, 0.0125, 0.433, 1.0, 9.99, 250.0):
        curve = reports.curve(make_run("r", [(1, 1, largest)]), "l2")
        radii = reports.default_radii([curve])
        assert radii[0] == 0
        assert radii[-2] <= largest < radii[-1]
        assert 3 <= len(radii) <= 10


def test_refuses() -> None:
    with pytest.raises(InputError, match="at least one run"):
        reports.certified_accuracy([])
    with pytest.raises(InputError, match="no records"):
        reports.certified_accuracy([make_run("e", [])], [0.1], "l2")


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg", "html"])
def test_figures_and_pages_are_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"report.{suffix}"
    write = reports.write_page if suffix == "html" else reports.plot_certified_accuracy
    write([A, B], path)
    head = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml", "html": b"<!doctype html>"}[suffix]
    assert path.read_bytes().startswith(head)
    if suffix == "html":
        assert "http" not in path.read_text().replace("http://www.w3.org", "").replace("http-equiv", "")


def test_a_page_shows_the_norms_that_are_asked_for(tmp_path: Path) -> None:
    assert "Against l2" in reports.write_page([A, B], tmp_path / "all.html").read_text()
    with pytest.raises(InputError, match="no run has radii against l1, only against l2"):
        reports.write_page([A, B], tmp_path / "one.html", norms=["l1"])
    assert not (tmp_path / "one.html").exists()


def test_radii_at_the_head_are_not_rounded_up() -> None:
    two_of_255 = 0.00784313725
    run = make_run("a", [(3, 3, two_of_255)])
    for style in ("text", "md", "latex", "csv"):
        assert "0.00784313725" in reports.certified_accuracy([run], [two_of_255]).render(style)
