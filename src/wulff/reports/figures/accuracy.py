"""Figures of runs: certified accuracy, its bound, its relation to training, and to the noise of training."""

from collections.abc import Sequence
from pathlib import Path

from wulff._quoting import drawn
from wulff.errors import InputError
from wulff.norms import Adversary, heading, parse_adversaries, parse_adversary
from wulff.reports.curves import check_radii, curve, some_runs
from wulff.reports.envelopes import envelope
from wulff.reports.fairness import comparable
from wulff.reports.figures.style import accuracy_axes, check_figure_path, draw_steps, look, panels, save
from wulff.runs import Run, training_accuracy, training_noise


def plot_certified_accuracy(
    runs: Sequence[Run],
    path: str | Path,
    norms: Sequence[Adversary | str] | None = None,
    *,
    with_envelope: bool = False,
) -> Path:
    """Draw the certified accuracy of each run over the radius, one panel for each norm.

    The curves are the exact step functions; nothing is smoothed, and axes start at zero.

    Args:
        runs: Runs on the same data; where their inputs differ, the legend says how many each has.
        path: Where to write; .png, .pdf or .svg.
        norms: The panels; by default all that the first run has.
        with_envelope: Add the best run at each radius, labelled as chosen on the test set.

    Raises:
        InputError: The suffix is not one of these, or a run lacks radii against a norm.
    """
    path = check_figure_path(path)
    runs = some_runs(runs)
    against = parse_adversaries(runs[0].norms if norms is None else norms)
    if not against:
        raise InputError(f"{runs[0].folder} holds predictions without radii: there is no curve to draw.")
    counts = [
        "" if comparable(runs) else f", {len(run.records):,} of {run.expected:,} inputs" for run in runs
    ]
    figure, axes = panels(len(against))
    for one, norm in zip(axes, against, strict=True):
        for number, run in enumerate(runs):
            draw_steps(one, curve(run, norm), label=drawn(run.name + counts[number]), **look(number))
        if with_envelope:
            best = envelope(runs, norm)
            radii = sorted({0.0, *(r for c in best.curves for r in c.certified.tolist())})
            shares = [float(best.accuracy(r)) for r in radii]
            one.step(
                [*radii, radii[-1]],
                [*shares, 0],
                where="pre",
                label=drawn(best.name),
                color="black",
                lw=1,
                ls=(0, (1, 2)),
            )
        accuracy_axes(one, norm)
    return save(figure, axes, path)


def plot_confidence(
    runs: Sequence[Run], path: str | Path, norm: Adversary | str | None = None, confidence: float = 0.999
) -> Path:
    """Draw the share of certificates and the accuracy that is true with a stated probability.

    After Cohen et al. 2019, figure 14, with the exact binomial bound in place of Bernstein's.

    Args:
        runs: One panel each; they know their alpha.
        path: Where to write; .png, .pdf or .svg.
        norm: The adversary's norm; by default the first that the first run has.
        confidence: The probability with which the lower curve is true, at all radii at once.
    """
    path = check_figure_path(path)
    runs = some_runs(runs)
    norm = _norm(runs, norm)
    figure, axes = panels(len(runs))
    for one, run in zip(axes, runs, strict=True):
        line = curve(run, norm)
        draw_steps(one, line, label="share of certificates", **look(0))
        radii = [0.0, *line.certified.tolist()]
        bounds = [line.bound(r, confidence) for r in radii]
        known = [float(bound) for bound in bounds if bound is not None]
        if len(known) < len(bounds):
            raise InputError(f"the alpha of {run.name} is not known; import the log with --alpha.")
        label = f"true with probability {confidence:g}"
        one.step([*radii, radii[-1]], [*known, 0.0], where="pre", label=label, **look(1))
        accuracy_axes(one, norm)
        one.set_title(f"{drawn(run.name)}, {line.inputs:,} inputs, {_chance(run)}", fontsize="medium")
    return save(figure, axes, path)


def plot_training_accuracy(
    runs: Sequence[Run], path: str | Path, radii: Sequence[float], norm: Adversary | str | None = None
) -> Path:
    """Draw certified accuracy over the accuracy on training inputs under noise [Yang et al. 2020, C.6].

    Args:
        runs: Runs whose models were trained by wulff, or imported with their training accuracy.
        path: Where to write; .png, .pdf or .svg.
        radii: One panel each.
        norm: The adversary's norm; by default the first that the first run has.

    Raises:
        InputError: The training accuracy of a run is not known, or a radius is negative.
    """
    path = check_figure_path(path)
    runs = some_runs(runs)
    norm = _norm(runs, norm)
    radii = check_radii(radii)
    figure, axes = panels(len(radii))
    for one, radius in zip(axes, radii, strict=True):
        for number, run in enumerate(runs):
            colour = look(number)["color"]
            accuracy = float(curve(run, norm).accuracy(radius))
            one.scatter(
                [training_accuracy(run)],
                [accuracy],
                color=colour,
                marker="osD^v*X"[number % 7],
                label=drawn(run.name),
            )
        one.plot([0, 1], [0, 1], color="0.6", lw=0.8)
        one.set(xlabel="training accuracy under noise", xlim=(0, 1), ylim=(0, 1))
        one.set_ylabel(f"certified accuracy at {heading(norm)} {radius:g}")
    return save(figure, axes, path)


def plot_mismatch(runs: Sequence[Run], path: str | Path, norm: Adversary | str | None = None) -> Path:
    """Draw the certified accuracy of models smoothed with another noise than they were trained with.

    One panel for each noise of smoothing [Cohen et al. 2019, figure 15].

    Args:
        runs: Runs that know the noise of their training.
        path: Where to write; .png, .pdf or .svg.
        norm: The adversary's norm; by default the first that the first run has.

    Raises:
        InputError: A noise is not known, or every model was smoothed with the noise of its training.
    """
    path = check_figure_path(path)
    runs = some_runs(runs)
    norm = _norm(runs, norm)
    noises = [run.spec.noise for run in runs if run.spec.noise is not None]
    if len(noises) < len(runs):
        raise InputError("a run does not say its noise; import its log with --noise.")
    if all(run.spec.noise == training_noise(run) for run in runs):
        raise InputError(
            "every model was smoothed with the noise of its training; there is no mismatch to draw."
        )
    tests = list(dict.fromkeys(noises))
    trained = list(dict.fromkeys(training_noise(run) for run in runs))
    figure, axes = panels(len(tests))
    for one, noise in zip(axes, tests, strict=True):
        for run in runs:
            if run.spec.noise == noise:
                number = trained.index(training_noise(run))
                draw_steps(one, curve(run, norm), label=f"trained with {trained[number]}", **look(number))
        accuracy_axes(one, norm)
        one.set_title(f"smoothed with {noise}", fontsize="medium")
    return save(figure, axes, path)


def _norm(runs: Sequence[Run], norm: Adversary | str | None) -> Adversary:
    if not runs:
        raise InputError("a figure needs at least one run.")
    if norm is None and not runs[0].norms:
        raise InputError(f"{runs[0].folder} holds predictions without radii: there is no curve to draw.")
    return parse_adversary(norm if norm is not None else runs[0].norms[0])


def _chance(run: Run) -> str:
    return "exact" if run.alpha is None else f"alpha = {run.alpha:g}"
