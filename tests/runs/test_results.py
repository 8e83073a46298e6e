"""What a run, a certification, radii and a table can be asked for, and how they look."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import wulff
from tests.runs.test_in_python import NOISE, TERMS, Net, X, Y
from wulff import reports, runs
from wulff.errors import InputError
from wulff.stats import ABSTAIN, error_upper_bound

LONG = torch.rand(100, 1, 4, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def run() -> runs.Run:
    return wulff.certify(Net(), X, Y, norms=["l2", "l1-box"], **TERMS)


@pytest.fixture(scope="module")
def unlabelled() -> runs.Run:
    return wulff.certify(Net(), X, **TERMS)


def test_accuracy_counts_right_labels_with_large_enough_radii(run: runs.Run) -> None:
    for norm in run.norms:
        radii = run.radii(norm)
        middle = float(np.median(radii))
        expected = [np.mean((run.predictions == Y.numpy()) & (radii >= at)) for at in (0.0, middle)]
        np.testing.assert_array_equal(run.accuracy(norm, [0.0, middle]), expected)
        assert float(run.accuracy(norm, middle)) == expected[1]
    assert 0 < float(run.accuracy("l2", 0)) < 1  # some abstain
    with pytest.raises(InputError, match="no radii against linf"):
        run.accuracy("linf", [0])
    with pytest.raises(InputError, match="radii must"):
        run.accuracy("l2", [-1])


def test_no_accuracy_without_labels(unlabelled: runs.Run, run: runs.Run) -> None:
    with pytest.raises(InputError, match="no true labels, so that it has no accuracy"):
        unlabelled.accuracy("l2", [0])
    table = reports.certified_accuracy([unlabelled], [0.0])
    assert float(table.cells[0][0]) == np.mean(unlabelled.predictions != ABSTAIN)
    assert any("not known: every certified label counts" in note for note in table.notes)
    with pytest.raises(InputError, match="report them separately"):
        reports.certified_accuracy([run, unlabelled], norm="l2")


def test_frames(run: runs.Run, unlabelled: runs.Run) -> None:
    frame = run.to_pandas()
    assert list(frame.columns)[:6] == ["input", "label", "predict", "correct", "n", "error"]
    np.testing.assert_array_equal(frame["radius_l1-box"], run.radii("l1-box"))
    np.testing.assert_array_equal(frame["correct"], run.predictions == Y.numpy())
    assert not {"label", "correct"} & set(unlabelled.to_pandas().columns)


def test_recertified_in_memory(run: runs.Run, tmp_path: Path) -> None:
    other = run.recertify(norms=["linf"], alpha=0.01)
    assert other.norms == ["linf"]
    saved = run.save(tmp_path / "run")
    assert saved.stored
    assert saved.records[:] == run.records[:]
    again = runs.recertify(tmp_path / "run", norms=["linf"], alpha=0.01)
    np.testing.assert_array_equal(other.radii("linf"), again.radii("linf"))
    misses = [300 - record.counts["estimation"].get(record.predict, 0) for record in run.records]
    certain = other.predictions >= 0
    bounds = error_upper_bound(np.array(misses), 300, 0.01)
    np.testing.assert_array_equal([r.error for r in other.records if r.predict >= 0], bounds[certain])


def test_pages_figures_and_comparisons(run: runs.Run, unlabelled: runs.Run, tmp_path: Path) -> None:
    for one, name in ((run, "a"), (unlabelled, "b")):
        page = one.report(tmp_path / f"{name}.html").read_text()
        assert "data:image/png" in page  # the inputs are at hand, and shown
        assert one.plot(tmp_path / f"{name}.png").stat().st_size > 1000
    assert "every certified label counts" in page
    assert "<td>not known</td>" in page
    assert '"label":null' in page
    laplace = wulff.certify(Net(), X, Y, norms=["l1-box"], **{**TERMS, "noise": "laplace(sigma=0.25)"})
    comparison = run.compare(laplace, norm="l1-box")
    assert comparison.inputs == len(X)
    with pytest.raises(InputError, match="are on different inputs"):
        run.compare(wulff.certify(Net(), X[:6], Y[:6], **TERMS))
    same = unlabelled.compare(unlabelled, radii=[0.0])
    assert same.rows[0].first == (unlabelled.predictions >= 0).sum()


def test_an_unidentified_classifier_is_said_to_be_one(tmp_path: Path) -> None:
    one = wulff.certify(lambda batch: Net().eval()(batch), X, Y, **TERMS)
    assert "is not identified" in one.report(tmp_path / "page.html").read_text()
    assert "not identified" in repr(one)


def test_all_fit_in_ten_lines(run: runs.Run) -> None:
    long = wulff.certify(Net(), LONG, **TERMS)
    proof = wulff.Smoothed(Net(), NOISE, 2).certify(LONG, n0=20, n=300)
    radii = wulff.certified_radius(NOISE, np.linspace(0.01, 0.4, 100), "l2", dim=16)
    tables = [reports.certified_accuracy([run] * k, norm="l2") for k in (1, 30)]
    for result in (run, long, runs.Run(Path("new"), long.spec, []), proof, radii, proof[:0], *tables):
        assert len(repr(result).splitlines()) <= 10
        assert len(repr(result)) < 2000
        assert "<" in result._repr_html_()
    assert "<svg" in run._repr_html_()


def test_a_name_runs_nothing_in_a_notebook(run: runs.Run, tmp_path: Path) -> None:
    assert "<script" not in run.save(tmp_path / "<script>x")._repr_html_()


def test_length_and_places(run: runs.Run) -> None:
    assert len(run) == len(X) == len(list(run))
    assert run[3] == run.records[3]
    assert [record.index for record in run[2:4]] == [2, 3]
    assert runs.Run(Path("new"), run.spec, [])  # a run without records is no False


def test_some_of_a_certification(run: runs.Run) -> None:
    proof = wulff.Smoothed(Net(), NOISE, 2).certify(
        X, n0=20, n=300, estimator="randomized-clopper-pearson", index=range(5, 17)
    )
    chosen: Any
    for chosen in (3, slice(2, 7), proof.label == 1):
        some = proof[chosen]
        np.testing.assert_array_equal(some.radius, np.atleast_1d(proof.radius[chosen]))
        other = np.atleast_1d(proof.against("l1").radius[chosen])
        np.testing.assert_array_equal(some.against("l1").radius, other)
    assert len(proof[-1]) == 1
    right = (proof.label == Y.numpy()) & (proof.radius >= 0.1)
    assert float(proof.accuracy(Y, 0.1)) == right.mean()
    assert list(proof.to_pandas()["radius"]) == proof.radius.tolist()
    with pytest.raises(InputError, match="labels must hold a number for each of 12 inputs"):
        proof.accuracy([1])
    radii = wulff.certified_radius(NOISE, [0.1, 0.2, 0.3], "l2", dim=16)
    assert radii[1:].radius.tolist() == radii.radius[1:].tolist()
    assert len(radii.to_pandas()) == len(radii) == 3
