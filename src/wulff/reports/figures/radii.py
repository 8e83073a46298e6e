"""Figures of certificates alone: radius against probability, and methods against each other."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wulff import certificates
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Noise, parse
from wulff.norms import Norm, Threat, parse_threat
from wulff.reports.figures.style import check_figure_path, look, panels, save

DIMENSIONS = (1, 2, 3, 5, 10, 20, 50, 100, 300, 1000, 3072)


def plot_radii(
    noises: Sequence[Noise | str], path: str | Path, norm: Threat | str = Norm.L1, dim: int = 3072
) -> Path:
    """Draw the certified radius over the label's probability, for several noises [Yang et al. 2020, fig. 3].

    Radii are divided by sigma, so that noises of any size compare at equal sigma.

    Args:
        noises: Noises or spec strings, with finite variance.
        path: Where to write; .png, .pdf or .svg.
        norm: The adversary's norm.
        dim: The number of input coordinates.
    """
    path, norm = check_figure_path(path), parse_threat(norm)
    error = np.concatenate([np.geomspace(1e-4, 0.1, 60), np.linspace(0.1, 0.4999, 60)[1:]])
    figure, (axes,) = panels(height=4.4)
    for number, noise in enumerate(parse(noise).in_dim(dim) for noise in noises):
        if not np.isfinite(noise.sigma):
            raise InputError(f"{noise} has infinite variance and cannot be compared at equal sigma.")
        radius = certificates.certified_radius(noise, error, norm, dim).radius
        axes.plot(1 - error, radius / noise.sigma, label=str(noise), **look(number))
    axes.set(xlabel="probability of the label", ylabel=f"{norm} radius / sigma", xlim=(0.5, 1))
    axes.set_title(f"d = {dim:,}", fontsize="medium")
    axes.set_ylim(bottom=0)
    return save(figure, [axes], path)


def plot_methods(
    noise: Noise | str,
    path: str | Path,
    norm: Threat | str = Norm.L2,
    error: float = 0.01,
    dims: Sequence[int] = DIMENSIONS,
) -> Path:
    """Draw the radius by every method over the dimension [Yang et al. 2020, figure B.1].

    Args:
        noise: A noise, or its spec string.
        path: Where to write; .png, .pdf or .svg.
        norm: The adversary's norm.
        error: The upper bound on the error.
        dims: The dimensions.
    """
    path, norm, noise = check_figure_path(path), parse_threat(norm), parse(noise)
    figure, (axes,) = panels(height=4.4)
    names = dict.fromkeys(entry.method for entry in certificates.methods(noise, norm))
    for number, method in enumerate(names):
        points = [
            (dim, radius) for dim in dims if (radius := _radius(noise, error, norm, dim, method)) is not None
        ]
        if points:
            axes.plot(*zip(*points, strict=True), label=method, marker=".", **look(number))
    axes.set(xlabel="dimension", ylabel=f"{norm} radius / scale", xscale="log")
    axes.set_title(f"{noise}, probability {1 - error:g}", fontsize="medium")
    axes.set_ylim(bottom=0)
    return save(figure, [axes], path)


def _radius(noise: Noise, error: float, norm: Threat, dim: int, method: str) -> float | None:
    if not noise.exists_in(dim):
        return None
    try:
        radii = certificates.certified_radius(noise, error, norm, dim, method)
    except NotCoveredError:
        return None
    return float(radii.radius) / radii.noise.scale
