"""`wulff --install-completion`: the shell completes verbs and options; tried in a home of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="there is no bash")


def bash(line: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # What follows keeps bash from becoming the program: it is found by the parent process.
    command = [str(BASH), "-c", f"'{sys.executable}' -m wulff {line}; exit $?"]
    variables = os.environ | {"HOME": str(home)} | environment
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


def test_completion_is_installed(tmp_path: Path) -> None:
    done = bash("--install-completion", tmp_path)
    assert done.returncode == 0, done.stderr
    script = (tmp_path / ".bash_completions" / "wulff.sh").read_text()
    assert "_WULFF_COMPLETE=complete_bash" in script
    assert "wulff.sh" in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [
        ("wulff no", 1, "noises"),
        ("wulff radius --meth", 2, "--method"),
    ],
)
def test_words_are_completed(tmp_path: Path, words: str, place: int, expected: str) -> None:
    asked = {"_WULFF_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    assert bash("", tmp_path, **asked).stdout.split() == expected.split()
