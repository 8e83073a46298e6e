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


class _Watch(TorchDispatchMode):
    """Refuses what would wait for a GPU, and notes operations down for a graph, if there is one."""

    def __init__(self, graph: Graph | None = None) -> None:
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.name in READ:
            raise RuntimeError("called a synchronizing CUDA operation")
        out = func(*args, **(kwargs or {}))
        if self.graph is not None:
            self.graph.operations.append((func, args, kwargs or {}, out))
        return out


_watches: list[_Watch] = []
failed: list[Graph] = []
"""Captures that failed."""


def get_sync_debug_mode() -> int:
    """Stands for that of `torch.cuda`."""
    return 2 if _watches else 0


def set_sync_debug_mode(mode: int | str) -> None:
    """Stands for that of `torch.cuda`."""
    if mode in ("error", 2):
        _watches.append(_Watch())
        _watches[-1].__enter__()
    elif _watches:
        _watches.pop().__exit__(None, None, None)


@contextlib.contextmanager
def capture(graph: Graph, capture_error_mode: str = "global") -> Iterator[None]:
    """Stands for `torch.cuda.graph`; what fails within it would leave PyTorch's state unfit."""
    with _Watch(graph):
        try:
            yield
        except Exception:
            failed.append(graph)
            raise
        if not graph.operations:
            raise RuntimeError("nothing was captured")
