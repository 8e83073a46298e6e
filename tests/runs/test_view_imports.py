"""Published results of splitting, all of whose views were counted, as runs."""

import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import call
from wulff import reports, runs
from wulff.errors import InputError

NOISE = "splitting(sigma=0.5)"  # 441 views
SLACKS = np.array([220, 79, 0, 70, 51])


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """An excerpt in the form of the published folders."""
    folder = tmp_path / "published"
    folder.mkdir()
    arrays = {
        "labels": np.array([3.0, 1.0, 1.0, 2.0, 0.0]),
        "predicted_labels": np.array([3.0, 0.0, 1.0, 2.0, 0.0]),
        "radius_l1": (SLACKS.astype(np.float32) / np.float32(255)).astype(np.float64),
        "time_per": np.array(0.06),
    }
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    return folder


def test_radii_are_whole_numbers_of_views(published: Path, tmp_path: Path) -> None:
    run = runs.import_log(published, tmp_path / "run", noise=NOISE)
    assert run.norms == ["l1"]
    radii = run.radii("l1")
    for radius, slack in zip(radii.tolist(), SLACKS.tolist(), strict=True):
        assert Fraction(radius) <= Fraction(slack, 255) < Fraction(np.nextafter(radius, 1))
    assert run.accuracy("l1", [0, 0.2, 0.5]).tolist() == [0.8, 0.4, 0.2]
    assert run.is_exact
    assert run.alpha is None
    table = reports.certified_accuracy([run])
    assert any("are for inputs in multiples of 1/255" in note for note in table.notes)
    page = reports.write_page([run], tmp_path / "page.html").read_text()
    assert "taken on trust" in page
    assert "no alpha" in page


def test_negative_radii_are_0_with_a_note(published: Path, tmp_path: Path) -> None:
    radii = np.load(published / "radius_l1.npy")
    radii[1] = -3 / 255
    np.save(published / "radius_l1.npy", radii)
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # the command line prints it
        found = call("import", str(published), "--noise", NOISE, "--store", str(tmp_path / "run"))
    assert found.code == 0, found
    assert "are negative, first of row 1: they are 0 in the run" in found.err
    assert runs.load(tmp_path / "run").radii("l1")[1] == 0


def test_exact_counts(published: Path, tmp_path: Path) -> None:
    """The reference counts, in a folder with counts by class."""
    votes = np.array([[441, 0, 0], [300, 141, 0], [220, 221, 0], [100, 100, 241], [0, 0, 0]])
    np.save(published / "counts.npy", votes)
    np.save(published / "labels.npy", np.array([0, 0, 1, 2, 2]))
    run = runs.import_log(published, tmp_path / "run", noise=NOISE, norm="l1")
    assert run.predictions.tolist() == [0, 0, 1, 2, -1]
    assert (run.radii("l1") * 255).round().astype(int).tolist() == [220, 79, 0, 70, 0]


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"radius_l1": np.full(5, 0.3)}, {}, "multiples of 1/255"),
        ({"radius_l1": np.full(5, 221 / 255)}, {}, "at most those of 220"),
        ({"predicted_labels": np.full(5, 0.5)}, {}, "whole numbers"),
        ({"predicted_labels": np.zeros(4)}, {}, "4 predicted_labels"),
        ({"counts": np.full((5, 3), 200)}, {}, "add up to 441"),
        ({}, {"norm": "l2"}, "leave the norm out"),
        ({}, {"n": 100}, "no n and no alpha"),
        ({}, {"noise": "bands(width=3)"}, "are of splitting"),
    ],
)
def test_what_does_not_fit_is_refused(published: Path, tmp_path: Path, changes, options, said: str) -> None:
    for name, values in changes.items():
        np.save(published / f"{name}.npy", values)
    with pytest.raises(InputError, match=said):
        runs.import_log(published, tmp_path / "run", **{"noise": NOISE, **options})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "sigma", "accuracies", "average"),
    [
        ("cifar_split_derandomized_0.5", 0.5, [0.838, 0.719, 0], 0.617),
        ("cifar_split_derandomized_2.0_stabilized", 2.0, [0.625, 0.594, 0.565, 0.531, 0.489], 1.711),
    ],
)
def test_published_numbers(
    published_data: Path, tmp_path: Path, name: str, sigma: float, accuracies: list[float], average: float
) -> None:
    folder = published_data / "splitting_logs" / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    run = runs.import_log(folder, tmp_path / "run", noise=f"splitting(sigma={sigma})")
    found = run.accuracy("l1", [0.5 * i for i in range(len(accuracies))])
    np.testing.assert_allclose(found, accuracies, atol=6e-4)
    assert reports.curve(run, "l1").average_certified_radius == pytest.approx(average, abs=6e-4)
