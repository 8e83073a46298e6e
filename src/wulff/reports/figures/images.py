"""Example images under noise of several kinds and sizes."""

from collections.abc import Sequence
from pathlib import Path

import torch

from wulff.datasets import Dataset
from wulff.errors import InputError
from wulff.noises import with_sigma
from wulff.reports.figures.style import check_figure_path, write_figure


def plot_images(
    dataset: Dataset,
    path: str | Path,
    noises: Sequence[str],
    sigmas: Sequence[float],
    inputs: Sequence[int] = (0,),
    seed: int = 0,
) -> Path:
    """Draw inputs under noise: a row for each input and noise, a column for each sigma.

    Noisy pixels are clipped to [0, 1] for display; the classifier sees them unclipped.

    Args:
        dataset: Images with one or three channels.
        path: Where to write; .png, .pdf or .svg.
        noises: Spec strings without a size, such as `laplace` or `exp-l2(j=0, k=1)`.
        sigmas: Sizes; 0 shows the input itself.
        inputs: Positions in the data set.
        seed: The seed of the noise; all sizes show the same draw.
    """
    from matplotlib.figure import Figure  # imported here: it takes half a second

    path = check_figure_path(path)
    if len(dataset.input_shape) != 3 or dataset.input_shape[0] not in (1, 3):
        raise InputError(f"{dataset.name} has inputs of shape {dataset.input_shape}, which are not images.")
    if any(not 0 <= index < len(dataset) for index in inputs):
        raise InputError(f"inputs must lie between 0 and {len(dataset) - 1}, got {list(inputs)}.", "inputs")
    if any(not 0 <= sigma < float("inf") for sigma in sigmas):
        raise InputError(f"sigmas must be at least 0 and finite, got {list(sigmas)}.", "sigmas")
    rows = [(index, noise) for index in inputs for noise in noises]
    figure = Figure(figsize=(1.3 * len(sigmas) + 1.2, 1.35 * len(rows) + 0.4), layout="constrained")
    grid = figure.subplots(len(rows), len(sigmas), squeeze=False)
    for line, (index, noise) in zip(grid, rows, strict=True):
        x = dataset.images[index]
        for axes, sigma in zip(line, sigmas, strict=True):
            noisy = x
            if sigma > 0:
                law = with_sigma(noise, sigma)
                noisy = x + law.sample((1, *x.shape), generator=torch.Generator().manual_seed(seed))[0]
            pixels = noisy.clamp(0, 1).permute(1, 2, 0).numpy()
            axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
        line[0].set_ylabel(noise, fontsize="small")
    for axes, sigma in zip(grid[0], sigmas, strict=True):
        axes.set_title(f"sigma = {sigma:g}" if sigma else "no noise", fontsize="small")
    return write_figure(figure, path, 150)
