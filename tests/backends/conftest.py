"""Real models on the handwritten digits: small, and trained in a second."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor


class Digits(NamedTuple):
    """Images of 8×8 pixels in [0, 1] as rows, and labels."""

    rows: np.ndarray
    labels: np.ndarray

    @property
    def images(self) -> Tensor:
        return torch.from_numpy(self.rows.reshape(-1, 1, 8, 8).astype(np.float32))


@pytest.fixture(scope="session")
def digits() -> Digits:
    found = load_digits()
    return Digits(found.data / 16, found.target)


@pytest.fixture
def noisy(digits: Digits) -> Tensor:
    """A batch that looks like what a smoothed classifier asks about."""
    images = digits.images[:200]
    return images + 0.2 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
