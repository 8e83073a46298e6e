"""How often certificates of features are wrong: simulated certifications against the worst classifier.

Each classifier errs on the points of the largest likelihood ratios, so that its true radius is known and is
the certified one of its true error: a certificate is wrong just where the bound on its error is too small.
With the randomised bound that is alpha itself, with the usual one at most alpha. The noise draws the copies.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import ndtr, ndtri

from tests.nightly import NIGHTLY
from wulff.noises import Mixed, Noise, Replacement, parse
from wulff.smoothing import EstimationCounts, SelectionCounts, Terms, certify_counts

ALPHA, N, FALSE_ALARM = 0.05, 100, 1e-6
CERTIFICATIONS = 20_000 if NIGHTLY else 2_000


class World(NamedTuple):
    """A classifier at its worst: it has label 0, and loses it at this size against this threat."""

    noise: Noise
    threat: str
    x: torch.Tensor
    errs: Callable[[torch.Tensor], torch.Tensor]
    error: float
    size: float  # where label 0 is lost: the smallest false radius


def _subset(masses: np.ndarray, wanted: float) -> tuple[np.ndarray, float]:
    """Points whose masses are together at least what is wanted, and hardly more; and their mass."""
    chosen, total = np.zeros(len(masses), bool), 0.0
    for place in np.argsort(-masses):
        if total + masses[place] <= wanted:
            chosen[place], total = True, total + masses[place]
    smallest = np.flatnonzero(~chosen)[np.argmin(masses[~chosen])]
    chosen[smallest] = True
    return chosen, float(total + masses[smallest])


def _codes(seen: torch.Tensor) -> torch.Tensor:
    return (seen.long() * 2 ** torch.arange(seen.shape[1])).sum(dim=1)


def _pattern(places: int, one: float) -> np.ndarray:
    """The probability of each code of so many bits that are 1 with probability `one`, independently."""
    bits = np.array(list(itertools.product((0, 1), repeat=places)))[:, ::-1]
    return np.where(bits == 1, one, 1 - one).prod(axis=1)


def ablated() -> World:
    """It errs where one of two is seen, and where they are not in some patterns of the other ten."""
    keep, changed = 0.2, 2
    delta = 1 - (1 - keep) ** changed
    chosen, mass = _subset(_pattern(10, keep), (0.5 - delta) / (1 - delta))
    table = torch.from_numpy(chosen)

    def errs(copies: torch.Tensor) -> torch.Tensor:
        hidden = (copies[:, :2] == -1).all(dim=1)
        return (copies[:, :2] == 1).any(dim=1) | (hidden & table[_codes(copies[:, 2:] != -1)])

    noise = parse("ablation(keep_probability=0.2, null=-1)")
    return World(noise, "l0", torch.zeros(12), errs, mass * (1 - delta), changed)


def resampled() -> World:
    """It errs where one bit has changed, and where it has not in some patterns of the other ten."""
    keep = 0.7
    # What has mass 1 - keep before has keep > ½ after: a part of it is enough, as large as 0.5/keep.
    chosen, mass = _subset(_pattern(10, 1 - keep), 0.5 / keep)
    table = torch.from_numpy(chosen)

    def errs(copies: torch.Tensor) -> torch.Tensor:
        return (copies[:, 0] == 1) & table[_codes(copies[:, 1:])]

    return World(parse("resampling(keep=0.7, values=2)"), "l0", torch.zeros(11), errs, mass * (1 - keep), 1)


def flipped() -> World:
    """It errs where one 0 is seen as 1, in some patterns of the other ten: an added 1 is the worst change."""
    added, removed = 0.05, 0.3
    chosen, mass = _subset(_pattern(10, added), 0.5 / (1 - removed))
    table = torch.from_numpy(chosen)

    def errs(copies: torch.Tensor) -> torch.Tensor:
        return (copies[:, 0] == 1) & table[_codes(copies[:, 1:])]

    return World(parse("flips(added=0.05, removed=0.3)"), "l0", torch.zeros(11), errs, mass * added, 1)


def mixed_ablated() -> World:
    """It errs where one of two categories is seen as 1; where both are hidden, beyond a threshold."""
    unseen, error = 0.8**2, 0.02
    threshold = -float(ndtri(error / unseen))
    # P[label 0] after both change and a shift r is unseen · Φ(threshold - r), which is ½ at the size.
    size = threshold - float(ndtri(0.5 / unseen))

    def errs(copies: torch.Tensor) -> torch.Tensor:
        hidden = (copies[:, 1:] == -1).all(dim=1)
        return (copies[:, 1:] == 1).any(dim=1) | (hidden & (copies[:, 0] > 2 * threshold))

    noise = parse(
        "mixed(numbers=gaussian(sigma=2), categories=ablation(keep_probability=0.2, null=-1), columns=[1, 2])"
    )
    return World(noise, "l2+2", torch.zeros(3), errs, error, 2 * size)


def mixed_resampled() -> World:
    """It errs where the likelihood ratio of one change and a shift by 1.2 is large."""
    keep, shift = 0.8, 1.2
    log = np.log(keep / (1 - keep))
    low, high = -20.0, 20.0
    for _ in range(100):
        cut = (low + high) / 2
        after = keep * ndtr((log - cut) / shift + shift / 2) + (1 - keep) * ndtr(
            (-log - cut) / shift + shift / 2
        )
        low, high = (cut, high) if after > 0.5 else (low, cut)
    error = (1 - keep) * ndtr((log - low) / shift - shift / 2) + keep * ndtr((-log - low) / shift - shift / 2)

    def errs(copies: torch.Tensor) -> torch.Tensor:
        ratio = torch.where(copies[:, 1] == 1, log, -log) + shift * copies[:, 0] - shift**2 / 2
        return ratio > low

    noise = parse(
        "mixed(numbers=gaussian(sigma=1), categories=resampling(keep=0.8, values=2), columns=[1, 2])"
    )
    return World(noise, "l2+1", torch.zeros(3), errs, float(error), shift)


def mixed_uniform() -> World:
    """It errs where only moved numbers are seen, and near there where the category seems to have changed."""
    keep, size, width = 0.8, 0.6, 0.5
    # After the move: size/2 in all, and keep · width/2 where the category is 1.
    assert size / 2 + keep * width / 2 == 0.5

    def errs(copies: torch.Tensor) -> torch.Tensor:
        return (copies[:, 0] > 1) | ((copies[:, 1] == 1) & (copies[:, 0] > 1 - width))

    noise = parse(
        "mixed(numbers=uniform(scale=1), categories=resampling(keep=0.8, values=2), columns=[1, 2])"
    )
    return World(noise, "l1+1", torch.zeros(3), errs, (1 - keep) * width / 2, size)


def mixed_laplace() -> World:
    """It errs where the ratio of one change and a move by 1 is large: there the category is 1."""
    keep, move = 0.8, 1.0
    cut = move + float(np.log(2 * (1 - 0.5 / keep)))  # of moved numbers 0.5/keep are above

    def errs(copies: torch.Tensor) -> torch.Tensor:
        return (copies[:, 1] == 1) & (copies[:, 0] > cut)

    noise = parse(
        "mixed(numbers=laplace(scale=1), categories=resampling(keep=0.8, values=2), columns=[1, 2])"
    )
    return World(noise, "l1+1", torch.zeros(3), errs, (1 - keep) * float(np.exp(-cut)) / 2, move)


def scaled() -> World:
    """A half-space in units of the scales; the immutable coordinate decides nothing."""
    error, scales = 0.03, torch.tensor([3.0, 0.5, 0.0])
    threshold = -float(ndtri(error))

    def errs(copies: torch.Tensor) -> torch.Tensor:
        return copies[:, 0] / scales[0] * 0.6 + copies[:, 1] / scales[1] * 0.8 > threshold

    return World(
        parse("gaussian(sigma=1, scales=[3, 0.5, 0])"), "l2-scaled", torch.zeros(3), errs, error, threshold
    )


@pytest.mark.parametrize("estimator", ["clopper-pearson", "randomized-clopper-pearson"])
@pytest.mark.parametrize(
    "kind",
    [
        ablated,
        resampled,
        flipped,
        mixed_ablated,
        mixed_resampled,
        mixed_uniform,
        mixed_laplace,
        scaled,
    ],
)
def test_certificates_are_wrong_as_seldom_as_they_say(kind: Callable[[], World], estimator: str) -> None:
    world = kind()
    noise, generator = world.noise.in_dim(len(world.x)), torch.Generator().manual_seed(17)
    certifications = 100 if kind is mixed_laplace and not NIGHTLY else CERTIFICATIONS  # a search for each
    misses, together = np.zeros(certifications, dtype=np.int64), min(certifications, 500)
    for start in range(0, certifications, together):
        rows = together * N
        if isinstance(noise, Replacement):
            copies = noise.replace(world.x[None], rows, generator)
        else:
            copies = world.x + noise.sample((rows, len(world.x)), generator=generator)
        misses[start : start + together] = world.errs(copies).view(together, N).sum(dim=1).numpy()
    votes = np.stack([N - misses, misses], axis=1)
    rate = stats.binomtest(int(misses.sum()), misses.size * N, world.error)
    assert rate.pvalue > FALSE_ALARM  # the copies have the law that the certificate is about
    chosen = np.tile([[1, 0]], (certifications, 1))
    index = tuple(range(certifications))
    terms = Terms(noise=noise, n0=1, n=N, alpha=ALPHA, seed=5, estimator=estimator)  # type: ignore[arg-type]
    proof = certify_counts(
        SelectionCounts(chosen, 1, index), EstimationCounts(votes, N, index), terms, world.threat
    )
    false = (proof.label == 0) & (proof.radius >= world.size * (1 + 1e-9 * isinstance(noise, Mixed)))
    low, high = (int(stats.binom.ppf(q, certifications, ALPHA)) for q in (FALSE_ALARM, 1 - FALSE_ALARM))
    assert false.sum() <= high
    if estimator == "randomized-clopper-pearson":
        assert false.sum() >= low  # none of alpha is wasted: the certificates are tight
    assert (proof.label == 0).mean() > 0.5
