"""Quotas that stop as soon as the votes decide; what is certified stays valid."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import special

from wulff._numerics.bisection import last_whole
from wulff._typing import FloatArray, IntArray
from wulff.certificates import certified_radius, largest_error
from wulff.errors import InputError
from wulff.norms import Threat
from wulff.smoothing.streams import BLOCK, Phase
from wulff.smoothing.terms import Terms
from wulff.smoothing.voting import FixedQuota, Quota, Votes
from wulff.stats import anytime_error_bound, log_evidence

GROWTH = 1.125
"""The ratio of sample sizes at successive looks."""


class AnytimeQuota:
    """Asks for votes until the policy's question is answered, or n is reached.

    Looks come at sample sizes that grow by an eighth, in whole blocks, so that when an input stops depends
    on its own votes only. The bound holds at every look; when to look is a matter of cost alone.

    Args:
        terms: On which terms; their `stop` is the policy.
        norms: The adversaries; every radius is decided against each of them.
        labels: True labels by index, where they are known; for `skip_incorrect`.
    """

    def __init__(
        self, terms: Terms, norms: Sequence[Threat], labels: Mapping[int, int] | None = None
    ) -> None:
        if terms.stop is None:
            raise InputError("a quota that the votes decide needs terms with a stop; use FixedQuota.")
        self.stop = terms.stop.settled(labels is not None)
        if self.stop.skip_incorrect and labels is None:
            raise InputError("skip_incorrect needs the true labels of the inputs; give labels=.")
        self.noise = noise = terms.noise
        self.norms = norms
        self.n0 = terms.n0
        self.n = terms.n
        self.alpha = terms.alpha
        self.labels = labels
        radii = self.stop.radii
        found = [largest_error(noise, radius, norm, noise.dim) for radius in radii for norm in norms]
        # Radii that no error certifies need no votes; the others are certified below these errors.
        self.thresholds = np.array(sorted({error for error in found if error is not None}))
        self._affordable = most_misses(np.append(self.thresholds, 0.5), self.n, self.alpha)

    def wanted(self, index: int, votes: Votes | None) -> Mapping[Phase, int]:
        if votes is None:
            return {Phase.SELECTION: self.n0, Phase.ESTIMATION: 0}
        label = int(votes.counts[Phase.SELECTION].argmax())
        missed = self.n0 - int(votes.counts[Phase.SELECTION][label])
        seen = votes.sizes.get(Phase.ESTIMATION, 0)
        if self.stop.skip_incorrect and self.labels is not None and self.labels[index] not in (label, -1):
            return votes.sizes
        if seen == 0:
            if self._out_of_reach(0, 0, missed)[-1]:
                return votes.sizes
            return {Phase.SELECTION: self.n0, Phase.ESTIMATION: min(BLOCK, self.n)}
        misses = seen - int(votes.counts[Phase.ESTIMATION][label])
        if seen >= self.n or self._decided(misses, seen, missed):
            return votes.sizes
        blocks = max(seen // BLOCK + 1, int(seen * GROWTH) // BLOCK)
        return {Phase.SELECTION: self.n0, Phase.ESTIMATION: min(blocks * BLOCK, self.n)}

    def _out_of_reach(self, misses: int, n: int, missed: int) -> np.ndarray:
        """Which thresholds will hardly be certified; the n0 votes that chose the label tell it too."""
        chance = chance_of_at_most(self._affordable + missed, misses + missed, n + self.n0, self.n + self.n0)
        return chance < self.stop.beta

    def _decided(self, misses: int, n: int, missed: int) -> bool:
        out_of_reach = self._out_of_reach(misses, n, missed)
        if out_of_reach[-1]:
            return True  # the label will be abstained from
        if self.stop.relative is not None:
            return self._precise(misses, n, self.stop.relative)
        open_ones = self.thresholds[~out_of_reach[:-1]]
        # The evidence at a threshold is much quicker than the bound, and says whether the bound is below it.
        if (log_evidence(misses, n, open_ones) < -np.log(self.alpha)).any():
            return False
        return bool((anytime_error_bound(misses, n, self.alpha) <= open_ones).all())

    def _precise(self, misses: int, n: int, relative: float) -> bool:
        upper = float(anytime_error_bound(misses, n, self.alpha))
        if upper >= 0.5:
            return False
        lower = self._error_lower_bound(misses, n)
        for norm in self.norms:
            small, large = certified_radius(self.noise, [upper, lower], norm).radius
            if small < (1 - relative) * large:
                return False
        return True

    def _error_lower_bound(self, misses: int, n: int) -> float:
        """An error that the true one exceeds, at level beta; only the number of samples depends on it."""
        low, high = 1e-12, max(misses / n, 1e-12)
        for _ in range(3):
            grid = np.geomspace(low, high, 33)
            too_small = log_evidence(n - misses, n, 1 - grid) >= -np.log(self.stop.beta)
            below = int(np.count_nonzero(too_small))
            low, high = grid[max(below - 1, 0)], grid[min(below, 32)]
        return float(low)


def certification_quota(
    terms: Terms, norms: Sequence[Threat], labels: Mapping[int, int] | None = None
) -> Quota:
    """How many copies of each input these terms ask for; labels by index are for `skip_incorrect`."""
    if terms.stop is None:
        return FixedQuota({Phase.SELECTION: terms.n0, Phase.ESTIMATION: terms.n})
    return AnytimeQuota(terms, norms, labels)


def most_misses(errors: FloatArray, n: int, alpha: float) -> np.ndarray:
    """How many misses in n votes still are evidence that the error is below each of these; -1: even none."""

    def enough(misses: IntArray) -> np.ndarray:
        return log_evidence(np.maximum(misses, 0), n, errors) >= -np.log(alpha)

    return last_whole(enough, np.full(errors.shape, -1), np.floor(errors * n).astype(np.int64) + 1)


def chance_of_at_most(most: np.ndarray, misses: int, n: int, n_max: int) -> FloatArray:
    """The probability that n_max votes have at most so many misses, given those among the first n.

    Under Jeffreys' prior the misses still to come follow a beta-binomial law; the beta law of its mean and
    variance stands for it. Only the number of samples depends on this, never what is certified.
    """
    left = n_max - n
    weight = max((n + 2) * left / (n + 1 + left) - 1, 1e-3) / (n + 1)
    share = np.clip((most - misses + 0.5) / left, 0.0, 1.0)
    return special.betainc((misses + 0.5) * weight, (n - misses + 0.5) * weight, share)
