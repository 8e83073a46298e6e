"""Pictures of balls and their Wulff crystals, in the plane and in space."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wulff import geometry
from wulff._checks import file_path
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.norms import Norm
from wulff.reports.figures.style import COLOURS, check_figure_path, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ELEVATION, _AZIMUTH = 24, 21
"""Where the reader stands, in degrees."""

PLANE_BALLS: dict[str, geometry.LpBall | geometry.Polytope] = {
    "l1": geometry.LpBall(Norm.L1, 2),
    "l2": geometry.LpBall(Norm.L2, 2),
    "linf": geometry.LpBall(Norm.LINF, 2),
    "hexagon": geometry.LpBall(Norm.L2, 2).inscribed(3),
    "polygon in lp(4)": geometry.LpBall(Norm(4.0), 2).inscribed(10),
}


def plot_crystal(norm: Norm | str, path: str | Path, dim: int = 3) -> Path:
    """Draw the unit ball of a norm and its Wulff crystal, in two or three dimensions.

    Args:
        norm: l1, l2 or linf.
        path: Where to write; .png, .pdf or .svg, and .html for a page in which crystals in space turn.
        dim: 2 or 3.

    Raises:
        InputError: There is no crystal of this norm, or no picture in this dimension or form.
    """
    norm, path = Norm.parse(norm), file_path("path", path)
    if dim not in (2, 3):
        raise InputError(f"crystals are drawn in 2 or 3 dimensions, got dim = {dim}.")
    ball = geometry.LpBall(norm, dim)
    crystal = geometry.wulff_crystal(ball)
    if path.suffix == ".html":
        from wulff.reports.figures.rotatable import write_rotatable

        if dim != 3:
            raise InputError("a page that turns needs --dim 3; write the plane as .png, .pdf or .svg.")
        return write_rotatable({f"{norm} ball": solid(ball), "its Wulff crystal": solid(crystal)}, path)
    path = check_figure_path(path)
    from matplotlib.figure import Figure  # imported here: it takes half a second

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    if dim == 2:
        axes = figure.subplots()
        draw_plane(axes, ball, str(norm))
        axes.legend(frameon=False, loc="upper right")
    else:
        for number, (title, body) in enumerate([(f"{norm} ball", ball), ("its Wulff crystal", crystal)]):
            draw_solid(figure.add_subplot(1, 2, number + 1, projection="3d"), body, title, COLOURS[number])
    return write_figure(figure, path, 130)


def plot_plane_crystals(path: str | Path) -> Path:
    """Draw balls in the plane with their crystals of equal area."""
    from matplotlib.figure import Figure

    path = check_figure_path(path)
    figure = Figure(figsize=(12, 3), layout="constrained")
    for axes, (name, ball) in zip(figure.subplots(1, len(PLANE_BALLS)), PLANE_BALLS.items(), strict=True):
        draw_plane(axes, ball, name)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2
    )
    return write_figure(figure, path, 110)


def plot_space_crystals(path: str | Path) -> Path:
    """Draw the unit balls of l1, l2 and linf in space, and below each its crystal."""
    from matplotlib.figure import Figure

    path = check_figure_path(path)
    figure = Figure(figsize=(9, 6), layout="constrained")
    for column, norm in enumerate((Norm.L1, Norm.L2, Norm.LINF)):
        ball = geometry.LpBall(norm, 3)
        pictures = [(ball, f"{norm} ball"), (geometry.wulff_crystal(ball), f"crystal of {norm}")]
        for row, (body, title) in enumerate(pictures):
            axes = figure.add_subplot(2, 3, 3 * row + column + 1, projection="3d")
            draw_solid(axes, body, title, COLOURS[row])
    return write_figure(figure, path, 110)


def plot_search(path: str | Path, seed: int = 0) -> Path:
    """Draw how a search over polygons, which knows nothing of crystals, ends at them."""
    from matplotlib.figure import Figure

    path = check_figure_path(path)
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    balls = {name: PLANE_BALLS[name] for name in ("l1", "linf", "hexagon")}
    for axes, (name, ball) in zip(figure.subplots(1, 3), balls.items(), strict=True):
        found = geometry.search_polygon(ball, np.random.default_rng(seed), pairs=6)
        stages = np.unique([0, 1, 2, 4, 8, len(found.polygons) - 1])
        for shade, stage in zip(np.linspace(0.25, 1, len(stages)), stages, strict=True):
            _outline(axes, found.polygons[stage], COLOURS[0], alpha=float(shade), linewidth=1.2)
        _outline(axes, geometry.wulff_crystal(ball), COLOURS[1], linestyle="--", label="Wulff crystal")
        growth, least = found.growth[-1], geometry.least_growth(ball)
        axes.set_title(f"{name}: growth {growth:.5f}, least {least:.5f}", fontsize="small")
        axes.set_aspect("equal")
        axes.set_axis_off()
    figure.axes[0].legend(frameon=False, fontsize="small", loc="lower left")
    return write_figure(figure, path, 110)


def draw_plane(axes: "Axes", ball: geometry.LpBall | geometry.Polytope, title: str) -> None:
    """A ball and its crystal at area 1."""
    _outline(axes, ball, COLOURS[0], label="ball")
    _outline(axes, geometry.wulff_crystal(ball), COLOURS[1], label="Wulff crystal")
    axes.set(title=title, xlim=(-0.85, 0.85), ylim=(-0.85, 0.85), aspect="equal")
    axes.set_axis_off()


def _outline(axes: "Axes", body: geometry.Body, colour: str, **style: Any) -> None:
    around = boundary(body) / np.sqrt(body.volume)
    axes.plot(*np.concatenate([around, around[:1]]).T, color=colour, **style)


def boundary(body: geometry.Body, points: int = 721) -> FloatArray:
    """Points around a body in the plane; shape (points, 2)."""
    angle = 2 * np.pi * np.arange(points) / (points - 1)
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return rays / body.gauge(rays)[:, None]


def solid(body: geometry.Body) -> geometry.Polytope:
    """A body in space as a polytope; a ball by points around it."""
    if isinstance(body, geometry.Zonotope):
        return body.polytope
    if isinstance(body, geometry.LpBall) and body.has_vertices:
        return body.polytope()
    count = 600  # a spiral of points at equal heights
    height = 1 - (2 * np.arange(count) + 1) / (2 * count)
    turn = np.pi * (1 + 5**0.5) * np.arange(count)
    ring = np.sqrt(1 - height**2)
    half = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    half /= body.gauge(half)[:, None]
    return geometry.Polytope(np.concatenate([half, -half]))


def draw_solid(axes: Any, body: geometry.Body, title: str, colour: str) -> None:
    """A body in space with its edges; round bodies without."""
    from matplotlib.colors import to_rgb
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    shape = solid(body)
    size = body.volume ** (1 / 3)
    up, around = np.radians([_ELEVATION, _AZIMUTH])
    towards_camera = np.array([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)])
    light = shape.hull.equations[:, :3] @ np.array([0.35, 0.75, 0.56])
    shades = np.outer(0.75 + 0.4 * light, to_rgb(colour)).clip(0, 1)
    triangles = shape.points[shape.hull.simplices] / size
    axes.add_collection3d(Poly3DCollection(list(triangles), facecolors=shades, edgecolors=shades))
    if len(shape.points) < 100:
        normals, distances = shape.facets
        for i, j in geometry.edges(shape):
            middle = (shape.points[i] + shape.points[j]) / 2
            touching = np.abs(normals @ middle - distances) < 1e-6
            if (normals[touching] @ towards_camera).max() > 0:  # the other edges are behind the solid
                axes.plot(*(1.003 * shape.points[[i, j]] / size).T, color="black", linewidth=1, zorder=10)
    axes.set(xlim=(-0.8, 0.8), ylim=(-0.8, 0.8), zlim=(-0.8, 0.8), title=title)
    axes.set_box_aspect((1, 1, 1))
    axes.set_proj_type("ortho")
    axes.view_init(elev=_ELEVATION, azim=_AZIMUTH)
    axes.set_axis_off()
