"""Pictures of noise: level sets and the sets that gain the most, radius laws, limits, and trade-offs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wulff import geometry
from wulff.errors import InputError
from wulff.noises import ExpL2, Noise, NormRadialNoise, parse
from wulff.norms import Norm
from wulff.reports.figures.style import COLOURS, check_figure_path, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHIFT = (0.8, 0.0)
LEVEL_NOISES: dict[str, tuple[float, float]] = {
    "gaussian(sigma=0.5)": _SHIFT,
    "laplace(sigma=0.5)": _SHIFT,
    "uniform(sigma=0.5)": (0.4, 0.3),
    "exp-linf(sigma=0.5,j=0,k=1)": _SHIFT,
    "exp-l2(sigma=0.5,j=1,k=2)": _SHIFT,
    "pareto(sigma=0.5,a=3)": (0.5, 0.5),
}


def plot_levels(
    noise: Noise | str, path: str | Path, shift: Sequence[float] = _SHIFT, p: float = 0.2
) -> Path:
    """Draw the level sets of a noise in the plane, their shifted copies, and the set that gains the most.

    The shaded set has probability p, and of all such sets the largest one once the noise has moved.

    Args:
        noise: A noise or its spec string.
        path: Where to write; .png, .pdf or .svg.
        shift: By how much the noise moves, two numbers.
        p: The probability of the set.
    """
    from matplotlib.figure import Figure  # imported here: it takes half a second

    path, noise = check_figure_path(path), parse(noise)
    figure = Figure(figsize=(5, 5), layout="constrained")
    draw_levels(figure.subplots(), noise, shift, p)
    return write_figure(figure, path, 130)


def plot_level_gallery(path: str | Path, p: float = 0.2) -> Path:
    """Draw level sets and Neyman–Pearson sets of six noises at equal sigma."""
    from matplotlib.figure import Figure

    path = check_figure_path(path)
    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes, (spec, shift) in zip(figure.subplots(2, 3).flat, LEVEL_NOISES.items(), strict=True):
        draw_levels(axes, parse(spec), shift, p)
    return write_figure(figure, path, 110)


def draw_levels(axes: "Axes", noise: Noise, shift: Sequence[float], p: float) -> None:
    """Level sets of masses .3, .6 and .9, solid at rest and dashed when shifted; the best set shaded."""
    noise = noise.in_dim(2)
    size = noise.sigma if math.isfinite(noise.sigma) else noise.scale
    found = geometry.best_set(noise, shift, p, half_width=4.5 * size, cells=600)
    axes.contourf(found.x, found.y, found.inside.astype(float), [0.5, 1.5], colors=[COLOURS[4]], alpha=0.5)
    mass = np.exp(found.density - found.density.max())
    ordered = np.sort(mass.ravel())[::-1]
    total = np.cumsum(ordered) / ordered.sum()
    heights = sorted({float(ordered[np.searchsorted(total, share)]) for share in (0.9, 0.6, 0.3)})
    if len(heights) < 3:  # a uniform law has one level set
        heights = [0.5 * heights[0]]
    moved = np.exp(found.shifted - found.density.max())
    axes.contour(found.x, found.y, mass, heights, colors=COLOURS[0], linewidths=1.2)
    axes.contour(found.x, found.y, moved, heights, colors=COLOURS[1], linewidths=1.2, linestyles="--")
    axes.plot(*zip((0, 0), shift, strict=True), color="black", marker=".", linewidth=1)
    reach = 2.6 * size
    middle = np.asarray(shift) / 2
    limits = {"xlim": (middle[0] - reach, middle[0] + reach), "ylim": (middle[1] - reach, middle[1] + reach)}
    axes.set(aspect="equal", xticks=[], yticks=[], **limits)
    axes.set_title(f"{geometry.shape_of(noise)}: {p:g} grows to {found.grown:.2f}", fontsize="medium")


def plot_radius_laws(path: str | Path, dim: int = 3072) -> Path:
    """Draw the law of ‖Z‖₂ for noises ∝ ‖z‖^-j exp(-‖z‖²/2σ₀²): thin shells [Zhang et al. 2020, figure 1]."""
    from matplotlib.figure import Figure

    path = check_figure_path(path)
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, j in enumerate((0, dim // 4, dim // 2, 3 * dim // 4)):
        _radius_law(left, ExpL2(scale=math.sqrt(2), j=j, k=2, dim=dim), f"j = {j}", COLOURS[number])
    left.set_title(f"σ₀ = 1, d = {dim:,}: a pole moves the shell inwards", fontsize="medium")
    for number, sigma0 in enumerate((0.5, 0.75, 1.0, 1.25)):
        noise = ExpL2(scale=math.sqrt(2) * sigma0, k=2, dim=dim)
        _radius_law(right, noise, f"σ₀ = {sigma0:g}", COLOURS[number])
    right.set_title("j = 0: σ₀ moves it and widens it", fontsize="medium")
    for axes in (left, right):
        axes.set(xlabel="‖Z‖₂", ylabel="density", xlim=(0, None), ylim=(0, None))
        axes.legend(frameon=False, fontsize="small")
    return write_figure(figure, path, 110)


def _radius_law(axes: "Axes", noise: NormRadialNoise, label: str, colour: str) -> None:
    assert noise.dim is not None
    law = noise.radial_law(noise.dim)
    mode, width = law.centre
    x = np.linspace(mode - 6 * width, mode + 6 * width, 300)
    radius = np.exp(x) * noise.scale
    axes.plot(radius, np.exp(law.log_density(x)) / radius, color=colour, label=label)


def plot_growth_limits(path: str | Path) -> Path:
    """Draw the growth of cube, ball and cross-polytope at volume 1 over the dimension, with their limits.

    The least growth of any body against linf, the crystal's, is a band between two bounds.
    """
    from matplotlib.figure import Figure

    path = check_figure_path(path)
    dims = np.unique(np.geomspace(1, 3072, 40).round().astype(int))
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    limits = {
        Norm.L1: {"linf": 1.0, "l2": math.sqrt(math.e), "l1": math.e},
        Norm.LINF: {"l2": math.sqrt(math.e), "l1": math.e * math.sqrt(2 / math.pi)},
    }
    names = {"linf": "cube", "l2": "ball", "l1": "cross-polytope"}
    for axes, norm in zip(panels, (Norm.L1, Norm.LINF), strict=True):
        for number, (level, name) in enumerate(names.items()):
            unit = np.ones(len(dims)) if norm == Norm.L1 else np.sqrt(dims)
            values = [_growth(level, norm, int(dim)) for dim in dims] / unit
            axes.plot(dims, values, color=COLOURS[number], label=name)
            if level in limits[norm]:
                axes.axhline(limits[norm][level], color=COLOURS[number], linestyle=":", linewidth=1)
        axes.set(xscale="log", xlabel="dimension")
    least = np.array([geometry.least_growth_against_linf(int(dim)) for dim in dims]) / np.sqrt(dims)[:, None]
    panels[1].fill_between(dims, *least.T, color="black", alpha=0.3, linewidth=0, label="crystal of linf")
    panels[0].set(title="shift e₁ (vertex of l1)", ylabel="growth at volume 1", ylim=(0.8, 3))
    panels[1].set(title="shift (1, ..., 1) (vertex of linf)", ylabel="growth / √d", ylim=(0.8, 5))
    panels[1].legend(frameon=False)
    return write_figure(figure, path, 110)


def _growth(level: str, norm: Norm, dim: int) -> float:
    vertex = np.eye(1, dim)[0] if norm == Norm.L1 else np.ones(dim)
    return geometry.growth(geometry.LpBall(Norm.parse(level), dim), vertex)


def plot_limits(
    path: str | Path, norm: Norm | str = Norm.LINF, s: float = 0.25, variation: float = 0.9
) -> Path:
    """Draw what noises attain over the dimension, below the bound that none can exceed."""
    from matplotlib.figure import Figure

    path, norm = check_figure_path(path), Norm.parse(norm)
    noises = ("gaussian(scale=1)", "laplace(scale=1)", "uniform(scale=1)", "ball(scale=1)")
    rows = geometry.limits_table(norm, [1, 3, 10, 30, 100, 300, 1000, 3072], s, variation, noises)
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    dims = [row.dim for row in rows]
    axes.plot(dims, [row.bound for row in rows], color="black", label="none can exceed (explicit)")
    axes.plot(dims, [row.order for row in rows], "k:", label="published order, its constant set to 1")
    for number, spec in enumerate(noises):
        attained = [row.attained[spec] for row in rows]
        axes.plot(dims, attained, color=COLOURS[number], marker=".", label=geometry.shape_of(parse(spec)))
    axes.set(xscale="log", yscale="log", xlabel="dimension", ylabel=f"{norm} radius")
    axes.set_title(f"label probability {0.5 + s:g}, total variation {variation:g}", fontsize="medium")
    axes.legend(frameon=False, fontsize="small")
    return write_figure(figure, path, 110)


def plot_frontier(path: str | Path, radius: float = 0.1, multiplier: float = 1.0) -> Path:
    """Draw accuracy and robustness of the toy classifier over (j, σ₀) [Zhang et al. 2020, figure 3]."""
    from matplotlib.figure import Figure

    path = check_figure_path(path)
    if not radius > 0:
        raise InputError(f"the radius must be positive, got {radius!r}.")
    orders, sigmas = (0.0, 1.0, 2.0, 3.0, 4.0), np.geomspace(0.08, 1.5, 60)
    points = geometry.toy_points(orders, sigmas.tolist(), radius=radius, multiplier=multiplier)
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, j in enumerate(orders):
        mine = [point for point in points if point.j == j]
        axes.plot(
            [point.accuracy for point in mine],
            [point.robustness for point in mine],
            color=COLOURS[number],
            linewidth=1,
            label=f"j = {j:g}, σ₀ from {sigmas[0]:g} to {sigmas[-1]:g}",
        )
    best = geometry.frontier(points)
    axes.plot(
        [point.accuracy for point in best],
        [point.robustness for point in best],
        "k.",
        markersize=4,
        label="Pareto frontier",
    )
    axes.set(
        xlabel="accuracy: probability of the label at 0", ylabel="robustness: minus the cost of the shift"
    )
    axes.set_title(f"1{{‖x‖₂ ≤ .65}}, d = 5, ‖v‖₂ = {radius:g}, λ = {multiplier:g}", fontsize="medium")
    axes.legend(frameon=False, fontsize="small", loc="lower left")
    return write_figure(figure, path, 110)
