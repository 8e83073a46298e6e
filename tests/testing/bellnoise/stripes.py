"""A data set of stripes: which way they run is the label."""

from __future__ import annotations

import torch

from wulff import datasets
from wulff.datasets import Dataset


@datasets.register("stripes")
def stripes(split: str, path: str | None = None) -> Dataset:
    """Images of 6 × 6 pixels with two horizontal or two vertical bright lines."""
    generator = torch.Generator().manual_seed(1 if split == "train" else 2)
    count = 240 if split == "train" else 40
    images = torch.zeros(count, 1, 6, 6)
    labels = torch.arange(count) % 2
    for image, label in zip(images, labels, strict=True):
        lines = torch.randperm(6, generator=generator)[:2]
        image[0, lines] = 1.0
        if label:
            image[0] = image[0].T.clone()
    return Dataset("stripes", images, labels, 2)
