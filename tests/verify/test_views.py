"""The checker proves records of all views in whole numbers, and finds what was changed."""

import itertools
import json
import math
import tomllib
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import wulff
from wulff import runs
from wulff.runs.folder import checksum_key
from wulff.runs.records import Record
from wulff.verify import verify_run
from wulff.verify.view_counts import label, read_family, stays
from wulff.views import label_and_slack, parse, top_slack

FAMILIES = [
    "bands(width=2)",
    "blocks(size=3)",
    "splitting(sigma=0.3, levels=8, seed=1)",
    "splitting(sigma=2, levels=3)",
]


def brightest(views: torch.Tensor) -> torch.Tensor:
    """Five classes: which of five pixels is the brightest, if the mean is not larger than all; a view without
    light abstains."""
    pixels = views.flatten(1)[:, [3, 10, 17, 20, 30]]
    pixels[:, 3] = views[:, :1].sum(dim=(1, 2, 3)) / 4
    seen = views[:, :1].amax(dim=(1, 2, 3)) > 0.2
    return torch.where(seen[:, None], pixels, torch.nan)


@pytest.fixture(scope="module", params=FAMILIES)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    levels = 3 if "levels=3" in request.param else 8
    x = torch.randint(0, levels + 1, (6, 1, 6, 6), generator=torch.Generator().manual_seed(3)) / levels
    x[5] = 0  # abstains
    folder = tmp_path_factory.mktemp("run") / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of views that abstain
        return wulff.certify(brightest, x, noise=request.param, store=folder, progress=False)


def verdicts(folder: Path) -> set[str]:
    return {finding.verdict for finding in verify_run(folder)}


def test_every_claim_is_proven(run: runs.Run, tmp_path: Path) -> None:
    assert run.norms == ["patch"] or (run.radii("l1") > 0).any()
    assert run.norms == ["l1"] or (run.radii("patch") > 0).any()
    assert verdicts(run.folder) == {"proven"}
    for top in (2, 3):
        run.recertify(top=top).save(tmp_path / str(top))
        assert verdicts(tmp_path / str(top)) == {"proven"}


def wider(record: dict[str, Any]) -> None:
    """The next size of perturbations: a pixel more, or a step."""
    (radius,) = record["radii"].values()
    size = radius["radius"]
    radius["radius"] = size + 1 if size == int(size) and "patch" in record["radii"] else size + 1 / 3


def hair(record: dict[str, Any]) -> None:
    (radius,) = record["radii"].values()
    radius["radius"] = math.nextafter(radius["radius"], math.inf)


def fewer(record: dict[str, Any]) -> None:
    votes = record["counts"]["enumeration"]
    votes[next(iter(votes))] -= 1


def more(record: dict[str, Any]) -> None:
    votes = record["counts"]["enumeration"]
    votes[next(iter(votes))] += 1


def other(record: dict[str, Any]) -> None:
    record["predict"] = (record["predict"] + 1) % 5


def estimated(record: dict[str, Any]) -> None:
    record["error"] = 0.001


def against(record: dict[str, Any]) -> None:
    record["radii"] = {"linf": next(iter(record["radii"].values()))}


def lost(record: dict[str, Any]) -> None:
    record["not_a_number"] = {"enumeration": 1 + record.get("not_a_number", {}).get("enumeration", 0)}


@pytest.mark.parametrize("change", [wider, hair, fewer, more, other, estimated, against, lost])
def test_every_change_is_found(
    run: runs.Run, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    """Each record is changed by itself, and gets the checksum that it would have."""
    document = tomllib.loads((run.folder / "spec.toml").read_text())
    key = checksum_key(document)
    lines = (run.folder / "records.jsonl").read_text().splitlines()
    (tmp_path / "spec.toml").write_text((run.folder / "spec.toml").read_text())
    for place, line in enumerate(lines):
        record = json.loads(line)
        if not record["counts"]["enumeration"] and change in (fewer, more, other, hair):
            continue
        change(record)
        changed = [*lines]
        changed[place] = Record.from_json(json.dumps(record)).to_line(key).decode().rstrip("\n")
        (tmp_path / "records.jsonl").write_text("\n".join(changed) + "\n")
        false = [finding for finding in verify_run(tmp_path) if finding.verdict == "FALSE"]
        assert {finding.record for finding in false} == {place + 1}, (change.__name__, record)


def test_the_checker_leaves_a_vote() -> None:
    assert stays([3], 2, 1)
    assert not stays([3], 3, 1)


def test_the_checker_counts_as_the_prover_does() -> None:
    for votes in itertools.product(range(5), repeat=4):
        found, slack = label_and_slack([votes])
        assert label(votes) == found[0]
        if not any(votes):
            continue
        for top in (1, 2, 3):
            most = slack if top == 1 else top_slack([votes], found, top)
            assert stays(votes, int(most[0]), top)
            assert not stays(votes, int(most[0]) + 1, top)


@pytest.mark.parametrize("text", FAMILIES)
@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 5, 8), (2, 9, 4)])
def test_the_checker_knows_the_families(text: str, shape: tuple[int, ...]) -> None:
    family, views = read_family(text, shape), parse(text)
    assert family.views == views.count(shape)
    for slack in range(60):
        reach = views.reach(slack, shape).radius
        assert family.changed(Fraction(reach)) <= slack


def test_the_number_of_splits_is_that_of_the_prover() -> None:
    for sigma in np.random.default_rng(0).uniform(0.01, 4, 300):
        text = f"splitting(sigma={float(sigma)!r})"
        assert read_family(text, (1, 2, 2)).views == parse(text).count((1, 2, 2))
