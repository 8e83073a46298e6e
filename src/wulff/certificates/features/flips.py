"""Bits that flip with two rates, against l0: how much an error can grow when some are added and some removed.

An added bit was 1 in a copy with probability p and is so with 1 - q; a removed one was 1 with 1 - q and is so
with p. So each has two likelihood ratios, and independent bits multiply them [Bojchevski et al. 2020]. Of all
ways in which c bits can change, the worst one counts at each error.
"""

import functools

import numpy as np

from wulff._typing import FloatArray
from wulff.certificates.certificate import Bounded
from wulff.certificates.features.categories import Atoms
from wulff.certificates.registry import register
from wulff.noises import Flips
from wulff.norms import Norm


@functools.lru_cache(maxsize=4096)
def flipped(added: float, removed: float, additions: int, removals: int) -> Atoms:
    """The atoms of so many additions and removals, by convolution."""
    one, zero = np.log1p(-removed) - np.log(added), np.log(removed) - np.log1p(-added)
    found = Atoms(np.zeros(1), np.ones(1), np.ones(1))
    before, after = np.array([added, 1 - added]), np.array([1 - removed, removed])
    # A removal is an addition backwards: its ratios are the inverses.
    for count, p, q, logs in (
        (additions, before, after, (one, zero)),
        (removals, after, before, (-one, -zero)),
    ):
        p_mass, q_mass = np.ones(1), np.ones(1)
        for _ in range(count):
            p_mass, q_mass = np.convolve(p_mass, p), np.convolve(q_mass, q)
        zeros = np.arange(count + 1)
        found = Atoms(
            np.add.outer(found.log_ratio, (count - zeros) * logs[0] + zeros * logs[1]).ravel(),
            np.multiply.outer(found.p, p_mass).ravel(),
            np.multiply.outer(found.q, q_mass).ravel(),
        )
    order = np.argsort(-found.log_ratio, kind="stable")
    return Atoms(found.log_ratio[order], found.p[order], found.q[order])


def _worst(noise: Flips, error: FloatArray, changes: int) -> FloatArray:
    """The growth of an error by so many changes, the worst of their kinds."""
    return np.max(
        [
            flipped(noise.added, noise.removed, additions, changes - additions).grown(error)
            for additions in range(changes + 1)
        ],
        axis=0,
    )


def _grown(noise: Flips, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    """The error after so many changes."""
    counts = np.minimum(np.floor(radius), dim).astype(int)
    grown = np.empty(error.shape)
    for count in np.unique(counts).tolist():
        grown[counts == count] = _worst(noise, error[counts == count], count)
    return grown


@register(Flips, Norm.L0, method="likelihood-ratios", tight=True, ulps=1, growth=Bounded(_grown))
def flips(noise: Flips, error: FloatArray, dim: int) -> FloatArray:
    """The largest c with G(error) < ½ for all additions and removals of c bits [Bojchevski et al. 2020].

    Exact for inputs with as many zeros and ones. The half more stands between two counts.
    """
    radius = np.zeros(error.shape)
    for c in range(1, dim + 1):
        holds = _worst(noise, error, c) < 0.5
        radius[holds] = c
        if not holds.any():
            break
    return radius + 0.5
