"""What package indexes, hosts and contributors read beside the code: complete, and true."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import trove_classifiers
import yaml

from wulff._version import __version__

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def test_links_and_texts_work_on_a_package_index() -> None:
    """An index has the page alone, so that links to files beside it lead nowhere there."""
    page = (ROOT / PROJECT["readme"]).read_text()
    targets = [*re.findall(r"\]\(([^)]+)\)", page), *PROJECT["urls"].values()]
    assert targets
    assert all(target.startswith("https://") for target in targets)
    assert "<img" not in page
    assert all(len(label) <= 32 for label in PROJECT["urls"])
    assert all((ROOT / file).is_file() for file in PROJECT["license-files"])
    assert PROJECT["authors"] == [{"name": "wulff maintainers"}]


def test_classifiers_say_what_is_supported() -> None:
    classifiers = PROJECT["classifiers"]
    lowest = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    named = [
        tuple(map(int, c.rpartition(" ")[2].split("."))) for c in classifiers if re.search(r"3\.\d+$", c)
    ]
    assert min(named) == lowest
    assert named == [(3, minor) for minor in range(lowest[1], lowest[1] + len(named))]
    assert len(set(classifiers)) == len(classifiers)
    assert not any(c.startswith("License ::") for c in classifiers)  # the SPDX expression says it
    assert set(classifiers) <= trove_classifiers.classifiers


def test_the_citation_has_what_its_format_requires() -> None:
    cited = read_yaml("CITATION.cff")
    assert {"cff-version", "title", "message", "authors", "license"} <= set(cited)
    assert cited["license"] == PROJECT["license"]
    assert cited["keywords"] == PROJECT["keywords"]
    assert cited["authors"] == PROJECT["authors"]
    assert cited.get("version", __version__) == __version__
    assert {paper["url"] for paper in cited["references"]} == set(PROJECT["urls"].values())


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda p: p.stem
)
def test_issue_templates_are_forms(path: Path) -> None:
    form = read_yaml(str(path.relative_to(ROOT)))
    assert {"name", "description", "body"} <= set(form)
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    assert fields
    assert len({part["id"] for part in fields}) == len(fields)
    assert all(part["attributes"]["label"] for part in fields)


def test_hooks_run_tools_of_the_test_environment() -> None:
    """pre-commit runs them by path: each is a command of a package that the extra `test` asks for."""
    packages = {re.split(r"[<>=\[]", need)[0] for need in PROJECT["optional-dependencies"]["test"]}
    commands = {"lint-imports": "import-linter"}
    (repository,) = read_yaml(".pre-commit-config.yaml")["repos"]
    for hook in repository["hooks"]:
        program, *arguments = shlex.split(hook["entry"])
        assert program.startswith(".venv/bin/")
        name = Path(program).name
        assert commands.get(name, name) in packages
        assert all((ROOT / word).exists() for word in arguments if "/" in word)


def test_the_source_distribution_takes_files_that_are_there() -> None:
    for line in (ROOT / "MANIFEST.in").read_text().splitlines():
        kind, _, names = line.partition(" ")
        if kind in ("include", "graft"):
            assert all((ROOT / name).exists() for name in names.split()), line


def test_security_says_what_a_fault_is_and_where_fixes_stand() -> None:
    text = " ".join((ROOT / "SECURITY.md").read_text().split())
    assert "Changes to certified numbers" in text
    assert "### Changes to certified numbers" in (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest
    assert newest[1] == __version__
