"""Engines: where the votes of a run are counted. They decide no number."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from torch import Tensor

from wulff._registry import Registry
from wulff.engines.local import LocalEngine
from wulff.engines.processes import ProcessEngine
from wulff.engines.ray_cluster import RayEngine
from wulff.errors import InputError
from wulff.smoothing import Majority, Quota, Votes
from wulff.stats import check_sample_size


class Engine(Protocol):
    """Counts votes for many inputs; `map` is all that an engine is."""

    @property
    def name(self) -> str:
        """The name by which a run selects it."""
        ...

    def map(
        self, smoothed: Majority, quota: Quota, seed: int, inputs: Iterable[tuple[int, Tensor]]
    ) -> Iterator[Votes]:
        """Votes for each (index, x), in the order of the inputs."""
        ...


Kind = TypeVar("Kind", bound=type[Engine])

ENGINES: Registry[type[Engine]] = Registry(
    "engine", {"local": LocalEngine, "processes": ProcessEngine, "ray": RayEngine}
)
"""The classes of engines by name; called without arguments, each makes one."""


def register(engine: Kind) -> Kind:
    """A class decorator that enters an engine under its `name`.

    Raises:
        InputError: The name is taken.
    """
    ENGINES.add(engine.name, engine)  # type: ignore[arg-type]
    return engine


def with_workers(workers: int) -> Engine:
    """The engine for so many processes on this machine."""
    workers = check_sample_size(workers, "workers")
    return LocalEngine() if workers == 1 else ProcessEngine(workers)


def choose(name: str | None, workers: int = 1, gpu_share: float = 1.0) -> Engine:
    """The engine that the options `--engine`, `--workers` and `--gpu-share` mean together.

    Raises:
        InputError: There is no such engine, or it has no workers.
    """
    if name == RayEngine.name:
        return RayEngine(None if workers == 1 else workers, gpu_share=gpu_share)
    if gpu_share != 1:
        raise InputError(f"gpu_share is for the engine ray, got {gpu_share}.", "gpu_share")
    if name is None or (name == ProcessEngine.name and workers != 1):
        return with_workers(workers)
    if workers != 1:
        raise InputError(
            f"workers are for the engines processes and ray, got {workers} for {name}; leave one out.",
            "workers",
        )
    return find(name)


def find(name: str) -> Engine:
    """The engine of that name."""
    return ENGINES.find(name, ", and what a --plugin MODULE brings")()


__all__ = [
    "ENGINES",
    "Engine",
    "LocalEngine",
    "ProcessEngine",
    "RayEngine",
    "choose",
    "find",
    "register",
    "with_workers",
]
