"""Inputs as small PNG pictures inside a page."""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.runs import Run, inputs, noisy_copy
from wulff.stats import ABSTAIN

LARGEST_SIDE = 96
"""Pixels; larger pictures are shrunk, so that a page stays small."""

Pictures = dict[int, str]
"""Data URIs by the index of the input."""


def pictures(runs: Sequence[Run], most: int) -> tuple[list[Pictures], list[Pictures], list[str]]:
    """Pictures of the inputs of runs, and of one noisy copy of each.

    Inputs on which a run is wrong, abstains, or has a small radius come first.

    Args:
        runs: Certifications or predictions; others get no pictures.
        most: How many inputs to show.

    Returns:
        For each run the inputs, and the noisy copies; and sentences on what could not be shown.
    """
    clean: list[Pictures] = [{} for _ in runs]
    noisy: list[Pictures] = [{} for _ in runs]
    notes: list[str] = []
    wanted = chosen(runs, most)
    for number, run in enumerate(runs if most else []):
        try:
            dataset = inputs(run)
        except InputError as error:
            notes.append(f"Inputs are not shown: {error}")
            continue
        places = {index: place for place, index in enumerate(dataset.index)}
        for index in wanted:
            if index not in places:
                continue
            image = dataset.images[places[index]]
            if uri := data_uri(image):
                clean[number][index] = uri
                copy = data_uri(noisy_copy(run, index, image))
                assert copy is not None
                noisy[number][index] = copy
        if not clean[number] and dataset.table is None:
            notes.append(f"The inputs of {run.name} are not images, or none of them was chosen.")
    return clean, noisy, notes


def chosen(runs: Sequence[Run], most: int) -> list[int]:
    """The inputs that readers look at first: on which a run is wrong, abstains, or has a small radius."""
    return list(_first(_round_robin([order for run in runs for order in _orders(run)]), most))


def data_uri(x: Tensor) -> str | None:
    """An input in [0, 1], clipped to it, as a PNG; None if it is no image of one or three channels."""
    if x.ndim != 3 or x.shape[0] not in (1, 3):
        return None
    x = x.detach().to(torch.float32)
    if max(x.shape[1:]) > LARGEST_SIDE:
        factor = LARGEST_SIDE / max(x.shape[1:])
        size = [max(1, round(side * factor)) for side in x.shape[1:]]
        x = nn.functional.interpolate(x[None], size=size, mode="area")[0]
    pixels = (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze(2).numpy()).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _orders(run: Run) -> list[list[int]]:
    """The indices of a run in each order in which a reader looks at them."""
    index, abstained = run.columns.index, run.predictions == ABSTAIN
    right = run.scored
    smallest = index[right]
    norm = next(iter(run.norms), None)
    if norm is not None:
        smallest = smallest[np.argsort(run.radii(norm)[right], kind="stable")]
    orders = [index[~right & ~abstained], index[abstained], smallest, smallest[::-1], index]
    return [order.tolist() for order in orders]


def _round_robin(orders: Sequence[list[int]]) -> Iterator[int]:
    for rank in range(max(map(len, orders), default=0)):
        yield from (order[rank] for order in orders if rank < len(order))


def _first(indices: Iterable[int], most: int) -> Iterator[int]:
    seen: set[int] = set()
    for index in indices:
        if len(seen) >= most:
            return
        if index not in seen:
            seen.add(index)
            yield index
