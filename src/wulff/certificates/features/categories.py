"""Resampled categories against l0: how much an error can grow when c of them change [Lee et al. 2019].

Where one feature changes, its old value has probability a before and b after, its new one b before and a
after, and all others have the same: likelihood ratios of b/a, a/b and 1. Independent features multiply them.
The worst c features are those with the most values, for every error: there both a/b and a - b are largest
[derived here]. The growth of an error is found by filling it with the largest likelihood ratios, exactly.
"""

import dataclasses
import functools
import itertools
from collections import Counter
from collections.abc import Iterable

import numpy as np

from wulff._numerics import rounding
from wulff._typing import FloatArray
from wulff.certificates.certificate import Bounded
from wulff.certificates.registry import register
from wulff.noises import Resampling
from wulff.norms import Norm

DISTINCT = 3
"""Of how many numbers of values each is counted by itself, which multiplies the atoms."""


@dataclasses.dataclass(frozen=True)
class Atoms:
    """Two laws by their likelihood ratio, in descending order of it.

    Attributes:
        log_ratio: log Q/P at each atom.
        p: Its mass before the change.
        q: Its mass after it.
    """

    log_ratio: FloatArray
    p: FloatArray
    q: FloatArray

    def grown(self, error: FloatArray) -> FloatArray:
        """The largest mass under Q of a set with this mass under P; rounded up.

        The atoms of the largest ratios are taken whole, and a part of the next. For whatever multiplier
        t, t · error + Σ max(0, Q - t P) is a bound: rounding cannot make it wrong by more than itself.
        """
        p_before = np.concatenate([[0.0], np.cumsum(self.p)])
        q_before = np.concatenate([[0.0], np.cumsum(self.q)])
        last = np.minimum(np.searchsorted(p_before[1:], error), len(self.p) - 1)
        part = np.exp(self.log_ratio[last]) * np.maximum(error - p_before[last], 0.0)
        return np.minimum(rounding.up(q_before[last] + part + self.rounding, 4), 1.0)

    def alike(self) -> list[tuple[float, float]]:
        """Multipliers t at which Σ min(Q, t P) bends, and that sum, from below: what both have in common."""
        t = np.exp(np.minimum(self.log_ratio, 700.0))
        smaller = np.append(np.cumsum(self.q[::-1])[::-1][1:], 0.0)
        mass = rounding.down(t * np.cumsum(self.p) + smaller, 4) - self.rounding * (1 + t)
        return [(float(t), float(mass)) for t, mass in zip(t, mass, strict=True) if mass > 0]

    @property
    def rounding(self) -> float:
        """More than masses, of which at most as many products are made as there are atoms, can be off."""
        return rounding.EPSILON * (64 + 24 * len(self.p) + 16 * float(np.abs(self.log_ratio).max()))


def changed(keep: float, values: Iterable[int]) -> Atoms:
    """The atoms when features with these numbers of values change."""
    groups = [_alike(keep, number, count) for number, count in sorted(Counter(values).items())]
    found = Atoms(np.zeros(1), np.ones(1), np.ones(1))
    for group in groups:
        found = Atoms(
            np.add.outer(found.log_ratio, group.log_ratio).ravel(),
            np.multiply.outer(found.p, group.p).ravel(),
            np.multiply.outer(found.q, group.q).ravel(),
        )
    order = np.argsort(-found.log_ratio, kind="stable")
    return Atoms(found.log_ratio[order], found.p[order], found.q[order])


@functools.lru_cache(maxsize=256)
def _alike(keep: float, values: int, count: int) -> Atoms:
    """The same of features that have all the same number of values: sums of steps of log a/b."""
    other = (1 - keep) / (values - 1)
    step = np.array([other, max(1 - keep - other, 0.0), keep])  # masses before, for ratios a/b, 1, b/a
    mass = np.ones(1)
    for _ in range(count):
        mass = np.convolve(mass, step)
    power = np.arange(count, -count - 1, -1)
    return Atoms(power * np.log(keep / other), mass, mass[::-1])


def worst_values(noise: Resampling, dim: int) -> list[int]:
    """The numbers of values of all features in the order in which their changes are worst.

    Where there are many different ones, the smaller are raised to one that is counted, which is worse.
    """
    ordered = sorted(noise.values_of(dim), reverse=True)
    least = [number for number, _ in itertools.groupby(ordered)][:DISTINCT][-1]
    return [max(number, least) for number in ordered]


@functools.lru_cache(maxsize=256)
def changes(noise: Resampling, count: int) -> Atoms:
    """The atoms when so many features change that are the worst ones; the dimension is known."""
    assert noise.dim is not None
    return changed(noise.keep, worst_values(noise, noise.dim)[:count])


def few_values(noise: Resampling) -> bool:
    """Whether `changes` counts each feature with its own number of values; the dimension is known."""
    assert noise.dim is not None
    return len(set(noise.values_of(noise.dim))) <= DISTINCT


def _grown(noise: Resampling, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    """The error after so many changes."""
    counts, grown = np.minimum(np.floor(radius), dim).astype(int), np.empty(error.shape)
    for count in np.unique(counts).tolist():
        grown[counts == count] = changes(noise.in_dim(dim), count).grown(error[counts == count])
    return grown


@register(Resampling, Norm.L0, method="likelihood-ratios", tight=True, ulps=1, growth=Bounded(_grown))
def resampling(noise: Resampling, error: FloatArray, dim: int) -> FloatArray:
    """The largest c with G(error) < ½ by filling with the likelihood ratios of c changes [Lee et al. 2019].

    For features with at most three different numbers of values. The half more stands between two counts.
    """
    if not few_values(noise.in_dim(dim)):
        return np.full(error.shape, np.nan)
    return raised_values(noise, error, dim)


@register(Resampling, Norm.L0, method="raised-values", tight=False, ulps=1, growth=Bounded(_grown))
def raised_values(noise: Resampling, error: FloatArray, dim: int) -> FloatArray:
    """The same with features of few values counted as if they had the third largest number; derived here."""
    radius = np.zeros(error.shape)
    for c in range(1, dim + 1):
        holds = changes(noise.in_dim(dim), c).grown(error) < 0.5
        radius[holds] = c
        if not holds.any():
            break
    return radius + 0.5
