"""All pictures of the page *The shapes of noise*, by one call."""

from collections.abc import Callable
from pathlib import Path

from wulff._checks import file_path
from wulff.errors import InputError
from wulff.norms import Norm
from wulff.reports.figures.crystals import plot_crystal, plot_plane_crystals, plot_search, plot_space_crystals
from wulff.reports.figures.noises import (
    plot_frontier,
    plot_growth_limits,
    plot_level_gallery,
    plot_limits,
    plot_radius_laws,
)
from wulff.reports.figures.radii import plot_radii

_RADII = (
    "uniform(sigma=1)",
    "exp-lp(sigma=1,p=4)",
    "gaussian(sigma=1)",
    "laplace(sigma=1)",
    "pareto(sigma=1,a=3)",
)

GALLERY: dict[str, Callable[[Path], Path]] = {
    "crystals_plane.png": plot_plane_crystals,
    "crystals_space.png": plot_space_crystals,
    "search.png": plot_search,
    "growth.png": plot_growth_limits,
    "levels.png": plot_level_gallery,
    "radii_l1.png": lambda path: plot_radii(_RADII, path, Norm.L1),
    "radii_l2.png": lambda path: plot_radii(_RADII, path, Norm.L2),
    "shells.png": plot_radius_laws,
    "frontier.png": plot_frontier,
    "limits.png": plot_limits,
}
"""File names, and what draws them."""


def write_gallery(folder: str | Path, rotatable: bool = False) -> list[Path]:
    """Draw every picture of the gallery into a folder that exists.

    Args:
        folder: Where to write; pictures of an earlier call are replaced.
        rotatable: Also write `crystal.html`, in which the crystal of linf in space turns; it needs Plotly.

    Raises:
        InputError: The folder does not exist, or Plotly is needed and not installed.
    """
    folder = file_path("folder", folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} to write pictures into; make it first.")
    written = [plot_crystal(Norm.LINF, folder / "crystal.html")] if rotatable else []
    return [*written, *(draw(folder / name) for name, draw in GALLERY.items())]
