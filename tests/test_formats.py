"""docs/file_formats.md names the keys that files have, and files have no others."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import call
from wulff import models

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "file_formats.md").read_text()
NAMED = {
    name
    for cell in re.findall(r"^\|.*\|$", PAGE, flags=re.MULTILINE)
    for name in re.findall(r"`(\w+)`", cell)
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("formats")
    description = models.Description("cnn", (1, 8, 8), 10, "gaussian(sigma=0.5)")
    models.weights.save(root / "weights.safetensors", models.build("cnn", (1, 8, 8), 10), description)
    terms = ["--slice", ":2", "--n0", "10", "--n", "50", "--alpha", "0.1"]
    certify = ["certify", "--model", str(root), *terms, "--estimator", "randomized-clopper-pearson"]
    assert call(*certify, "--store", str(root / "certified")).code == 0
    predict = ["predict", "--model", str(root), "--slice", ":2", "--n", "50"]
    assert call(*predict, "--store", str(root / "predicted")).code == 0
    return root


@pytest.mark.parametrize("name", ["certified", "predicted"])
def test_every_key_is_documented(folder: Path, name: str) -> None:
    document = tomllib.loads((folder / name / "spec.toml").read_text())
    keys = {key for table in document.values() if isinstance(table, dict) for key in table} | set(document)
    assert keys <= NAMED, keys - NAMED
    for line in (folder / name / "records.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert set(record) <= NAMED, set(record) - NAMED
        assert list(record)[-1] == "seconds"
        for radius in record.get("radii", {}).values():
            assert set(radius) <= NAMED
