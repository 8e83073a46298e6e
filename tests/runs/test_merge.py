"""Runs over parts of a data set are the run over all of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Result, call
from wulff import runs
from wulff.errors import InputError, RunError

MODEL = """
import torch
def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    folder = tmp_path_factory.mktemp("merge")
    (folder / "net.py").write_text(MODEL)

    def make(name: str, part: str, *more: str, verb: str = "certify") -> str:
        store = folder / name
        if not store.exists():
            options = ["--model", f"python:{folder / 'net.py'}:net", "--noise", "gaussian(sigma=0.5)"]
            result = call(verb, *options, "--slice", part, "--n", "64", "--store", str(store), *more)
            assert result.code == 0, result.err
        return str(store)

    return make


def records(folder: str | Path) -> list[dict[str, Any]]:
    lines = (Path(folder) / "records.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "checksum")} for line in lines]


@pytest.mark.parametrize(
    ("parts", "whole"),
    [((":10", "10:25"), ":25"), (("1:60:3", ":61:3", "2:60:3"), ":61"), (("::200", "100::200"), "::100")],
)
def test_the_parts_are_the_whole(made, tmp_path: Path, parts: tuple[str, ...], whole: str) -> None:
    folders = [made(f"p{part}", part) for part in parts]
    result = call("merge", *folders, "--store", str(tmp_path / "all"))
    assert result.code == 0, result.err
    alone = made(f"w{whole}", whole)
    assert records(tmp_path / "all") == records(alone)
    ours, theirs = runs.load(tmp_path / "all"), runs.load(alone)
    assert ours.spec == theirs.spec
    assert ours.facts.hashes == theirs.facts.hashes
    again = call("certify", *_options(alone), "--slice", whole, "--store", str(tmp_path / "all"))
    assert again.code == 0, again.err  # it is the run that this command makes: nothing is left to do


def _options(folder: str) -> list[str]:
    spec = runs.load(folder).spec
    return ["--model", spec.model, "--noise", "gaussian(sigma=0.5)", "--n", "64"]


def test_predictions_too(made, tmp_path: Path) -> None:
    parts = [made(f"labels{part}", part, verb="predict") for part in (":5", "5:9")]
    done = runs.merge(parts, tmp_path / "all")
    assert [record.index for record in done.records] == list(range(9))


@pytest.mark.parametrize(
    ("second", "options", "message"),
    [
        ("5:20", [], r"input 5 is in .* leave one out"),
        ("12:20", [], "after input 9 comes 12"),
        ("10:20", ["--alpha", "0.01"], r"differs from .* in alpha: 0.01 and 0.001"),
        ("10:20", ["--seed", "3"], "in seed"),
    ],
)
def test_what_does_not_fit(made, tmp_path: Path, second: str, options: list[str], message: str) -> None:
    other = made(f"other{second}{''.join(options)}", second, *options)
    with pytest.raises(InputError, match=message):
        runs.merge([made("p:10", ":10"), other], tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_one_is_not_enough_and_unfinished_ones_are_refused(made, tmp_path: Path) -> None:
    first = Path(made("p:10", ":10"))
    with pytest.raises(InputError, match="at least two"):
        runs.merge([first], tmp_path / "all")
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "spec.toml").write_bytes(Path(made("p10:25", "10:25"), "spec.toml").read_bytes())
    lines = Path(made("p10:25", "10:25"), "records.jsonl").read_text().splitlines(keepends=True)
    (cut / "records.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(RunError, match="14 of 15 records; finish it first"):
        runs.merge([first, cut], tmp_path / "all")
    result: Result = call("merge", str(first), str(cut), "--store", str(tmp_path / "all"))
    assert (result.code, result.err.count("\n")) == (2, 1)
