"""Attacks on features: they stay within the threat, break nothing inside, and find what there is beyond."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.conftest import call
from wulff import runs, training
from wulff.attacks import EOTPGD, FeatureSearch
from wulff.attacks.features import changes_of, distance, norm_of, units_of
from wulff.errors import InputError
from wulff.noises import Mixed, Resampling, parse
from wulff.norms import Norm, parse_threat

COLUMNS = "columns=[2, 3, 4, 5]"
MODEL = """
import numpy as np

def labels(rows):  # the share of ones among what is seen, and whether the first number is the larger one
    kind = (rows[:, 2:] == 1).sum(axis=1) - (rows[:, 2:] == 0).sum(axis=1)
    return (6 * (rows[:, 0] - rows[:, 1]) + kind > 0).astype(int)
"""
NOISES = {
    "mixed": (f"mixed(numbers=gaussian(sigma=0.2), categories=ablation(keep=1, null=-1), {COLUMNS})", "l2+1"),
    "drawn": (
        f"mixed(numbers=gaussian(sigma=0.2), categories=resampling(keep=0.9, values=2), {COLUMNS})",
        "l1+1",
    ),
    "hidden": ("ablation(keep=1, null=-1)", "l0"),
    "scaled": ("gaussian(sigma=0.2, scales=[1, 0.5, 0, 0, 0, 0])", "l2-scaled"),
}


def soft(x: torch.Tensor) -> torch.Tensor:
    kind = (x[:, 2:] == 1).sum(dim=1) - (x[:, 2:] == 0).sum(dim=1)
    score = 6 * (x[:, 0] - x[:, 1]) + kind
    return torch.stack([-score, score], dim=1)


def hard(x: torch.Tensor) -> torch.Tensor:
    return soft(x).argmax(dim=1)


def table(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, 6, generator=generator)
    x[:, 2:] = (x[:, 2:] < x[:, :1]).float()
    return x, hard(x)


@pytest.mark.parametrize("model", [soft, hard])
@pytest.mark.parametrize(
    ("noise", "threat"),
    [*NOISES.values(), ("laplace(sigma=0.2, scales=[1, 0.5, 0, 0, 0, 0])", "linf"),
     ("resampling(keep=0.8, values=[9, 9, 2, 2, 3, 2])", "l0")],
)  # fmt: skip
def test_proposals_are_what_the_adversary_may_do(model: object, noise: str, threat: str) -> None:
    law, against = parse(noise).in_dim(6), parse_threat(threat)
    pool, _ = table(20, 3)
    units = units_of(law, against, pool[0])
    for seed, radius in enumerate((1.0, 2.0, 0.07)):
        x = pool[seed].clone()
        x[:2] = 1.0  # a category of the last noise, and a number of the others
        found = FeatureSearch(steps=3, copies=8, restarts=2, width=9)(
            model, law, x, 1, against, radius, pool=pool, generator=torch.Generator().manual_seed(seed)
        )  # fmt: skip
        changed = found != x
        assert int((changed & (units == 0)).sum()) <= changes_of(against, radius)
        if against != Norm.L0:
            assert distance(found, x, units, norm_of(against)) < radius
        if isinstance(law, Mixed | Resampling):
            law.check_inputs(found[None])
        if law.scales:
            assert not changed[2:].any()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certifications of a table by a model in a file, one for each noise."""
    root = tmp_path_factory.mktemp("features")
    (root / "model.py").write_text(MODEL)
    x, y = table(60, 1)
    np.savez(root / "table.npz", images=x.numpy(), labels=y.numpy())
    for name, (noise, threat) in NOISES.items():
        spec = runs.Spec(
            model=f"python:{root}/model.py:labels", dataset=str(root / "table.npz"), noise=noise,
            norms=(threat,), classes=2, slice=":30", n=500,
        )  # fmt: skip
        runs.execute(spec, root / name)
    return root


@pytest.mark.parametrize("name", NOISES)
def test_nothing_breaks_inside(folder: Path, name: str) -> None:
    method = FeatureSearch(steps=4, copies=16, restarts=1, width=24)
    inside, outside = runs.attack(folder / name, [1.0, 6.0], method=method)
    assert inside.attacked > 3
    assert not inside.contradicts
    assert inside.allowed is not None
    assert inside.broken <= inside.allowed
    if name != "drawn":  # one change more is not tried beyond a step, and the numbers hardly reach
        assert outside.broken > 0


@pytest.mark.parametrize("name", ["mixed", "hidden"])
def test_certificates_that_are_too_large_are_contradicted(folder: Path, name: str, tmp_path: Path) -> None:
    """The radii of a run are made larger, as a wrong theorem would make them."""
    run, norm = runs.load(folder / name), NOISES[name][1]
    wider = [
        dataclasses.replace(record, radii={norm: dataclasses.replace(record.radii[norm], radius=4.0)})
        if record.predict >= 0 else record
        for record in run.records
    ]  # fmt: skip
    dataclasses.replace(run, records=wider).save(tmp_path / "wrong")
    (outcome,) = runs.attack(tmp_path / "wrong", [1.0], method=FeatureSearch(steps=4, restarts=1, width=24))
    assert outcome.contradicts


def test_on_the_command_line(folder: Path) -> None:
    found = call(
        "attack", str(folder / "scaled"), "--inside", "--steps", "2", "--copies", "8", "--limit", "5"
    )
    assert found.code == 0, found
    assert "inside the l2-scaled radius" in found.out
    with pytest.raises(InputError, match=r"EOTPGD does not attack .*; give FeatureSearch\(\)"):
        runs.attack(folder / "mixed", method=EOTPGD())


def test_pixels_of_images_that_are_hidden(tmp_path: Path) -> None:
    wanted = runs.TrainingSpec(
        noise="ablation(keep=24)", model="mlp", slice=":800",
        schedule=training.Schedule(epochs=6, batch=32, learning_rate=0.05),
    )  # fmt: skip
    runs.train(wanted, tmp_path / "model")
    runs.execute(runs.Spec(model=str(tmp_path / "model"), norms=("l0",), slice=":8", n=500), tmp_path / "run")
    method = FeatureSearch(copies=8, restarts=1, width=16)
    inside, outside = runs.attack(tmp_path / "run", [1.0, 12.0], method=method)
    assert inside.attacked > 0
    assert not inside.contradicts
    assert outside.broken > 0
