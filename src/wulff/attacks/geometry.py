"""Balls of perturbations: the steepest direction, the way back into the ball, and random points of it.

Everything works on batches of shape (rows, ...), each row for itself, and stays on their device.
"""

import math
from typing import cast

import torch
from torch import Tensor

from wulff.noises.spheres import draw_cone_measure
from wulff.norms import Norm

INSIDE = 1 - 1e-6
"""Projections end at this share of the radius, so that rounding in float32 cannot lead out of the ball."""

TOP_SHARE = 0.01
"""The share of coordinates that a step against l1 moves [Tramèr & Boneh 2019]."""

_TINY = 1e-30


def steepest(gradient: Tensor, norm: Norm, focus: float = 0.0) -> Tensor:
    """The direction of norm 1 along which a loss with this gradient rises fastest; 0 where the gradient is 0.

    Against l1 that is a single coordinate, which suits a linear loss. The direction here goes along the
    largest hundredth of them, in proportion to their gradient, so that a few steps can spread a perturbation.

    Args:
        gradient: Of shape (rows, ...).
        norm: Of the direction.
        focus: Against l1, from 0 for the largest hundredth of the coordinates to 1 for the largest alone.
    """
    g = gradient.flatten(1)
    if norm.p == math.inf:
        return gradient.sign()
    if norm.p == 1:
        k = max(1, round((TOP_SHARE * g.shape[1]) ** (1 - focus)))
        smallest = g.abs().topk(k, dim=1).values[:, -1:]
        g = torch.where(g.abs() >= smallest, g, 0.0)
        return (g / g.abs().sum(dim=1, keepdim=True).clamp_min(_TINY)).view_as(gradient)
    # Hölder's inequality with the dual exponent q is an equality along |g|^(q-1), scaled to avoid overflow.
    q = norm.p / (norm.p - 1)
    g = g / g.abs().amax(dim=1, keepdim=True).clamp_min(_TINY)
    u = g.sign() * g.abs() ** (q - 1)
    return (u / size(u, norm).view(-1, 1).clamp_min(_TINY)).view_as(gradient)


def size(delta: Tensor, norm: Norm) -> Tensor:
    """The norm of each row, of shape (rows,)."""
    return cast(Tensor, torch.linalg.vector_norm(delta.flatten(1), ord=norm.p, dim=1))


def project(delta: Tensor, norm: Norm, radius: Tensor) -> Tensor:
    """Each row brought into the ball of its radius: the nearest point for l1, l2 and linf.

    Args:
        delta: Perturbations, of shape (rows, ...).
        norm: The ball's norm; for others than the three a row is scaled down.
        radius: Of shape (rows,).
    """
    flat, limit = delta.flatten(1), (radius * INSIDE).to(delta).view(-1, 1)
    if norm.p == math.inf:
        return flat.clamp(-limit, limit).view_as(delta)
    length = size(delta, norm).view(-1, 1)
    if norm.p == 1:
        inside = torch.where(length > limit, _shrink_to_l1(flat, limit), flat)
        # Sums of many terms in float32 may still be too large.
        inside = inside * (limit / size(inside, norm).view(-1, 1).clamp_min(_TINY)).clamp_max(1)
        return inside.view_as(delta)
    return (flat * (limit / length.clamp_min(_TINY)).clamp_max(1)).view_as(delta)


def random_point(like: Tensor, norm: Norm, radius: Tensor, generator: torch.Generator) -> Tensor:
    """A point of the ball for each row; uniform for l1, l2 and linf, else from one such ball in it."""
    source = norm if norm.p in (1, 2, math.inf) else Norm.L1 if norm.p < 2 else Norm.L2
    direction = draw_cone_measure(source, torch.empty_like(like).flatten(1), generator)
    dim = direction.shape[1]
    share = torch.rand(len(like), 1, generator=generator, device=like.device) ** (1 / dim)
    return project((direction * share * radius.to(like).view(-1, 1)).view_as(like), norm, radius)


def to_grid(adversary: Tensor, x: Tensor, norm: Norm, radius: Tensor, levels: int) -> Tensor:
    """Multiples of 1/levels near the adversary and nearer to x than the radius; x is on that grid itself.

    Rounding towards x cannot lead out of the ball; of what is left over, as much is rounded away from x as
    fits into it.
    """
    origin, radius = (x.double() * levels).round(), radius.to(x.device)
    steps = adversary.double() * levels - origin
    best = steps.trunc()
    for share in (0.9, 0.8, 0.7, 0.6, 0.5):
        farther = steps.trunc() + steps.sign() * (steps.frac().abs() >= share)
        inside = size(farther / levels, norm) < radius
        best = torch.where(inside.view(-1, *[1] * (x.ndim - 1)), farther, best)
    return ((origin + best) / levels).to(x)


def _shrink_to_l1(flat: Tensor, limit: Tensor) -> Tensor:
    """The nearest points with l1 norm `limit`, by one threshold for all coordinates [Duchi et al. 2008]."""
    ordered = flat.abs().sort(dim=1, descending=True).values
    ranks = torch.arange(1, flat.shape[1] + 1, device=flat.device)
    thresholds = (ordered.cumsum(dim=1) - limit) / ranks
    last = (ordered > thresholds).sum(dim=1, keepdim=True).clamp_min(1) - 1
    return flat.sign() * (flat.abs() - thresholds.gather(1, last).clamp_min(0)).clamp_min(0)
