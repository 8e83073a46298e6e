"""A page with solids that the reader turns; the one place that needs Plotly."""

from pathlib import Path

from wulff import _files, geometry
from wulff._checks import file_path
from wulff.errors import InputError
from wulff.reports.figures.style import COLOURS


def write_rotatable(solids: dict[str, geometry.Polytope], path: str | Path) -> Path:
    """Write an HTML page of polytopes side by side, which opens from disk without a network (5 MB).

    Args:
        solids: Polytopes in three dimensions, by title.
        path: Where to write.

    Raises:
        InputError: Plotly is not installed, or the folder does not exist.
    """
    try:
        from plotly import subplots
        from plotly.graph_objects import Figure, Mesh3d, Scatter3d
    except ImportError:
        raise InputError(
            "pages that turn need Plotly, which is not installed; run `pip install 'wulff[rotatable]'`, "
            "or write a .png."
        ) from None
    path = file_path("path", path)
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write {path.name} into; make it first.")
    figure: Figure = subplots.make_subplots(
        rows=1,
        cols=len(solids),
        specs=[[{"type": "scene"} for _ in solids]],
        subplot_titles=list(solids),
    )
    for number, shape in enumerate(solids.values()):
        x, y, z = shape.points.T
        i, j, k = shape.hull.simplices.T
        mesh = Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, color=COLOURS[number], flatshading=True, hoverinfo="skip")
        figure.add_trace(mesh, row=1, col=number + 1)
        if len(shape.points) < 100:
            lines: list[list[float | None]] = [[], [], []]
            for first, second in geometry.edges(shape):
                for axis in range(3):
                    ends = 1.002 * shape.points[[first, second], axis]
                    lines[axis] += [float(ends[0]), float(ends[1]), None]
            edges = Scatter3d(
                x=lines[0], y=lines[1], z=lines[2], mode="lines", line={"color": "black", "width": 4}
            )
            edges.update(hoverinfo="skip", showlegend=False)
            figure.add_trace(edges, row=1, col=number + 1)
    hidden = {"visible": False}
    figure.update_scenes(xaxis=hidden, yaxis=hidden, zaxis=hidden, aspectmode="data")
    figure.update_layout(title="Balls and their Wulff crystals: drag to turn")
    _files.write(path, figure.to_html(include_plotlyjs=True))
    return path
