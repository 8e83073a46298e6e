"""The smoothed classifier: a thin module around a base classifier and a noise."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from wulff._checks import whole_numbers
from wulff._quoting import shown
from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.noises import Noise, Replacement
from wulff.noises import parse as parse_noise
from wulff.norms import Box, Norm, Threat, parse_threat
from wulff.smoothing.batch_size import DEFAULT_BATCH
from wulff.smoothing.certification import Certification, certify_counts
from wulff.smoothing.checks import check_images, check_precision, check_seed
from wulff.smoothing.copies import NoisySource
from wulff.smoothing.counts import Counts, EstimationCounts, PredictionCounts, SelectionCounts
from wulff.smoothing.majority import Majority, names, warn_of_not_a_number
from wulff.smoothing.policy import DevicePolicy
from wulff.smoothing.rooms import own_boxes
from wulff.smoothing.samplers import Sampling, grid_for
from wulff.smoothing.stopping import certification_quota
from wulff.smoothing.streams import Phase, Seed
from wulff.smoothing.terms import Bound, Estimator, Terms, check_top
from wulff.smoothing.voting import FixedQuota, Votes
from wulff.stats import Anytime, check_alpha, check_sample_size
from wulff.stats import predict as rank_test

_COUNTS: dict[Phase, type[Counts]] = {
    Phase.SELECTION: SelectionCounts,
    Phase.ESTIMATION: EstimationCounts,
    Phase.PREDICTION: PredictionCounts,
}


class Smoothed(Majority):
    """The classifier g(x) = argmax_c P[f(x + Z) = c] for a base classifier f and noise Z.

    Args:
        model: f, a function from inputs in [0, 1], of shape (rows, ...), to logits (rows, classes) or
            integer labels (rows,), or whatever `wulff.backends.adapt` takes: estimators of scikit-learn,
            boosters, sessions of ONNX Runtime. Normalisation is part of it. For each call a module is
            copied as it then is, in evaluation mode; modules that other callables use must be in evaluation
            mode. Votes of a model that changes while they are counted are refused.
        noise: Z, or its spec string, in the units of the inputs.
        num_classes: The number of labels; may be left out where the model says it, as estimators do.
        batch: How many noisy copies are classified at once; it does not change the noise.
        sampling: `float` adds floating point noise. `exact` draws gaussian, laplace or uniform noise, and
            other noise with `exact_tails`, as integers of the exact law and adds them to inputs that are
            multiples of 1/levels, so that nothing about the noise is assumed but fair random bits; see
            `docs/guarantees.md`.
        levels: Grid steps per 1.0, for exact sampling: 255 for 8-bit pixels.
        policy: How the model is run: device, precision, compilation. It makes a copy of the model, and is
            part of f. By default the model is run where and as it is.

    Raises:
        InputError: An argument is not of this form.
    """

    def __init__(
        self,
        model: Callable[[Tensor], Tensor],
        noise: Noise | str,
        num_classes: int | None = None,
        *,
        batch: int = DEFAULT_BATCH,
        sampling: Sampling = "float",
        levels: int = 255,
        policy: DevicePolicy | None = None,
    ) -> None:
        super().__init__(model, num_classes, batch=batch, policy=policy)
        self.noise = parse_noise(noise)
        self.grid = grid_for(sampling, levels)

    def source(self, seed: Seed) -> NoisySource:
        return NoisySource(self.noise, seed, self.grid, compiled=self.compiled)

    def counts(
        self,
        x: Tensor,
        n: int,
        *,
        phase: Phase = Phase.ESTIMATION,
        seed: int | None = 0,
        index: Sequence[int] | None = None,
    ) -> Counts:
        """Votes of f on n noisy copies of each input.

        Args:
            x: Inputs in [0, 1], of shape (inputs, ...).
            n: The number of noisy copies of each.
            phase: What the samples are for; samples of different phases are independent.
            seed: The seed of the noise, or None for one from the operating system.
            index: The number of each input in its data set, by which its noise is keyed; by default its
                position in x. Inputs with the same index and seed get the same noise.

        Returns:
            Votes of shape (inputs, classes): SelectionCounts, EstimationCounts or PredictionCounts.
        """
        n, x = check_sample_size(n), self.check_inputs(x)
        if not isinstance(phase, Phase) or phase not in _COUNTS:
            names = ", ".join(sampled.name for sampled in _COUNTS)
            raise InputError(f"phase must be a wulff.smoothing.Phase of {names}, got {shown(phase)}.")
        votes = self._vote(x, FixedQuota({phase: n}), check_seed(seed), index)
        return _COUNTS[phase](np.stack([vote.counts[phase] for vote in votes]), n)

    def predict(
        self,
        x: Tensor,
        n: int = 1_000,
        alpha: float = 1e-3,
        *,
        seed: int | None = 0,
        index: Sequence[int] | None = None,
    ) -> IntArray:
        """The smoothed label of each input, or -1 (abstain) [Cohen et al. 2019, Predict].

        A label that is returned is g(x) with probability at least 1 - alpha over the noise samples.
        """
        check_alpha(alpha)
        n, x = check_sample_size(n), self.check_inputs(x)
        votes = self._vote(x, FixedQuota({Phase.PREDICTION: n}), check_seed(seed), index)
        warn_of_not_a_number(votes)
        counts = PredictionCounts(np.stack([vote.counts[Phase.PREDICTION] for vote in votes]), n)
        return rank_test(counts.votes, alpha, counts.unknown if self.grid else None)

    def certify(
        self,
        x: Tensor,
        norm: Threat | str = Norm.L2,
        n0: int = 100,
        n: int = 100_000,
        alpha: float = 1e-3,
        *,
        seed: int | None = 0,
        index: Sequence[int] | None = None,
        method: str | None = None,
        stop: Anytime | None = None,
        labels: Sequence[int] | None = None,
        bound: Bound = "one-sided",
        estimator: Estimator = "clopper-pearson",
        top: int = 1,
    ) -> Certification:
        """Labels and the radii within which no adversary can change them [Cohen et al. 2019, Certify].

        Args:
            x: Inputs in [0, 1], of shape (inputs, ...).
            norm: The adversary's norm: `l1`, `l2`, `linf`, `lp(1.5)`; in the box `l1-box`, `l0-box`, ...,
                where each input has its own room; in units of the scales of the noise `l2-scaled`.
            n0: Samples that choose the label.
            n: Fresh samples that bound its error.
            alpha: The probability, for each input, with which its certificate may be wrong.
            seed: The seed of the noise, or None for one from the operating system.
            index: The number of each input in its data set; see `counts`.
            method: One theorem, by its registry name; by default the one with the largest radius.
            stop: `wulff.stats.Anytime(...)` stops each input as soon as its votes decide; n is then the most
                samples. By default every input gets n samples, as in the papers.
            labels: The true label of each input; see `Anytime.skip_incorrect`.
            bound: `one-sided`, or `two-sided` to bound the other classes too; see `certify_counts`.
            estimator: `clopper-pearson`, or `randomized-clopper-pearson` for slightly larger radii at a
                fixed n; see `certify_counts`.

            top: Among how many of the most likely classes the label has to stay.

        Returns:
            Per input: label (-1 abstains), radius, error, counts, method; and the statement in words.
        """
        if stop is not None and not isinstance(stop, Anytime):
            raise InputError(f"stop must be a wulff.stats.Anytime or None, got {shown(stop)}.", "stop")
        stop = None if stop is None else stop.settled(labels is not None)
        norm, x = parse_threat(norm), self.check_inputs(x)
        against = own_boxes(x, norm, self.grid) if isinstance(norm, Box) else norm
        terms = Terms(
            noise=self.noise.in_dim(x[0].numel()),
            n0=n0,
            n=n,
            alpha=alpha,
            seed=check_seed(seed),
            bound=bound,
            estimator=estimator,
            top=top,
            stop=stop,
            grid=self.grid,
        )
        check_top(top, self.num_classes)
        truth = None if labels is None else _truth(x, index, labels)
        votes = self._vote(x, certification_quota(terms, [norm], truth), terms.seed, index)
        warn_of_not_a_number(votes)
        return certify_counts(*certification_counts(votes, stop), terms, against, method)

    def check_inputs(self, x: Tensor, *, quiet: bool = False) -> Tensor:
        x = check_images(x, quiet=quiet, pixels=not self.noise.own_units)
        noise = self.noise.in_dim(x[0].numel())
        noise.copy_shape(tuple(x.shape[1:]))
        if isinstance(noise, Replacement):
            noise.check_inputs(x)
        elif noise.scales is not None:
            size = noise.sigma if math.isfinite(noise.sigma) else noise.scale
            check_precision(x, [size * scale for scale in noise.scales])
        if self.grid is not None:
            self.grid.resolution(noise)
            self.grid.check(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """`predict` with its defaults, as a tensor on the device of x."""
        return torch.as_tensor(self.predict(x), device=x.device)


def certification_counts(
    votes: Sequence[Votes], stop: Anytime | None
) -> tuple[SelectionCounts, EstimationCounts]:
    """The counts of several inputs, as `certify_counts` takes them."""
    selection = np.stack([vote.counts[Phase.SELECTION] for vote in votes])
    estimation = np.stack([vote.counts[Phase.ESTIMATION] for vote in votes])
    n0 = votes[0].sizes[Phase.SELECTION]
    sizes = np.array([vote.sizes.get(Phase.ESTIMATION, 0) for vote in votes])
    n = int(sizes[0]) if (sizes == sizes[0]).all() else sizes
    index = tuple(vote.index for vote in votes)
    return SelectionCounts(selection, n0, index), EstimationCounts(estimation, n, index, stop)


def _truth(x: Tensor, index: Sequence[int] | None, labels: Sequence[int]) -> dict[int, int]:
    """The true label of each input, by its index."""
    return dict(zip(names(x, index), whole_numbers("labels", labels, len(x), least=-1), strict=True))
