"""A label that stays among the first k: certified, recertified, refused where all classes are among them."""

from pathlib import Path

import numpy as np
import pytest
import torch

import wulff
from tests.cli.conftest import call
from wulff import Smoothed, models, noises, runs
from wulff.certificates import top_k_radius
from wulff.errors import InputError
from wulff.stats import top_k_bounds

TERMS = {"n0": 100, "n": 2000, "alpha": 0.001, "progress": False}
X = torch.full((2, 1, 4, 4), 0.5)


def _sorted_by_first_pixels(x: torch.Tensor) -> torch.Tensor:
    """Four classes that compete: the largest of four pixels."""
    return x.flatten(1)[:, :4] + torch.tensor([0.5, 0.3, 0.0, -1.0])


def test_a_label_stays_longer_among_more() -> None:
    options = {"noise": "gaussian(sigma=0.5)", "norms": ["l2", "l1-box"], **TERMS}
    first = wulff.certify(_sorted_by_first_pixels, X, **options, top=1)
    run = wulff.certify(_sorted_by_first_pixels, X, **options, top=2)
    again = first.recertify(top=2)
    for norm in run.norms:
        assert (run.radii(norm) > first.radii(norm)).all()
        np.testing.assert_array_equal(again.radii(norm), run.radii(norm))
    assert "is one of the 2 in g(x')" in run.statement
    record = run.records[0]
    assert record.radii["l2"].method.endswith("-top-2")
    votes = np.array([[record.counts["estimation"].get(c, 0) for c in range(4)]])
    selection = np.array([[record.counts["selection"].get(c, 0) for c in range(4)]])
    error, rivals = top_k_bounds(votes, 2000, [record.predict], 2, 0.001, selection)
    noise = noises.parse("gaussian(sigma=0.5)")
    assert record.radii["l2"].radius == top_k_radius(noise, error, rivals, "l2", dim=16).radius[0]


@pytest.mark.parametrize("noise", ["uniform(sigma=0.5)", "laplace(sigma=0.5)", "exp-linf(sigma=0.5)"])
def test_every_kind_of_growth(noise: str) -> None:
    smoothed = Smoothed(_sorted_by_first_pixels, noise, 4)
    proof = smoothed.certify(X[:1], "l1", n0=100, n=2000, top=3)
    assert proof.radius[0] > smoothed.certify(X[:1], "l1", n0=100, n=2000).radius[0]


def test_open_draws_may_have_been_of_any_rival() -> None:
    votes, selection = np.array([[60, 30, 0]]), np.array([[60, 30, 10]])
    _, none = top_k_bounds(votes, 100, [0], 2, 0.01, selection)
    _, any_ = top_k_bounds(votes, 100, [0], 2, 0.01, selection, unknown_votes=True)
    assert (any_ > none).all()
    exact = Smoothed(_sorted_by_first_pixels, "uniform(scale=1)", 4, sampling="exact", levels=2)
    assert exact.certify(X[:1], "l1", n0=100, n=2000, top=2).radius[0] > 0


def test_recertified_on_the_command_line(tmp_path: Path) -> None:
    module = models.build("cnn", (1, 8, 8), 10, seed=0)
    description = models.Description("cnn", (1, 8, 8), 10, "gaussian(sigma=0.5)")
    models.weights.save(tmp_path / "weights.safetensors", module, description)
    certify = ["certify", "--model", str(tmp_path), "--slice", ":3", "--n0", "20", "--n", "200"]
    assert call(*certify, "--store", str(tmp_path / "one")).code == 0
    result = call("recertify", str(tmp_path / "one"), "--top", "5", "--store", str(tmp_path / "five"))
    assert result.code == 0, result
    assert runs.load(tmp_path / "five").spec.top == 5
    assert call(*certify, "--top", "5", "--store", str(tmp_path / "direct")).code == 0
    found = [runs.load(tmp_path / name) for name in ("one", "five", "direct")]
    assert (found[1].radii("l2") > found[0].radii("l2")).any()
    np.testing.assert_array_equal(found[1].radii("l2"), found[2].radii("l2"))
    table = call("report", str(tmp_path / "five"))
    assert "among the 5 first" in table.out + table.err
    for command in (
        ["recertify", str(tmp_path / "one"), "--top", "10"],
        [*certify, "--top", "10", "--store", str(tmp_path / "none")],
        [*certify, "--top", "5", "--bound", "two-sided", "--store", str(tmp_path / "none")],
        [*certify, "--top", "0", "--store", str(tmp_path / "none")],
    ):
        refused = call(*command)
        assert refused.code == 2, command
        assert refused.err.count("\n") == 1
        assert "top" in refused.err
    assert not (tmp_path / "none").exists()


def test_the_checker_does_not_call_it_false(tmp_path: Path) -> None:
    pytest.importorskip("flint")
    from wulff.verify import verify_run

    run = wulff.certify(_sorted_by_first_pixels, X, noise="gaussian(scale=0.5)", top=2, **TERMS)
    run.save(tmp_path / "run")
    assert {finding.verdict for finding in verify_run(tmp_path / "run")} <= {"proven", "not covered"}


def test_all_classes_in_python() -> None:
    with pytest.raises(InputError, match="top must be less than the number of classes, which is 4, got 4"):
        wulff.certify(_sorted_by_first_pixels, X, noise="gaussian(sigma=1)", top=4, **TERMS)
