"""Ablation from training to the table: copies with hidden coordinates, radii that count coordinates."""

from pathlib import Path

import pytest
import torch

import wulff
from wulff import reports, training
from wulff.errors import InputError
from wulff.noises import Ablation


def seen_majority(x: torch.Tensor) -> torch.Tensor:
    """Whether most of the seen bits are 1, from doubled channels."""
    ones, zeros = x.chunk(2, dim=1)
    return (ones.flatten(1).sum(dim=1) >= zeros.flatten(1).sum(dim=1)).long()


def bits(rows: int) -> tuple[torch.Tensor, list[int]]:
    x = (torch.rand(rows, 1, 6, 6, generator=torch.Generator().manual_seed(5)) < 0.9).float()
    x[::2] = 1 - x[::2]
    return x, [int(row % 2) for row in range(rows)]


def test_a_run_counts_coordinates(tmp_path: Path) -> None:
    x, y = bits(8)
    run = wulff.certify(
        seen_majority, x, y, noise="ablation(keep=3)", norms=["l0"], num_classes=2, n=2_000,
        store=tmp_path / "run", progress=False,
    )  # fmt: skip
    radii = run.radii("l0")
    assert (radii == radii.astype(int)).all()
    assert radii.max() >= 3
    assert run.accuracy("l0", 3) > 0
    assert "copies of x in which all numbers but 3, drawn uniformly, are hidden" in run.statement
    assert "In l0 the radius is the largest number of coordinates that x' may differ in." in run.statement
    table = reports.certified_accuracy([run])
    assert all(radius == int(radius) for radius in table.radii)
    looser = run.recertify(alpha=0.05).radii("l0")
    assert (looser >= radii).all()
    verify = pytest.importorskip("wulff.verify")
    assert {finding.verdict for finding in verify.verify_run(tmp_path / "run")} == {"proven"}
    with pytest.raises(wulff.errors.NotCoveredError, match="there is one against l0"):
        run.recertify(norms=["l2"])


def test_no_change_of_that_many_coordinates_breaks_it() -> None:
    """The greedy change for this classifier: coordinates against the label, one after the other."""
    x, _ = bits(6)
    smoothed = wulff.Smoothed(seen_majority, "ablation(keep=3)", 2)
    proof = smoothed.certify(x, "l0", n0=100, n=2_000, seed=1)
    for label, radius, one in zip(proof.label.tolist(), proof.radius.tolist(), x, strict=True):
        if label < 0 or radius == 0:
            continue
        worst = one.flatten().clone()
        places = (worst == label).nonzero().flatten()[: int(radius)]
        worst[places] = 1 - worst[places]
        assert smoothed.predict(worst.view(1, 1, 6, 6), n=2_000, seed=2).item() == label


def test_training_sees_what_certification_shows() -> None:
    x, y = bits(64)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(72, 2))
    noise = Ablation(keep=6)
    schedule = training.Schedule(epochs=10, batch=16, learning_rate=0.3)
    *_, last = training.train(model, x, torch.tensor(y), noise, schedule=schedule)
    assert last.noisy_accuracy > 0.8
    proof = wulff.Smoothed(model, noise, 2).certify(x[:8], "l0", n=1_000)
    assert proof.accuracy(y[:8], 1) > 0.5
    with pytest.raises(InputError, match="is defined for noise that is added, not for ablation"):
        training.Training(model, noise, training.SmoothAdv())


def test_a_model_for_other_inputs_is_refused() -> None:
    x, y = bits(2)
    plain = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 2))
    with pytest.raises(InputError):
        wulff.certify(plain, x, y, noise="ablation(keep=3)", norms=["l0"], n=100, progress=False)


def test_tables_take_a_value_for_what_is_hidden() -> None:
    rows = torch.tensor([[40.0, 7.0, 0.0, 1.0], [-3.0, 7.0, 0.0, 1.0]])
    run = wulff.certify(
        lambda x: (x[:, 0] > 0).long(), rows, [1, 0], noise="ablation(keep_probability=0.7, null=-99)",
        norms=["l0"], num_classes=2, n=1_000, progress=False,
    )  # fmt: skip
    assert run.accuracy("l0", 0) >= 0.5
    assert "replaced by -99" in wulff.noises.parse(run.spec.noise).in_words  # type: ignore[union-attr]
