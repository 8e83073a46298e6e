"""Attacks on certificates from all views: never inside, and they find what there is beyond."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.cli.conftest import call
from wulff import runs, training
from wulff.attacks import ViewAscent
from wulff.errors import InputError
from wulff.runs.attacking_views import _ahead, _side
from wulff.views import Splitting, parse

SHORT = training.Schedule(epochs=6, batch=32, learning_rate=0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small models that are trained on views of digits, and runs of both."""
    root = tmp_path_factory.mktemp("attacks")
    for name, noise in (("bands", "bands(width=2)"), ("splits", "splitting(sigma=0.5, levels=16)")):
        wanted = runs.TrainingSpec(noise=noise, model="mlp", schedule=SHORT, slice=":800")
        runs.train(wanted, root / name)
        runs.execute(runs.ViewSpec(model=str(root / name), slice=":16"), root / f"{name}-run")
    return root


@pytest.mark.parametrize("name", ["bands", "splits"])
def test_nothing_breaks_inside_and_much_far_outside(folder: Path, name: str) -> None:
    inside, outside = runs.attack(folder / f"{name}-run", [1.0, 8.0], method=ViewAscent(steps=8, copies=16))
    assert inside.attacked == outside.attacked > 5
    assert (inside.broken, inside.allowed, inside.contradicts) == (0, 0, False)
    assert outside.allowed is None
    assert outside.broken >= 3


def test_on_the_command_line(folder: Path) -> None:
    found = call("attack", str(folder / "splits-run"), "--inside", "--steps", "3", "--limit", "4")
    assert found.code == 0, found
    assert "as promised" in found.out
    for wrong in (["--n", "50"], ["--alpha", "0.1"], ["--batch", "64"], ["--norm", "l2"]):
        refused = call("attack", str(folder / "splits-run"), "--inside", *wrong)
        assert refused.code == 2
        assert refused.err.count("\n") == 1


def test_a_certificate_that_is_too_large_is_contradicted(folder: Path, tmp_path: Path) -> None:
    """The radius of one record is made larger, as a wrong theorem would make it."""
    import dataclasses

    run = runs.load(folder / "bands-run")
    wider = [
        dataclasses.replace(record, radii={"patch": dataclasses.replace(record.radii["patch"], radius=6.0)})
        for record in run.records
    ]
    dataclasses.replace(run, records=wider).save(tmp_path / "wrong")
    (outcome,) = runs.attack(tmp_path / "wrong", [1.0], method=ViewAscent(steps=8))
    assert outcome.contradicts


@pytest.mark.parametrize("text", ["bands(width=2)", "blocks(size=3)", "splitting(sigma=0.4, levels=8)"])
def test_proposals_stay_within_their_size(text: str) -> None:
    views, x = parse(text), torch.randint(0, 9, (2, 6, 7), generator=torch.Generator().manual_seed(0)) / 8
    model = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(views.view_shape((2, 6, 7)))), 3))
    generator = torch.Generator().manual_seed(1)
    for size in (0, 1, 3, 7):
        shown = ViewAscent(steps=5, copies=8, restarts=3)(model, views, x, 1, size, generator=generator)
        assert shown.shape == (3, 2, 6, 7)
        assert ((shown >= 0) & (shown <= 1)).all()
        for one in shown:
            if isinstance(views, Splitting):
                assert int((views.steps(one) - views.steps(x)).abs().sum()) <= size
            else:
                assert _side(one != x) <= size
    if not isinstance(views, Splitting):
        with pytest.raises(InputError, match="larger than the images of 6×7"):
            ViewAscent()(model, views, x, 1, 8, generator=generator)


def test_who_is_ahead() -> None:
    votes = np.array([[3, 3, 1], [0, 5, 5], [2, 1, 0]])
    assert _ahead(votes, 1).tolist() == [1, 0, 1]
    assert _ahead(votes, 2).tolist() == [2, 1, 2]


def test_noise_and_views_have_attacks_of_their_own(folder: Path) -> None:
    from wulff.attacks import EOTPGD

    with pytest.raises(InputError, match="attack it with a ViewAscent"):
        runs.attack(folder / "bands-run", method=EOTPGD())
    with pytest.raises(InputError, match="leave them out"):
        runs.attack(folder / "bands-run", judge=runs.Judge(n=5))
