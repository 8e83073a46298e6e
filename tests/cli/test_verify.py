"""`wulff verify` on a run of a trained model."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Result
from wulff import runs
from wulff.reports import write_page
from wulff.runs.recounting import recount


def test_a_run_is_proven_recounted_and_marked_on_its_page(
    wulff: Callable[..., Result], files: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(files / "run", run)
    mark = "Verified by an independent checker"
    assert mark not in write_page([runs.load(run)], tmp_path / "before.html").read_text()
    found = wulff("verify", str(run), "--recount", "3")
    assert found.code == 0, found.err
    assert "recount" in found.out
    assert "0 are false" in found.out
    assert mark in write_page([runs.load(run)], tmp_path / "after.html").read_text()


def test_a_recount_tells_votes_of_another_classifier(files: Path) -> None:
    run = runs.load(files / "run")
    assert not any(one.differs for one in recount(run, 3))
    votes = {"selection": {9: 10}, "estimation": {9: 50}}
    other = dataclasses.replace(run.records[0], counts=votes)
    last = dataclasses.replace(run.records[1], counts={"selection": {8: 10}, "estimation": {8: 50}})
    changed = dataclasses.replace(run, records=[other, last])
    assert any(one.differs for one in recount(changed, 2))  # not every digit is an 8 or a 9
