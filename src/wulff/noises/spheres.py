"""Directions: the cone measures of the unit spheres of l1, l2 and linf."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wulff.noises.draws import draw_laplace, draw_signs
from wulff.norms import Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def draw_cone_measure(norm: Norm, out: Tensor, generator: torch.Generator) -> Tensor:
    """Fill the rows of `out`, of shape (n, d), with independent points of the unit sphere of `norm`.

    The cone measure is the law of Z/‖Z‖ for every Z whose density depends on ‖Z‖ only: a normalised
    Gaussian for l2, signed Dirichlet(1, ..., 1) for l1, and for linf the uniform law on the cube with one
    uniformly chosen coordinate set to ±1.
    """
    import torch

    if norm == Norm.L2:
        out.normal_(generator=generator)
        return out.div_(out.norm(dim=1, keepdim=True))
    if norm == Norm.L1:
        draw_laplace(out, generator)
        return out.div_(out.abs().sum(dim=1, keepdim=True))
    if norm.p == math.inf:
        out.uniform_(-1, 1, generator=generator)
        face = torch.randint(out.shape[1], (len(out), 1), generator=generator, device=out.device)
        return out.scatter_(1, face, draw_signs(out[:, :1], generator))
    raise ValueError(f"no sampler for the sphere of {norm}")
