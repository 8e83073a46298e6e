"""Every verb's help shows an example, and the examples work, one after the other in one folder."""

import importlib.util
import shlex
from pathlib import Path

import pytest

from tests.nightly import NIGHTLY
from wulff import datasets
from wulff.cli.examples import EXAMPLES
from wulff.cli.verbs import GROUPS, load

LOG = "idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\t0.378\t1\t15.4\n"
SWEEP = '[train]\nnoise = "laplace"\nsigma = [0.25, 0.5]\n[certify]\nn = 100\n'
OF_SECONDS = ("quickstart", "plot all", "plot gallery")
"""They are run, and looked at, by test_verbs.py and tests/reports/test_gallery.py."""


def every_verb() -> list[str]:
    found = []
    for verb in [verb for verbs in GROUPS.values() for verb in verbs]:
        inner = getattr(load(verb), "commands", None)
        found += [verb] if inner is None else [f"{verb} {name}" for name in inner]
    return found


def test_every_verb_has_one() -> None:
    assert sorted(every_verb()) == sorted(EXAMPLES)


@pytest.mark.parametrize("verb", EXAMPLES)
def test_help_shows_it(verb: str, wulff) -> None:
    text = " ".join(wulff(*verb.split(), "--help").out.split())
    assert "Example:" in text
    assert EXAMPLES[verb] in text


@pytest.mark.parametrize("group", ["", "plot", "audit"])
def test_summaries_are_shown_whole(group: str, wulff) -> None:
    text = " ".join(wulff(*group.split(), "--help").out.split())
    for verb in every_verb():
        if group and verb.startswith(f"{group} "):
            assert load(group).commands[verb.partition(" ")[2]].help.partition("\n")[0] in text
        elif not group and " " not in verb:
            assert load(verb).help.partition("\n")[0] in text


def test_they_work_in_one_folder(wulff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.tsv").write_text(LOG)
    (tmp_path / "sweep.toml").write_text(SWEEP)
    for verb, example in EXAMPLES.items():
        program, *arguments = shlex.split(example)
        assert program == "wulff"
        if verb == "download":  # needs the web
            assert arguments[-1] in datasets.SOURCES
            continue
        if verb == "merge":  # of runs over two halves
            for name, part in (("even", "::100"), ("odd", "50::100")):
                half = f"certify --model model --slice {part} --n 100 --store {name}"
                assert wulff(*half.split()).code == 0
        if verb in OF_SECONDS and not NIGHTLY:
            continue
        if verb == "serve":  # it listens until it is stopped; see tests/serving
            continue
        if verb == "verify" and importlib.util.find_spec("flint") is None:
            continue
        if verb == "plot mismatch":  # of a model that is smoothed with another noise than its own
            mixed = "certify --model model --noise laplace(sigma=0.5) --slice ::50 --n 100 --store mixed"
            assert wulff(*mixed.split()).code == 0
        result = wulff(*arguments)
        assert result.code == 0, (example, result)
        if verb.startswith("plot") and arguments[-1].endswith(".png"):
            assert Path(arguments[-1]).read_bytes().startswith(b"\x89PNG")
