"""Names that others gave appear in tables, figures and the terminal as text, and do nothing there."""

import csv
import io
from pathlib import Path

import pytest

from wulff import _quoting, reports, runs
from wulff.reports.grids import escape

NAMES = [
    "=HYPERLINK(1)",
    "+1+cmd",
    "-2+3",
    "@SUM(A1)",
    "\tx",
    "\r=1",
    "  =1",
    "a|b",
    "a\nb",
    "<script>alert(1)</script>",
    "![x](http://x)",
    "**bold**",
    "`code`",
    "\\input{/etc/passwd}",
    "$x^{2}$",
    "50%_#&~^{}",
    "\x1b[31mred\x1b[0m",
    "\x9b31m",
    "\u202ereversed",
    "a\udc80b",
    "[bold]markup[/bold]",
    "_hidden",
    "a_b",
    "résumé",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_every_format_has_one_line_of_printable_text(name: str) -> None:
    for style in ("text", "md", "latex", "csv"):
        assert escape(name, style).isprintable()


def test_what_appears() -> None:
    assert _quoting.plain("a\x1b[31m\n\u202e\udc80é") == "a\\x1b[31m\\n\\u202e\\udc80é"
    assert [escape(name, "csv") for name in NAMES[:4]] == [f"'{name}" for name in NAMES[:4]]
    assert [escape(text, "csv") for text in ("-1.5", "+2e-3", "a=b", "  =1")] == [
        "-1.5",
        "+2e-3",
        "a=b",
        "'  =1",
    ]
    assert escape("<b>a|b</b>", "md") == "&lt;b&gt;a\\|b&lt;/b&gt;"
    assert escape("![x](y) **b** `c` _d_ e_f", "md") == "!\\[x\\](y) \\*\\*b\\*\\* \\`c\\` \\_d\\_ e_f"
    assert escape("\\a{50%}^_<", "latex") == "\\textbackslash{}a\\{50\\%\\}\\textasciicircum{}\\_\\textless{}"


@pytest.fixture
def named(tmp_path: Path):
    """A function that imports a log into a folder of that name."""
    log = tmp_path / "log.tsv"
    log.write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\t0.512\t1\t1\n1\t3\t3\t0.248\t1\t1\n")
    return lambda name: runs.import_log(log, tmp_path / name)


def test_names_of_runs_in_every_table(named) -> None:
    evil = [named("=1+1"), named("a|b\n<img src=x>\x1b[2J")]
    table = reports.certified_accuracy(evil, [0.25])
    rows = list(csv.reader(io.StringIO(table.render("csv"))))
    assert [row[0] for row in rows[1:]] == ["'=1+1", "a|b\\n<img src=x>\\x1b[2J"]
    assert table.render("md").splitlines()[3].startswith("| a\\|b\\\\n&lt;img src=x&gt;\\\\x1b\\[2J | ")
    assert len(table.render("text").splitlines()) == 4
    compared = reports.compare(*evil, [0.25])
    heads = next(csv.reader(io.StringIO(compared.render("csv"))))
    assert heads[1:3] == ["'=1+1", "a|b\\n<img src=x>\\x1b[2J"]
    for text in (compared.render(), compared.render("md"), compared.summary()):
        assert "\x1b" not in text
        assert "<img" not in compared.render("md")


def test_names_of_runs_in_figures(named, tmp_path: Path) -> None:
    """Half a formula is no error, and a name that begins with _ is in the legend."""
    for name in ("$x^{", "$\\frac$", "_hidden"):
        page = reports.plot_certified_accuracy([named(name)], tmp_path / "figure.svg")
        assert page.stat().st_size > 1000
    assert _quoting.drawn("_hidden").strip() == "_hidden"


def test_the_terminal(named, tmp_path: Path, wulff) -> None:
    run = named("evil\x1b[31m\nname")
    for arguments in (
        ("ls", str(tmp_path)),
        ("report", str(run.folder)),
        ("compare", *[str(run.folder)] * 2),
    ):
        result = wulff(*arguments)
        assert result.code == 0
        assert "\x1b" not in result.out + result.err
        assert "evil\\x1b[31m\\nname" in result.out
    missing = wulff("report", str(tmp_path / "no\x1b[31mthing"))
    assert missing.code == 2
    assert "no\\x1b[31mthing" in missing.err
