"""Certificates from stored counts equal those that a run made itself, and subsets of votes are samples."""

from pathlib import Path

import numpy as np
import pytest

from tests.reports.test_bounds import ALPHA, counted_run, unanimous_radius
from wulff import runs
from wulff.errors import InputError
from wulff.training import Schedule


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    folder = tmp_path_factory.mktemp("recertify")
    spec = runs.TrainingSpec(noise="laplace(sigma=0.5)", schedule=Schedule(epochs=2))
    model = str(runs.train(spec, folder / "model"))
    certify = runs.Spec(model=model, slice=":12", norms=("l1", "l2"), n0=20, n=500)
    return runs.certify(certify, folder / "run")


def test_the_same_alpha_gives_the_same_records(run: runs.Run) -> None:
    assert runs.recertify(run).records == run.records


def test_other_norms_alphas_and_methods(run: runs.Run) -> None:
    small = runs.recertify(run, norms=["linf"], alpha=1e-6)
    assert small.norms == ["linf"]
    assert small.spec["alpha"] == 1e-6
    one = runs.recertify(run, alpha=1e-6)
    assert all(a <= b for a, b in zip(one.radii("l1"), run.radii("l1"), strict=True))
    assert (one.radii("l1") < run.radii("l1")).any()


def test_subset_of_votes_by_hand() -> None:
    smaller = runs.recertify(counted_run("x", [0, 100]), n=50)
    assert smaller.records[0].counts["estimation"] == {1: 50}
    assert smaller.records[0].radii["l1"].radius == pytest.approx(unanimous_radius(50, ALPHA), rel=1e-9)
    assert smaller.records[1].predict == -1
    assert smaller.spec["n"] == 50


def test_subset_of_votes_is_hypergeometric() -> None:
    # 400 inputs with 30 misses of 100; 20 of them have 6 on average, with variance 20·.3·.7·80/99.
    drawn = runs.recertify(counted_run("x", [30] * 400), n=20)
    misses = np.array([record.counts["estimation"].get(0, 0) for record in drawn.records])
    deviation = (20 * 0.3 * 0.7 * 80 / 99 / 400) ** 0.5
    assert abs(misses.mean() - 6) < 5 * deviation  # false alarms: 6e-7
    assert len(set(misses)) > 4
    assert drawn.records == runs.recertify(counted_run("x", [30] * 400), n=20).records


def test_refuses() -> None:
    whole = counted_run("x", [0])
    for n in (0, 101):
        with pytest.raises(InputError, match="n must"):
            runs.recertify(whole, n=n)
    imported = runs.Run(Path("log"), {"run": {"task": "import"}}, [])
    with pytest.raises(InputError, match="holds no counts"):
        runs.recertify(imported)
    with pytest.raises(InputError, match="does not say its noise"):
        runs.run_noise(imported)
    two_sided = runs.Run(Path("two"), {"run": {**whole.spec, "bound": "two-sided"}}, whole.records)
    with pytest.raises(InputError, match="two-sided"):
        runs.recertify(two_sided)
