"""Directions: the cone measures of the unit spheres of l1, l2 and linf."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wulff.noises.draws import draw_laplace
from wulff.noises.randomness import Random, source
from wulff.norms import Norm

if TYPE_CHECKING:
    from torch import Tensor


def draw_cone_measure(norm: Norm, out: Tensor, generator: Random) -> Tensor:
    """Fill the rows of `out`, of shape (n, d), with independent points of the unit sphere of `norm`.

    The cone measure is the law of Z/‖Z‖ for every Z whose density depends on ‖Z‖ only: a normalised
    Gaussian for l2, signed Dirichlet(1, ..., 1) for l1, and for linf the uniform law on the cube with one
    uniformly chosen coordinate set to ±1.
    """
    import torch

    random = source(generator)
    if norm == Norm.L2:
        random.normal(out)
        return out.div_(out.norm(dim=1, keepdim=True))
    if norm == Norm.L1:
        draw_laplace(out, random)
        return out.div_(out.abs().sum(dim=1, keepdim=True))
    if norm.p == math.inf:
        random.uniform(out)
        face = random.below(torch.empty(len(out), 1, dtype=torch.int64, device=out.device), out.shape[1])
        return out.scatter_(1, face, random.signs(torch.empty_like(face, dtype=out.dtype)))
    raise ValueError(f"no sampler for the sphere of {norm}")
