"""Full batches of one classifier as one CUDA graph: a GPU gets a whole forward pass in one launch."""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 10
"""Batches that are classified as usual before one is captured: short runs do without."""


class Replay:
    """The votes of full batches, replayed as one graph where that is possible and gives the same votes.

    Args:
        vote: Votes of the batch in a buffer that stays where it is; launches the same operations each time.
        device: Where it runs; only CUDA devices have graphs.
    """

    def __init__(self, vote: Callable[[], Tensor], device: torch.device) -> None:
        self._vote = vote
        self._left = WARM_UP if device.type == "cuda" else -1
        self._graph: tuple[torch.cuda.CUDAGraph, Tensor] | None = None

    def __call__(self) -> Tensor:
        """The votes of the batch that is in the buffer now; to be used before the next call."""
        if self._graph is not None:
            graph, votes = self._graph
            graph.replay()
            return votes
        votes = self._vote()
        self._left -= 1
        if self._left == 0:
            self._graph = self._captured(votes)
        return votes

    def _captured(self, expected: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor] | None:
        """A graph that gives the votes expected of this batch; None if the classifier cannot be captured."""
        if not self._runs_through():
            return None
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                votes = self._vote()
            graph.replay()
            return (graph, votes) if torch.equal(votes, expected) else None
        except Exception:  # as where memory is short
            return None

    def _runs_through(self) -> bool:
        """Whether nothing waits for the GPU: a capture that fails half-way may leave PyTorch's state unfit.

        That is asked of a batch that is classified once more, in a mode in which waiting is an error.
        """
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            self._vote()
        except Exception:  # the model is other people's code
            return False
        finally:
            torch.cuda.set_sync_debug_mode(before)
        return True
