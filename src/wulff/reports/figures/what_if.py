"""Figures of other choices for the same votes: n, alpha, and the bound [Cohen et al. 2019, figure 8]."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wulff._quoting import drawn
from wulff.certificates import certified_radius
from wulff.errors import InputError
from wulff.noises import Gaussian
from wulff.norms import Norm, Threat, parse_threat
from wulff.reports.curves import curve
from wulff.reports.figures.style import accuracy_axes, check_figure_path, draw_steps, look, panels, save
from wulff.runs import CertifiedRadius, Run, has_counts, on_other_terms, project, reconstruct

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALPHAS = (0.1, 0.01, 1e-3, 1e-4, 1e-5)
"""The error probabilities that `plot_alphas` compares by default."""
BOUNDS = {
    "lecuyer-2019": "Lecuyer et al. 2019",
    "li-2019": "Li et al. 2019",
    None: "Cohen et al. 2019, tight",
}


def plot_samples(
    run: Run, path: str | Path, sizes: Sequence[int] | None = None, norm: Threat | str | None = None
) -> Path:
    """Draw the effect of n: certificates from random subsets of the stored votes.

    Sizes above the stored n are projections, as if more votes fell in the same shares; they are drawn
    thinner and named so, since nothing is certified by them.

    Args:
        run: A certification with a fixed n, or an imported log whose votes can be inferred.
        path: Where to write; .png, .pdf or .svg.
        sizes: Sample sizes; powers of ten around the run's own by default.
        norm: The adversary's norm; by default the first that the run has.

    Raises:
        InputError: The run has no counts.
    """
    path = check_figure_path(path)
    votes, inferred = _votes(run)
    target = parse_threat(votes.norms[0] if norm is None else norm)
    stored = votes.terms.n
    figure, (axes,) = panels()
    default = [stored // 100, stored // 10, stored, stored * 10]
    for number, n in enumerate(sorted(sizes or [size for size in default if size >= 10])):
        projected = n > stored
        other = project(votes, n) if projected else votes
        line = curve(on_other_terms(other, norms=[target], n=n), target)
        label = f"n = {n:,}" + (" (projected)" if projected else "")
        draw_steps(axes, line, label=label, lw=1 if projected else 1.8, **look(number))
    return _finish(figure, axes, path, run, target, inferred, f"alpha = {votes.alpha:g}")


def plot_alphas(
    run: Run, path: str | Path, alphas: Sequence[float] = ALPHAS, norm: Threat | str | None = None
) -> Path:
    """Draw the effect of alpha on the certificates from the stored votes; see `plot_samples`."""
    path = check_figure_path(path)
    votes, inferred = _votes(run)
    target = parse_threat(votes.norms[0] if norm is None else norm)
    figure, (axes,) = panels()
    for number, alpha in enumerate(alphas):
        line = curve(on_other_terms(votes, norms=[target], alpha=alpha), target)
        draw_steps(axes, line, label=f"alpha = {alpha:g}", **look(number))
    return _finish(figure, axes, path, run, target, inferred, f"n = {votes.terms.n:,}")


def plot_bounds(run: Run, path: str | Path) -> Path:
    """Draw the certified accuracy by the tight l2 radius of Gaussian noise and by two that came before.

    Raises:
        InputError: The run has no counts, or its noise is not Gaussian.
    """
    path = check_figure_path(path)
    votes, inferred = _votes(run)
    if not isinstance(votes.noise, Gaussian):
        raise InputError(f"the earlier bounds are about gaussian noise, not about {votes.noise}.")
    figure, (axes,) = panels()
    for number, (method, name) in enumerate(BOUNDS.items()):
        line = curve(_by_method(votes, method), Norm.L2)
        draw_steps(axes, line, label=name, **look(number))
    return _finish(figure, axes, path, run, Norm.L2, inferred, f"n = {votes.terms.n:,}")


def _by_method(run: Run, method: str | None) -> Run:
    """The run with the l2 radii that one theorem gives for its errors."""
    tight = on_other_terms(run, norms=[Norm.L2])
    errors = np.array([record.error for record in tight.records])
    radii = certified_radius(run.terms.noise, errors, Norm.L2, method=method).radius.tolist()
    records = [
        dataclasses.replace(record, radii={"l2": CertifiedRadius(radius, method or "tight", method is None)})
        for record, radius in zip(tight.records, radii, strict=True)
    ]
    return dataclasses.replace(tight, records=records)


def _votes(run: Run) -> tuple[Run, bool]:
    """The run with counts, and whether they were inferred from published radii."""
    return (run, False) if has_counts(run) else (reconstruct(run), True)


def _finish(
    figure: "Figure", axes: "Axes", path: Path, run: Run, norm: Threat, inferred: bool, fixed: str
) -> Path:
    accuracy_axes(axes, norm)
    source = "votes inferred from published radii" if inferred else "from stored votes"
    axes.set_title(f"{drawn(run.name)}, {fixed}\n{source}", fontsize="medium")
    return save(figure, [axes], path)
