"""CUDA graphs, pretended: what is captured is noted down, and done again at each replay.

As on a GPU, a replay reads and writes the memory of the capture, runs no Python of the model, and nothing
that is captured may wait for the device.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.devices.pretend import READ


class Graph:
    """Stands for `torch.cuda.CUDAGraph`."""

    def __init__(self) -> None:
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def replay(self) -> None:
        for func, args, kwargs, out in self.operations:
            for old, new in zip(tree_leaves(out), tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(old, Tensor) and old is not new:
                    old.copy_(new)


class _Capture(TorchDispatchMode):
    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.name in READ:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        out = func(*args, **(kwargs or {}))
        self.graph.operations.append((func, args, kwargs or {}, out))
        return out


@contextlib.contextmanager
def capture(graph: Graph, capture_error_mode: str = "global") -> Iterator[None]:
    """Stands for `torch.cuda.graph`."""
    with _Capture(graph):
        yield
        if not graph.operations:
            raise RuntimeError("nothing was captured")
