"""The engine of one process: inputs are classified one after another, in shared batches."""

from collections.abc import Iterable, Iterator

from torch import Tensor

from wulff.smoothing import Majority, Quota, Votes


class LocalEngine:
    """Runs in the calling process."""

    name = "local"

    def map(
        self, smoothed: Majority, quota: Quota, seed: int, inputs: Iterable[tuple[int, Tensor]]
    ) -> Iterator[Votes]:
        """Votes for each (index, x), in the order of the inputs."""
        yield from smoothed.vote_loop(quota, seed=seed).run(inputs)
