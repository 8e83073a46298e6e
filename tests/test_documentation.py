"""What README and docs tell the reader to do, works; and every link in them leads somewhere."""

import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
import types
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import torch

import wulff
from tests.cli.conftest import call
from tests.nightly import NIGHTLY
from wulff.cli.verbs import load

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
README = (ROOT / "README.md").read_text()


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def test_python_example_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a model and images of the reader's own."""
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    own = {"model": torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))}
    own |= {"images": torch.rand(2, 1, 4, 4), "labels": torch.tensor([0, 1])}
    exec(compile(example, "README.md", "exec"), own)
    assert "[" in capsys.readouterr().out
    assert (tmp_path / "report.html").exists()


def test_example_of_the_package_index_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("python", (ROOT / "docs" / "package_index.md").read_text())
    short = example.replace("noise))", "noise, schedule=training.Schedule(epochs=5)))").replace(
        "10_000", "2000"
    )
    assert short != example
    example = example if NIGHTLY else short
    names: dict[str, object] = {}
    exec(compile(example, "package_index.md", "exec"), names)
    assert "1 - 0.001" in capsys.readouterr().out
    assert (names["proof"].radius > 0).any()  # type: ignore[attr-defined]


def test_the_headline_is_drawn_from_results_in_the_repository() -> None:
    rows = load_script("headline").rows()
    assert len({len(row) for row in rows.values()}) == 1
    radii, free, boxed = rows.values()
    at = radii.index(6)
    assert f"{boxed[at]} % of CIFAR-10 are certified in place of {free[at]} %" in " ".join(README.split())
    assert all(more >= less for less, more in zip(free, boxed, strict=True))


def test_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("wulff ")]
    assert len(commands) >= 7
    for command in commands:
        verb, *arguments = shlex.split(command)[1:]
        if verb in ("advise", "limits") and not NIGHTLY:  # whose own tests run them
            continue
        if verb == "certify":
            arguments += ["--slice", ":5"]
        result = call(verb, *(arguments if NIGHTLY else sooner(verb, arguments)))
        assert result.code == 0, (command, result)


def sooner(verb: str, arguments: list[str]) -> list[str]:
    """The same of fewer epochs and inputs."""
    if verb == "train":
        return [*arguments, "--epochs", "2"]
    return [":10" if option == ":50" else option for option in arguments]


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda p: p.name)
def test_python_in_the_docs_runs(page: Path) -> None:
    if page.name == "package_index.md":
        pytest.skip("its example has a test of its own")
    for indent, block in re.findall(r"^( *)```python\n(.*?)```", page.read_text(), flags=re.DOTALL | re.M):
        exec(compile(re.sub(rf"^{indent}", "", block, flags=re.M), str(page), "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name)
def test_names_of_python_that_a_page_names_exist(page: Path) -> None:
    """As they are written: after `import wulff` alone, or as they are imported."""
    text = page.read_text()
    names = re.findall(r"(?<![\w./-])wulff(?:\.[A-Za-z_]\w*)+", text)
    for module, imported in re.findall(r"from (wulff[\w.]*) import ([\w, ]+)", text):
        importlib.import_module(module)
        names += [f"{module}.{name}" for name in imported.split(" as ")[0].split(", ")]
    for name in names:
        attrgetter(name.removeprefix("wulff."))(wulff)


def test_the_page_for_package_indexes_stands_alone() -> None:
    """There are no files beside it: links are whole."""
    page = (ROOT / "docs" / "package_index.md").read_text()
    assert "![" not in page
    assert all(target.startswith("https://") for target in re.findall(r"\]\(([^)]+)\)", page))


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=lambda p: p.name)
def test_tests_that_a_page_names_exist(page: Path) -> None:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text()):
        assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), flags=re.MULTILINE), (file, name)


def test_what_is_derived_here_is_on_the_page_of_derivations() -> None:
    """Every file that marks a theorem so is named there, next to statement, proof and tests."""
    source, page = ROOT / "src" / "wulff", (ROOT / "docs" / "derivations.md").read_text()
    marked = {
        str(file.relative_to(source))
        for file in source.rglob("*.py")
        if re.search(r"derived\s+(in full\s+)?here", file.read_text(), flags=re.IGNORECASE)
    }
    named = set(re.findall(r"`((?:certificates|geometry)/[\w/]+\.py)`", page))
    assert len(marked) > 15
    assert marked - named == set()
    assert all((source / file).exists() for file in named)
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        if "In the code:" in section:
            assert "**Theorem" in section
            assert "*Proof" in section or "*Uniform" in section
            assert "`tests/" in section


def test_make_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_the_documented_names_are_the_public_ones() -> None:
    """The page lists `dir(wulff)` and the `__all__` of every package, and each name is there."""
    page = (ROOT / "docs" / "public_names.md").read_text()
    listed = {
        title: re.findall("^- `(.*?)`", body, flags=re.MULTILINE)
        for title, body in re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", page, flags=re.MULTILINE | re.DOTALL)
    }
    assert listed["wulff"] == dir(wulff)
    packages = [name for name in dir(wulff) if isinstance(getattr(wulff, name), types.ModuleType)]
    assert set(listed) == {"wulff", *(f"wulff.{name}" for name in packages)}
    for title, names in listed.items():
        module = importlib.import_module(title)
        assert names == list(module.__all__), f"run python docs/generate.py for {title}"
        assert all(hasattr(module, name) for name in names)


def load_script(name: str) -> Any:
    """A program of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_page_is_up_to_date() -> None:
    generate = load_script("generate")
    assert generate.PAGE.read_text() == generate.page(), "run python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_command_is_one_that_the_program_knows(page: Path) -> None:
    """Also of those that need a cluster, a download or a paper's log: verbs, options and kinds of values."""
    for block in re.findall(r"^```(?:sh|text|console)?\n(.*?)^```", page.read_text(), flags=re.M | re.S):
        for command in re.findall(
            r"^ *(?:\w+\$ +)?(?:\w+=\S+ )*wulff (.*)$", block.replace("\\\n", " "), re.M
        ):
            verb, *arguments = shlex.split(command, comments=True)
            if verb.startswith("-") or "..." in arguments:
                continue
            known = load(verb)
            if hasattr(known, "commands"):
                known, arguments = known.commands[arguments[0]], arguments[1:]
            known.make_context(verb, arguments)


@pytest.mark.skipif(not NIGHTLY, reason="twenty seconds; the verbs' own examples run every day")
def test_commands_about_the_shapes_of_noise_run() -> None:
    """But for its gallery, which has tests of its own; and what the text says of them is what they print."""
    page = (ROOT / "docs" / "shapes_of_noise.md").read_text()
    commands = [command for block in blocks("sh", page) for command in block.splitlines()]
    printed = {command: call(*shlex.split(command)[1:]) for command in commands if "gallery" not in command}
    assert len(printed) == 3
    assert all(result.code == 0 for result in printed.values()), printed
    (boxed,) = (result.out for command, result in printed.items() if "l1-box" in command)
    said = re.search(r"radius of (\S+); at .9 Gaussian noise has (\S+),\s+and at .99 it has (\S+),", page)
    assert said
    assert all(number in boxed for number in said.groups())


STEP = re.compile(
    r'^```(?P<kind>sh|python|py|toml|text|\{code-cell\}.*?)(?: title="(?P<file>[\w.]+)")?\n'
    r"(?P<body>.*?)^```$(?:\n\n^```text\n(?P<printed>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
LESSONS = [
    page for kind in ("tutorials", "how_to", "notebooks") for page in sorted(ROOT.glob(f"docs/{kind}/*.md"))
]


@pytest.mark.parametrize("page", LESSONS, ids=lambda p: p.stem)
def test_a_reader_can_follow(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From an empty folder, its files, commands and Python in their order; and it prints what is shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict[str, object] = {}
    done = 0
    for step in STEP.finditer(page.read_text()):
        kind, body = step["kind"], step["body"]
        if step["file"]:
            (tmp_path / step["file"]).write_text(body)
        elif kind == "sh":
            for command in filter(None, body.splitlines()):
                if command.startswith("pip "):
                    continue
                program, *arguments = shlex.split(command)
                assert program == "wulff", command
                if arguments[0] == "--plugin":  # what it registers must be gone afterwards
                    subprocess.run([sys.executable, "-m", "wulff", *arguments], check=True)
                    continue
                verb, *options = arguments
                result = call(verb, *(options if NIGHTLY else sooner(verb, options)))
                assert result.code == 0, (command, result)
                assert not step["printed"] or words(result.out) == words(step["printed"]), command
                done += 1
        elif "python" in kind:
            exec(compile(body, str(page), "exec"), names)
            done += 1
    assert done


def words(printed: str) -> list[str]:
    """What was printed but for its numbers, which depend on the processor, and the width of their columns."""
    return re.sub(r"-{3,}", "---", re.sub(r"\d[\d.,]*", "0", printed)).split()
