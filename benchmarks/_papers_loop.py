"""The loop of the papers, from their pseudocode [Cohen et al. 2019: Certify, SampleUnderNoise].

One input at a time; noise from `randn_like`; counts on the host after every batch; a fixed n.
"""

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

BATCH = 1000


@torch.no_grad()
def sample_under_noise(model: nn.Module, x: Tensor, n: int, sigma: float, classes: int) -> np.ndarray:
    """Votes by class."""
    counts = np.zeros(classes, dtype=np.int64)
    left = n
    while left > 0:
        size = min(BATCH, left)
        left -= size
        copies = x.repeat(size, *[1] * x.ndim)
        votes = model(copies + torch.randn_like(copies) * sigma).argmax(1)
        counts += np.bincount(votes.cpu().numpy(), minlength=classes)
    return counts


def certify(
    model: nn.Module, x: Tensor, sigma: float, classes: int, n0: int, n: int, alpha: float
) -> tuple[int, float]:
    """The label and its l2 radius; -1 abstains."""
    label = int(sample_under_noise(model, x, n0, sigma, classes).argmax())
    hits = int(sample_under_noise(model, x, n, sigma, classes)[label])
    bound = float(stats.beta.ppf(alpha, hits, n - hits + 1)) if hits else 0.0
    return (label, sigma * float(stats.norm.ppf(bound))) if bound > 0.5 else (-1, 0.0)
