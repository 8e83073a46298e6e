"""Other terms for the votes of a run in memory, against numbers worked out by hand."""

from pathlib import Path

import pytest

from tests.reports.test_bounds import ALPHA, counted_run, unanimous_radius
from wulff import runs
from wulff.errors import InputError


def test_subset_of_votes_by_hand() -> None:
    smaller = runs.on_other_terms(counted_run("x", [0, 100]), n=50)
    assert smaller.records[0].counts["estimation"] == {1: 50}
    assert smaller.records[0].radii["l1"].radius == pytest.approx(unanimous_radius(50, ALPHA), rel=1e-9)
    assert smaller.records[1].predict == -1
    assert smaller.spec.n == 50


def test_smaller_alphas_by_hand() -> None:
    run = counted_run("x", [0])
    assert run.records[0].radii["l1"].radius == pytest.approx(unanimous_radius(100, ALPHA), rel=1e-9)
    half = runs.on_other_terms(run, alpha=ALPHA / 2)
    assert half.records[0].radii["l1"].radius == pytest.approx(unanimous_radius(100, ALPHA / 2), rel=1e-9)
    assert half.spec.alpha == ALPHA / 2
    assert run.spec.alpha == ALPHA


def test_runs_without_counts_are_refused() -> None:
    with pytest.raises(InputError, match="a published log has radii but no counts"):
        runs.on_other_terms(runs.Run(Path("log"), runs.ImportedSpec(), []))
