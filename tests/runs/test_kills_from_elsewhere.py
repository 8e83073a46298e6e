"""Runs of models from elsewhere, killed at random moments: an HTTP endpoint, and a user's Python file."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.servers import MLServer
from tests.nightly import NIGHTLY
from tests.processes import forked
from tests.runs.test_resume import records
from wulff import runs
from wulff.runs.folder import RECORDS, SUMMARY

KILLS = 60 if NIGHTLY else 4
INPUTS = 20 * KILLS
FILE = """
import numpy as np

weights = np.random.default_rng(1).normal(size=(64, 10))

def logits(x):
    return x.reshape(len(x), -1).astype(np.float64) @ weights
"""


@pytest.fixture(scope="module", params=["http", "python"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("model")
    if request.param == "python":
        (folder / "own.py").write_text(FILE)
        yield f"python:{folder}/own.py:logits"
        return
    server = MLServer(folder / "server")
    server.start()
    yield server.url
    server.kill()


def certify(model: str, folder: Path) -> None:
    spec = runs.Spec(
        model=model,
        noise="gaussian(sigma=0.1)",
        slice=f":{INPUTS}",
        norms=("l1", "l2"),
        n0=20,
        n=400,
        batch=64,
        identity="weights 1",
    )
    runs.certify(spec, folder)


def test_records_are_those_of_an_undisturbed_run(model: str, tmp_path: Path) -> None:
    chance, folder, kills = random.Random(0), tmp_path / "run", 0
    journal = folder / RECORDS

    def written() -> int:
        return journal.stat().st_size if journal.exists() else 0

    while kills < KILLS:
        before, until = written(), time.monotonic() + chance.uniform(0, 0.3)
        process = forked(certify, model, folder)
        in_a_record = chance.random() < 0.7  # else anywhere: while it loads, or counts votes again
        while process.is_alive() and (written() == before if in_a_record else time.monotonic() < until):
            time.sleep(0.0005)
        time.sleep(chance.uniform(0, 0.005))
        assert process.is_alive(), f"the run ended after {kills} kills"
        process.kill()
        process.join()
        kills += 1
    assert 0 < journal.read_bytes().count(b"\n") < INPUTS
    certify(model, folder)
    certify(model, tmp_path / "undisturbed")
    assert records(folder) == records(tmp_path / "undisturbed")
    assert (folder / SUMMARY).is_file()
