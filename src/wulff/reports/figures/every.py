"""Every figure that a set of runs allows, with its caption, in one folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

from wulff import _files, datasets, noises
from wulff._checks import file_path, one_of
from wulff._quoting import markdown
from wulff.errors import InputError, NotCoveredError
from wulff.norms import Adversary, parse_adversary
from wulff.reports.curves import check_runs, curve, default_radii
from wulff.reports.figures.accuracy import (
    plot_certified_accuracy,
    plot_confidence,
    plot_mismatch,
    plot_training_accuracy,
)
from wulff.reports.figures.images import plot_images
from wulff.reports.figures.radii import plot_radii
from wulff.reports.figures.style import SUFFIXES
from wulff.reports.figures.what_if import plot_alphas, plot_bounds, plot_samples
from wulff.runs import Run
from wulff.runs.run_inputs import known_training_noise

CAPTIONS = "captions.md"
SIGMAS = (0.0, 0.12, 0.25, 0.5, 1.0)
SHAPES = ("gaussian", "laplace", "uniform")
DIMENSION = 3072


def write_figures(
    runs: Sequence[Run], folder: str | Path, norm: Adversary | str | None = None, suffix: str = ".png"
) -> tuple[list[Path], list[str]]:
    """Draw every figure that the runs allow, and captions.md, which says what each shows and guarantees.

    Runs are drawn together where they are on the same inputs.

    Args:
        runs: Certifications or imported logs.
        folder: Where to write; made where it does not exist.
        norm: The adversary's norm; by default the first that the first run has.
        suffix: .png, .pdf or .svg.

    Returns:
        The files, and a sentence for each figure that could not be drawn.
    """
    one_of("suffix", suffix, SUFFIXES)
    with_radii = [run for run in check_runs(runs) if run.norms and run.records]
    if not with_radii:
        raise InputError("figures need at least one run with radii.")
    target = parse_adversary(with_radii[0].norms[0] if norm is None else norm)
    having = [run for run in with_radii if str(target) in run.norms]
    folder = file_path("folder", folder)
    folder.mkdir(parents=True, exist_ok=True)
    done: list[Path] = []
    captions: list[str] = []
    missing: list[str] = []

    def draw(name: str, caption: str, plot: Callable[[Path], Path]) -> None:
        try:
            done.append(plot(folder / f"{name}{suffix}"))
            captions.append(f"- `{name}{suffix}`: {caption}")
        except (InputError, NotCoveredError) as error:
            missing.append(f"{name} is not drawn: {error}")

    for number, group in enumerate(_groups(having)):
        mark = f"-{number + 1}" if number else ""
        names = ", ".join(markdown(run.name) for run in group)
        matched, mismatched = _by_match(group)
        alike = len(matched) > 1 and len({len(run.records) for run in matched}) == 1
        draw(
            f"certified-accuracy{mark}",
            f"Certified accuracy against {target} of {names}: the share of inputs that are correct with a "
            "certificate of at least this radius. Each certificate is false with probability at most alpha."
            + (" The envelope is chosen on the test set." if alike else ""),
            lambda path, runs=matched, alike=alike: plot_certified_accuracy(
                runs, path, [target], with_envelope=alike
            ),
        )
        draw(
            f"high-probability{mark}",
            "The same share, and the certified accuracy that is true with probability 0.999 at all radii at "
            "once, by the binomial distribution of false certificates.",
            lambda path, run=matched[0]: plot_confidence([run], path, target),
        )
        draw(
            f"training-accuracy{mark}",
            "Certified accuracy over the accuracy on training inputs under noise, by model.",
            lambda path, runs=matched: plot_training_accuracy(runs, path, _two_radii(runs, target), target),
        )
        draw(
            f"mismatch{mark}",
            "Certified accuracy of models that are smoothed with another noise than they were trained with.",
            lambda path, runs=mismatched: plot_mismatch(runs, path, target),
        )
        first = matched[0]
        votes = "from its votes, or from votes inferred or projected, which certify nothing and are named so."
        draw(
            f"samples{mark}",
            f"{markdown(first.name)} with other n, {votes}",
            lambda path, run=first: plot_samples(run, path, None, str(target)),
        )
        draw(
            f"alpha{mark}",
            f"{markdown(first.name)} with other alpha, {votes}",
            lambda path, run=first: plot_alphas(run, path, norm=str(target)),
        )
        gaussian = next((r for r in group if isinstance(r.noise, noises.Gaussian)), matched[0])
        draw(
            f"bounds{mark}",
            f"{markdown(gaussian.name)} by the tight l2 radius of Gaussian noise and by two older bounds.",
            lambda path, run=gaussian: plot_bounds(run, path),
        )
    draw(
        "radius",
        f"The certified {target} radius over a lower bound on the label's probability, at equal sigma, in "
        f"{DIMENSION:,} dimensions.",
        lambda path: plot_radii(_kinds(having), path, str(target), DIMENSION),
    )
    draw(
        "images",
        "Inputs under noise by kind and size, clipped to [0, 1] for display.",
        lambda path: plot_images(datasets.load(_dataset(having)), path, SHAPES, SIGMAS, (0, 1)),
    )
    _files.write(folder / CAPTIONS, "\n".join(captions) + "\n")
    return done, missing


def _groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs on the same inputs, or on some of the same, in the order of their appearance."""
    groups: list[tuple[set[tuple[int, int]], list[Run]]] = []
    for run in runs:
        inputs = set(zip(run.columns.index.tolist(), run.labels.tolist(), strict=True))
        for known, group in groups:
            if inputs <= known or known <= inputs:
                known |= inputs
                group.append(run)
                break
        else:
            groups.append((inputs, [run]))
    return [group for _, group in groups]


def _by_match(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Runs smoothed with the noise of their training (or all), and those at a noise that some others had."""
    own = [known_training_noise(run) in (None, run.spec.noise) for run in runs]
    matched = [run for run, so in zip(runs, own, strict=True) if so] or list(runs)
    strange = {run.spec.noise for run, so in zip(runs, own, strict=True) if not so}
    mismatched = [run for run in runs if run.spec.noise in strange]
    return matched, mismatched or matched


def _two_radii(runs: Sequence[Run], norm: Adversary) -> list[float]:
    radii = default_radii([curve(run, norm) for run in runs])
    return [0.0, radii[len(radii) // 3]] if len(radii) > 2 else radii[:1]


def _kinds(runs: Sequence[Run]) -> list[noises.Noise]:
    """One noise of each kind that a run has, and the usual ones."""
    kinds = {shape: noises.with_sigma(shape, 1.0) for shape in SHAPES}
    for run in runs:
        if run.views is None and run.spec.noise is not None:
            law = noises.parse(run.spec.noise)
            if law.dim in (None, DIMENSION):
                kinds.setdefault(law.name, law)
    return list(kinds.values())


def _dataset(runs: Sequence[Run]) -> str:
    return next((run.spec.dataset for run in runs if run.spec.dataset is not None), "digits")
