"""Figures for papers: their size, letters, names and numbers."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import call
from wulff import reports, runs
from wulff.errors import InputError
from wulff.runs.records import CertifiedRadius, Record


@pytest.fixture
def made() -> list[runs.Run]:
    """Two runs of three inputs each."""
    return [
        runs.Run(
            Path("/nowhere") / name,
            runs.ImportedSpec(norms=("l2",)),
            [
                Record(i, 1, 1, 0.1, radii={"l2": CertifiedRadius(radius * (i + 1), "published", False)})
                for i in range(3)
            ],
        )
        for name, radius in (("a", 0.25), ("b", 0.5))
    ]


def test_width_letters_names_and_colours(made: list[runs.Run], tmp_path: Path) -> None:
    with reports.for_paper(
        names=["ours", "theirs"], width=3.25, font_size=8, title="A title", colors=["black", "#d55e00"]
    ):
        path = reports.plot_certified_accuracy(made, tmp_path / "figure.svg")
    text = path.read_text()
    width = re.search(r'width="([\d.]+)pt"', text)
    assert width
    assert float(width[1]) == pytest.approx(3.25 * 72)
    assert all(f"<!-- {words} -->" in text for words in ("ours", "theirs", "A title"))
    assert "#d55e00" in text
    assert "#0072b2" not in text
    again = reports.plot_certified_accuracy(made, tmp_path / "again.svg").read_text()
    assert "<!-- ours -->" not in again  # what was asked for is over
    assert "#0072b2" in again


def test_letters_are_fonts_in_a_pdf(made: list[runs.Run], tmp_path: Path) -> None:
    with reports.for_paper(width=3.25, font_size=8):
        path = reports.plot_certified_accuracy(made, tmp_path / "figure.pdf")
    assert b"/FontFile2" in path.read_bytes()  # TrueType, embedded
    assert b"/Type3" not in path.read_bytes()


def test_the_numbers_behind_a_figure(made: list[runs.Run], tmp_path: Path) -> None:
    with reports.for_paper(data=tmp_path / "points.csv"):
        reports.plot_certified_accuracy(made, tmp_path / "figure.png")
    with (tmp_path / "points.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["curve"] for row in rows} == {"a", "b"}
    for run in made:
        points = np.array([[float(row["x"]), float(row["y"])] for row in rows if row["curve"] == run.name])
        for x, y in points[:-1]:
            assert y == float(reports.curve(run, "l2").accuracy(x))
        assert set(points[:, 0]) == {0.0, *run.radii("l2")}


def test_wrong_requests_are_refused(made: list[runs.Run], tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    with reports.for_paper(names=["ours"]), pytest.raises(InputError, match="1 names for 2 curves"):
        reports.plot_certified_accuracy(made, path)
    assert not path.exists()
    for wrong in ({"width": 0}, {"font_size": float("nan")}, {"colors": ["nocolour"]}, {"data": "x.txt"}):
        with pytest.raises(InputError), reports.for_paper(**wrong):
            pytest.fail("it was let through")


def test_the_command_takes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["plot", "radii", "uniform(sigma=1)", "gaussian(sigma=1)", "--dim", "64", "-o", "radii.pdf"]
    paper = ["--names", "cube,ball", "--width", "3.25", "--font-size", "8", "--data", "radii.csv"]
    result = call(*command, *paper, "--title", "Radii", "--colors", "black,red")
    assert result.code == 0, result
    assert "ball" in (tmp_path / "radii.csv").read_text()
    refused = call(*command, "--names", "cube")
    assert refused.code == 2
    assert refused.err.startswith("wulff: 1 --names for 2 curves")
