"""Every recipe of docs/your_own_model.md for the command line works as it stands there."""

import re
import runpy
import shlex
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.servers import MLServer
from tests.cli.conftest import call
from wulff import runs

PAGE = (Path(__file__).parents[1] / "docs" / "your_own_model.md").read_text()
ADDRESS = "http://localhost:8080/v2/models/digits"
(SHELL,) = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = [line for line in SHELL.splitlines() if line.startswith("wulff ")]
CERTIFY = [command for command in COMMANDS if " certify " in command]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("models")
    own, made = re.findall(r"```py\n(.*?)```", PAGE, flags=re.DOTALL)
    (root / "own.py").write_text(own)
    (root / "made.py").write_text(made)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.chdir(root)
        patch.syspath_prepend(root)
        runpy.run_path("made.py")
        sys.modules.pop("own")
        yield root


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[MLServer]:
    found = MLServer(folder / "server")
    found.start()
    yield found
    found.kill()


def certify(command: str, *, address: str = ADDRESS) -> runs.Run:
    arguments = shlex.split(command.replace(ADDRESS, address))[1:]
    result = call(*arguments, "--slice", ":2", "--n0", "20", "--n", "200", "--alpha", "0.05")
    assert result.code == 0, (command, result)
    store = arguments[arguments.index("--store") + 1]
    run = runs.load(store)
    assert len(run.records) == 2
    page = call("report", store, "-o", f"{store}.html")
    assert page.code == 0, page
    assert "Certified accuracy" in Path(f"{store}.html").read_text()
    return run


@pytest.mark.parametrize(
    "command", [c for c in CERTIFY if ADDRESS not in c], ids=lambda c: c.rpartition("/")[2]
)
def test_a_model_from_a_file(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert certify(command).facts.identified


def test_a_server(folder: Path, server: MLServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (command,) = (c for c in CERTIFY if ADDRESS in c)
    assert certify(command, address=server.url).facts.hashes["weights"] == "fraud model 7"


def test_every_kind_of_model_has_a_recipe() -> None:
    from wulff.backends import PREFIXES

    shown = {shlex.split(command)[3].partition(":")[0] for command in CERTIFY}
    assert set(PREFIXES) - {"https", "timm"} <= shown
    assert "`--model timm:" in PAGE
