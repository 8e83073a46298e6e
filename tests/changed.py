"""Prints the tests of the files that differ from main: `python -m tests.changed`.

A test file belongs to a module that it imports from, or whose name or package's name it has; a changed test
belongs to itself. Where nothing matches, the folder of tests that mirrors the package is it. With no change:
what is quick.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ALWAYS = ["tests/test_cases.py"]


def changed_files() -> list[Path]:
    """Files of this branch and of the working tree that are not as on main."""
    asked = (["diff", "--name-only", "--merge-base", "main"], ["ls-files", "--others", "--exclude-standard"])
    names: list[str] = []
    for command in asked:
        done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)
        names += done.stdout.splitlines()
    return [Path(name) for name in names if (ROOT / name).exists()]


def tests_of(changed: Iterable[Path]) -> list[str]:
    """The test files and folders to run, changed ones first."""
    every = sorted(ROOT.glob("tests/**/test_*.py"))
    texts = {path: path.read_text(encoding="utf-8") for path in every}
    found: list[str] = []
    for file in changed:
        if ROOT / file in texts:
            found.insert(0, str(file))
        elif file.parts[:2] == ("src", "wulff") and file.suffix == ".py":
            found += _tests_of_module(file, texts)
        elif file.parts[0] in ("examples", "docs") or file.suffix == ".md":
            found += ["tests/test_documentation.py"]
    return list(dict.fromkeys([*found, *ALWAYS]))


def _tests_of_module(file: Path, texts: dict[Path, str]) -> list[str]:
    package, module = file.parts[2:-1], file.stem
    dotted = ".".join(("wulff", *package, module))
    depth = next(n for n in range(len(package), -1, -1) if ROOT.joinpath("tests", *package[:n]).is_dir())
    mirror = ROOT.joinpath("tests", *package[:depth])
    names = [name.strip("_") for name in (*package[depth:], module)]
    named = [path for path in texts if path.parent == mirror and any(name in path.stem for name in names)]
    importing = [path for path in texts if re.search(rf"{re.escape(dotted)}\b", texts[path])]
    chosen = named + importing or ([mirror] if mirror != ROOT / "tests" else [])
    return [str(path.relative_to(ROOT)) for path in chosen]


if __name__ == "__main__":
    sys.stdout.write(" ".join(tests_of(changed_files())) + "\n")
