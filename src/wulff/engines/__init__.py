"""Engines: where the votes of a run are counted. They decide no number."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from torch import Tensor

from wulff.engines.local import LocalEngine
from wulff.engines.processes import ProcessEngine
from wulff.errors import InputError
from wulff.smoothing import Quota, Smoothed, Votes
from wulff.stats import check_sample_size


class Engine(Protocol):
    """Counts votes for many inputs; `map` is all that an engine is."""

    @property
    def name(self) -> str:
        """The name by which a run selects it."""
        ...

    def map(
        self, smoothed: Smoothed, quota: Quota, seed: int, inputs: Iterable[tuple[int, Tensor]]
    ) -> Iterator[Votes]:
        """Votes for each (index, x), in the order of the inputs."""
        ...


ENGINES: dict[str, Engine] = {"local": LocalEngine(), "processes": ProcessEngine()}
"""Engines by name."""


def with_workers(workers: int) -> Engine:
    """The engine for so many processes on this machine."""
    return LocalEngine() if workers == 1 else ProcessEngine(check_sample_size(workers, "workers"))


def find(name: str) -> Engine:
    """The engine of that name."""
    if name not in ENGINES:
        raise InputError(f"unknown engine {name!r}; there is {', '.join(ENGINES)}.")
    return ENGINES[name]


__all__ = ["ENGINES", "Engine", "LocalEngine", "ProcessEngine", "find", "with_workers"]
