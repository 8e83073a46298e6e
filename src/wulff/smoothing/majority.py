"""What smoothed classifiers have in common: a base classifier votes on copies of the input."""

import abc
import itertools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from wulff._checks import whole_number, whole_numbers
from wulff._quoting import shown
from wulff._warnings import warn
from wulff.backends import adapt
from wulff.backends.denoisers import is_random
from wulff.errors import InputError
from wulff.smoothing.batch_size import DEFAULT_BATCH
from wulff.smoothing.classifier import SMALLEST_BATCH, Voter, not_a_number
from wulff.smoothing.copies import Source
from wulff.smoothing.counts import LARGEST_INDEX
from wulff.smoothing.fixed import check_fixed
from wulff.smoothing.policy import DevicePolicy, batch_matters, use_device
from wulff.smoothing.streams import Seed
from wulff.smoothing.voting import Quota, VoteLoop, Votes
from wulff.stats import check_sample_size

CPU = torch.device("cpu")


class Majority(nn.Module, abc.ABC):
    """A classifier that decides by the votes of a base classifier f; engines count them.

    Args:
        model: f, as `Smoothed` and `Enumerated` say.
        num_classes: The number of labels; may be left out where the model says it, as estimators do.
        batch: How many copies are classified at once.
        policy: How the model is run; None runs it where and as it is.

    Raises:
        InputError: An argument is not of this form.
    """

    always_full: ClassVar[bool] = False
    """Whether every batch is filled up, so that a copy gets the same label wherever it stands."""

    def __init__(
        self,
        model: Callable[[Tensor], Tensor],
        num_classes: int | None,
        *,
        batch: int = DEFAULT_BATCH,
        policy: DevicePolicy | None = None,
    ) -> None:
        super().__init__()
        classifier = None if isinstance(model, nn.Module) else adapt(model)
        if policy is not None and not isinstance(policy, DevicePolicy):
            raise InputError(f"policy must be a DevicePolicy or None, got {shown(policy)}.")
        check_fixed(model)
        if self.always_full and classifier is not None and is_random(classifier.function):
            raise InputError(
                "certificates from all views need a function, and behind a random denoiser there is none; "
                "smooth with a noise."
            )
        function: Any = model if classifier is None else classifier.function
        self.model = function if policy is None else policy.apply(function)
        self.policy = policy
        known = num_classes if classifier is None or num_classes is not None else classifier.num_classes
        if known is None:
            raise InputError("num_classes is needed: the model does not say how many labels it has.")
        self.num_classes = whole_number("num_classes", known, most=10**6)
        self.batch = check_sample_size(batch, "batch")

    @property
    def compiled(self) -> bool:
        """Whether the model is run compiled."""
        return self.policy is not None and self.policy.compile

    @abc.abstractmethod
    def source(self, seed: Seed) -> Source:
        """Where the copies of inputs come from; the seed is the run's."""

    @abc.abstractmethod
    def check_inputs(self, x: Tensor) -> Tensor:
        """Inputs of shape (inputs, ...) that this classifier can take; others are refused."""

    def vote_loop(self, quota: Quota, *, seed: Seed = 0, otherwise: torch.device = CPU) -> VoteLoop:
        """The loop behind every method, for a stream of inputs.

        Args:
            quota: How many copies of each input to classify.
            seed: The run's seed, or where each input has its own.
            otherwise: Where the copies are made for a function that does not say where it runs.
        """
        device = self._device() or otherwise
        full = self.always_full or batch_matters(device.type, compiled=self.compiled)
        at_least = max(self.batch, SMALLEST_BATCH) if full else SMALLEST_BATCH
        voter = Voter(self.num_classes, at_least)
        return VoteLoop(self.model, voter, self.source(seed), quota, batch=self.batch, device=device)

    def _vote(
        self, x: Tensor, quota: Quota, seed: int = 0, index: Sequence[int] | None = None
    ) -> list[Votes]:
        loop = self.vote_loop(quota, seed=seed, otherwise=x.device)
        return list(loop.run(zip(names(x, index), x, strict=True)))

    def _device(self) -> torch.device | None:
        """Where the model runs; None for a function without weights or policy, which runs where x is."""
        tensor = next(itertools.chain(self.parameters(), self.buffers()), None)
        if tensor is not None:
            return tensor.device
        return None if self.policy is None else use_device(self.policy.device)


def warn_of_not_a_number(votes: Sequence[Votes], *, views: bool = False) -> None:
    """Warn if the model's output was not a number for some noisy copies, or views."""
    lost = {vote.index: sum(vote.not_a_number.values()) for vote in votes if vote.not_a_number}
    if lost:
        warn(not_a_number(lost, views=views))


def names(x: Tensor, index: Sequence[int] | None) -> list[int]:
    """The number of each input in its data set; by default its position."""
    if index is None:
        return list(range(len(x)))
    return whole_numbers("index", index, len(x), least=0, most=LARGEST_INDEX)
