"""Every recipe of docs/your_own_data.md works as it stands there."""

import re
import runpy
import shlex
import warnings
from pathlib import Path

import pytest

from tests.test_own_model_recipes import certify

PAGE = (Path(__file__).parents[1] / "docs" / "your_own_data.md").read_text()
(SHELL,) = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = [line for line in SHELL.splitlines() if line.startswith("wulff ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    (made,) = re.findall(r"```py\n(.*?)```", PAGE, flags=re.DOTALL)
    (root / "made.py").write_text(made)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.chdir(root)
        runpy.run_path("made.py")
    return root


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.rpartition("/")[2])
def test_data_in_each_form(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the ready network, which was trained on nothing
        run = certify(command)
    asked = shlex.split(command)[3]
    labelled = asked not in ("images.npy", "folder:scans@8")
    assert run.facts.labelled == labelled
    if labelled and not asked.startswith("folder"):
        assert run.labels.tolist() == [0, 4]
    if asked.startswith(("folder", "hf-dataset")):
        assert all(record.file and record.file.endswith(".png") for record in run.records) or "hf" in asked
    assert (run.facts.class_names is not None) == asked.startswith(("folder:by", "hf-dataset"))
