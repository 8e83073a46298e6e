"""Figures: each is drawn or refused for a reason, and inferred votes give the radii they came from."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.reports.test_bounds import counted_run
from tests.reports.test_tables import make_run
from wulff import datasets, noises, reports, runs
from wulff.errors import InputError
from wulff.reports.figures.style import COLOURS, LINES, look
from wulff.stats import error_upper_bound

N = 100_000


def published_run(tmp_path: Path, name: str = "log", **options: object) -> runs.Run:
    """A log with the three-digit radii of gaussian(sigma=.5) at n = 100,000 and alpha = .001."""
    rows = ["idx\tlabel\tpredict\tradius\tcorrect\ttime", "0\t3\t-1\t0.0\t0\t1.0"]
    for index, misses in enumerate([0, 1, 50, 2_000, 20_000, 49_000], start=1):
        error = float(error_upper_bound(misses, N, 0.001))
        radius = float(noises_radius(error))
        rows.append(f"{index}\t3\t3\t{radius:.3}\t1\t1.0")
    file = tmp_path / f"{name}.tsv"
    file.write_text("\n".join(rows) + "\n")
    given = {"noise": "gaussian(sigma=0.5)", "n": N, "alpha": 0.001} | options
    return runs.import_log(file, tmp_path / name, **given)  # type: ignore[arg-type]


def noises_radius(error: float) -> np.ndarray:
    from wulff import certified_radius

    return certified_radius("gaussian(sigma=0.5)", error, "l2", 1).radius


def test_inferred_votes_give_the_published_radii(tmp_path: Path) -> None:
    run = published_run(tmp_path)
    inferred = runs.on_other_terms(runs.reconstruct(run))
    assert inferred.predictions.tolist() == run.predictions.tolist()
    # The radius that rounds to the printed one is found again: to half a unit of the third digit.
    found, printed = inferred.radii("l2"), run.radii("l2", as_published=True)
    assert found == pytest.approx(printed, rel=0.005, abs=1e-5)
    misses = [record.counts["estimation"].get(4, 0) for record in inferred.records[1:]]
    assert misses[:2] == [0, 1]
    assert misses[2:] == pytest.approx([50, 2_000, 20_000, 49_000], rel=0.06)


def test_projection_keeps_shares_and_rounds_misses_up() -> None:
    run = counted_run("x", [33])
    assert runs.project(run, 1000).records[0].counts["estimation"] == {1: 670, 0: 330}
    assert runs.project(run, 10).records[0].counts["estimation"] == {1: 6, 0: 3}


def test_votes_are_not_inferred_without_what_it_takes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="import its l2 log with --noise, --n and --alpha"):
        runs.reconstruct(make_run("a", [(1, 1, 0.5)]))
    with pytest.raises(InputError, match="gaussian noise only"):
        runs.reconstruct(published_run(tmp_path, noise="laplace(sigma=0.5)"))


def test_every_figure_from_one_call(tmp_path: Path) -> None:
    matched = published_run(tmp_path, "matched", training_noise="gaussian(sigma=0.5)")
    other = published_run(tmp_path, "other", training_noise="gaussian(sigma=0.25)")
    matched, other = (
        dataclasses.replace(run, spec=dataclasses.replace(run.spec, training_accuracy=0.8))  # type: ignore[call-arg]
        for run in (matched, other)
    )
    done, missing = reports.write_figures([matched, other], tmp_path / "figures")
    assert missing == []
    names = {path.stem for path in done}
    assert names == {
        "certified-accuracy", "high-probability", "training-accuracy", "mismatch", "samples", "alpha",
        "bounds", "radius", "images",
    }  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in done)
    captions = (tmp_path / "figures" / "captions.md").read_text()
    assert all(f"`{name}.png`" in captions for name in names)


def test_figures_that_cannot_be_drawn_say_why(tmp_path: Path) -> None:
    run = make_run("a", [(1, 1, 0.5), (2, 1, 0.1)])
    done, missing = reports.write_figures([run], tmp_path, suffix=".svg")
    assert {path.name for path in done} == {"certified-accuracy.svg", "radius.svg", "images.svg"}
    text = " ".join(missing)
    assert "alpha of a is not known" in text
    assert "training accuracy of the model of a is not known" in text
    assert "does not say its noise" in text
    with pytest.raises(InputError, match="at least one run with radii"):
        reports.write_figures([], tmp_path)
    with pytest.raises(InputError, match=r"suffix must be one of \.png"):
        reports.write_figures([run], tmp_path, suffix=".gif")


def test_steps_are_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    drawn: list[tuple[list[float], list[float], object]] = []
    step = Axes.step

    def spy(self: Axes, x: list[float], y: list[float], **how: object) -> object:
        drawn.append((list(x), list(y), how["where"]))
        return step(self, x, y, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Axes, "step", spy)
    run = make_run("a", [(3, 3, 0.5), (1, 1, 0.25), (2, 7, 0.9), (4, -1, 0.0)])
    reports.plot_certified_accuracy([run], tmp_path / "a.svg")
    # Two of four up to .25, one up to .5, none beyond; drawn with the value to the left of each step.
    assert drawn == [([0.0, 0.25, 0.5, 0.5], [0.5, 0.5, 0.25, 0.0], "pre")]


def test_lines_differ_in_colour_and_dashes() -> None:
    looks = [(look(i)["color"], look(i)["linestyle"]) for i in range(len(COLOURS) * len(LINES))]
    assert len(set(looks)) == len(looks)


def test_images(tmp_path: Path) -> None:
    digits = datasets.load("digits")
    path = reports.plot_images(digits, tmp_path / "i.png", ["laplace", "exp-l2(j=0, k=1)"], [0, 0.5], [0, 3])
    assert path.stat().st_size > 1000
    with pytest.raises(InputError, match="inputs must lie between 0 and 449"):
        reports.plot_images(digits, tmp_path / "j.png", ["laplace"], [0.5], [450])
    flat = datasets.Dataset("flat", digits.images.flatten(1), digits.labels, 10)
    with pytest.raises(InputError, match="are not images"):
        reports.plot_images(flat, tmp_path / "j.png", ["laplace"], [0.5])
    for shape in ("laplace(sigma=1)", "laplace(scale=1)", "no noise", "laplace("):
        with pytest.raises(InputError, match="cannot give"):
            noises.with_sigma(shape, 0.5)
    assert noises.with_sigma("exp-l2(j=0, k=1)", 0.5) == noises.parse("exp-l2(j=0, k=1, sigma=0.5)")
