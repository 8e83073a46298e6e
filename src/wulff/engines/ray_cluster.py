"""The engine of a Ray cluster: one actor for each CPU core or GPU; the only file that imports Ray."""

import collections
import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import cloudpickle
import numpy as np
import torch
from torch import Tensor

from wulff import plugins
from wulff._checks import real_number
from wulff._version import __version__
from wulff._warnings import warn
from wulff.engines.blocks import LARGEST_TASK, Ballots, BlockCounter, Counted, Task
from wulff.errors import InputError, RunError
from wulff.smoothing import Majority, Quota, Votes, evaluating
from wulff.stats import check_sample_size

MOST_DEATHS = 8
"""A task at which so many workers died is not tried again."""
MOST_FALSE_STARTS = 12
"""When so many workers in a row have died before they could vote, no more are started."""
PATIENCE = 120.0
"""Seconds to wait for a first worker, or for one after the last has died."""
Result = TypeVar("Result")
_log = logging.getLogger("wulff.engines.ray")

LOOK = 5.0
"""Seconds between looks for nodes that have joined the cluster."""
CALLS = 2
"""Calls that a worker has at once: the next one waits while it counts."""
MOST_INPUTS, MOST_BYTES = 64, 2**24
"""What a call carries at most, unless one input alone is larger: calls must fit into memory."""


class RayEngine:
    """Copies of inputs are counted by the actors of a Ray cluster; the votes are those of a single process.

    An input with many copies is spread over workers. Workers and nodes may die or join at any moment: what
    was lost is counted again, and nothing twice. A node whose votes could differ, since it has another
    version of wulff or PyTorch or another kind of GPU, is left out with a warning.

    Args:
        workers: How many actors; by default one for each CPU core of the cluster or, where the model runs on
            a GPU, for each share of one.
        address: The cluster: `ray://HOST:PORT`, `auto`; by default RAY_ADDRESS, or a local Ray.
        gpu_share: What part of a GPU an actor takes.

    Attributes:
        account: Noisy copies counted on each node, by its address.
        again: How many copies were counted again, since the worker that had them was lost.
        words: How it is doing, for a progress bar.
    """

    name = "ray"

    def __init__(
        self, workers: int | None = None, address: str | None = None, gpu_share: float = 1.0
    ) -> None:
        self.workers = None if workers is None else check_sample_size(workers, "workers")
        self.address = address
        self.gpu_share = real_number("gpu_share", gpu_share, "in (0, 1]", lambda share: 0 < share <= 1)
        self.account: collections.Counter[str] = collections.Counter()
        self.again = 0
        self.words = ""

    def map(
        self, smoothed: Majority, quota: Quota, seed: int, inputs: Iterable[tuple[int, Tensor]]
    ) -> Iterator[Votes]:
        """Votes for each (index, x), in the order of the inputs.

        Raises:
            InputError: The model cannot be sent to another process, or has refused an input; Ray is missing.
            RunError: No worker can be had, or workers die again and again at the same input.
        """
        ray = connected(self.address)
        try:
            with evaluating(smoothed.model):  # refused if it changes while it is pickled
                cargo = _put(ray, cloudpickle.dumps((smoothed, seed)))
        except (InputError, RunError):
            raise
        except Exception as error:  # whatever other people's objects raise when they are pickled
            raise InputError(
                f"the model cannot be sent to workers ({type(error).__name__}: {error}); use one process."
            ) from None
        crew = Crew(ray, self, smoothed, cargo)
        try:
            yield from crew.run(Ballots(quota, smoothed.num_classes), iter(inputs))
        finally:
            crew.dismiss()


def spread(
    function: Callable[..., Result],
    items: Sequence[Any],
    *shared: Any,
    workers: int | None = None,
    gpu_share: float = 0.0,
) -> Iterator[tuple[int, Result]]:
    """A function of each item, on a Ray cluster, as they are done: the item's place and its result.

    An item whose worker or node dies is done again, so that the function must bear being begun twice.

    Args:
        function: Called with an item, and with what is shared.
        items: What to do.
        shared: What goes into the object store once, for all of them.
        workers: How many at once; by default as many as the cluster has room for.
        gpu_share: What part of a GPU each needs; 0 for a CPU core.

    Raises:
        RunError: For two minutes the cluster has had nothing to run an item on.
    """
    ray = connected()
    kind, share = ("GPU", gpu_share) if gpu_share else ("CPU", 1.0)
    needs = {"num_gpus": gpu_share, "num_cpus": 0} if gpu_share else {"num_cpus": 1}
    remote = ray.remote(max_retries=-1, **needs)(_on_one_thread)
    cargo = _put(ray, cloudpickle.dumps((function, shared, os.getcwd())))
    waiting = collections.deque(enumerate(items))
    at_once = len(items) if workers is None else workers
    running: dict[Any, int] = {}
    able_at = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                place, item = waiting.popleft()
                running[remote.remote(cargo, plugins.loaded(), item)] = place
            done, _ = ray.wait(list(running), num_returns=1, timeout=LOOK)
            for call in done:
                yield running.pop(call), ray.get(call)
            if done or ray.cluster_resources().get(kind, 0) >= share:
                able_at = time.monotonic()
            elif time.monotonic() - able_at > PATIENCE:
                raise RunError(_no_room(ray, kind))
    finally:
        for call in running:
            ray.cancel(call, force=True)


def _no_room(ray: Any, kind: str) -> str:
    return (
        f"no worker could be started within {PATIENCE:g} seconds: the cluster has "
        f"{ray.cluster_resources().get(kind, 0):g} {kind}s; others may have taken them."
    )


def _on_one_thread(cargo: bytes, modules: Sequence[str], item: Any) -> Any:
    torch.set_num_threads(1)
    plugins.load(modules)
    function, shared, folder = cloudpickle.loads(cargo)
    with contextlib.suppress(OSError):  # where paths are relative, nodes must see the same folders
        os.chdir(folder)
    return function(item, *shared)


def connected(address: str | None = None) -> Any:
    """The module ray, connected to a cluster, or to a local one that is started.

    Raises:
        InputError: It is not installed.
        RunError: The cluster cannot be reached.
    """
    try:
        import ray
    except ImportError:
        raise InputError("the engine ray needs the package ray; pip install 'wulff[ray]'.") from None
    if not ray.is_initialized():
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        except ValueError:  # no dashboard may be asked for where there is a cluster already
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        except ConnectionError as error:
            raise RunError(f"the Ray cluster at {address} cannot be reached: {error}") from None
    return ray


def _put(ray: Any, value: Any) -> Any:
    """A place in the object store, which moves what it has to the disk where memory is short."""
    try:
        return ray.put(value)
    except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError):
        raise RunError(
            "Ray's object store is full, and so is the disk behind it; everything so far is kept: free some, "
            "or start Ray with a larger --object-store-memory, and run the same command again."
        ) from None


@dataclasses.dataclass(eq=False)
class _Worker:
    """An actor on a node.

    Attributes:
        actor: Its handle.
        node: The id of its node.
        address: The node's address, for the account.
        start: What it says of itself, until it has.
        calls: What it is counting, the oldest first.
    """

    actor: Any
    node: str
    address: str
    start: Any
    calls: "collections.OrderedDict[Any, list[Task]]" = dataclasses.field(
        default_factory=collections.OrderedDict[Any, "list[Task]"]
    )


class Crew:
    """The workers of one map, and what they are doing."""

    def __init__(self, ray: Any, engine: RayEngine, smoothed: Majority, cargo: Any) -> None:
        self.ray = ray
        self.engine = engine
        self.cargo = cargo
        self.on_gpu = next((p.device.type for p in smoothed.parameters()), "cpu") == "cuda"
        self.facts = facts_of(smoothed)
        self.workers: list[_Worker] = []
        self.refused: set[str] = set()
        self.inputs: dict[int, Any] = {}  # by place, in the object store
        self.largest = 1  # bytes
        self.deaths: collections.Counter[Task] = collections.Counter()
        self.false_starts = 0
        self.looked = -LOOK
        self.alone_since = self.begun = time.monotonic()
        self.counted = 0

    def run(self, ballots: Ballots, inputs: Iterator[tuple[int, Tensor]]) -> Iterator[Votes]:
        exhausted = False
        while True:
            while not exhausted and self._hungry(ballots):
                pair = next(inputs, None)
                if pair is None:
                    exhausted = True
                else:
                    self._enter(ballots, *pair)
            if ballots.open:
                self._hire()
            self._send(ballots)
            for place, votes in ballots.results():
                self.inputs.pop(place, None)
                yield votes
            if exhausted and not ballots.open:
                return
            self._receive(ballots)

    def _hungry(self, ballots: Ballots) -> bool:
        """Whether workers could take more than waits; results that wait for their turn are bounded too."""
        wanted = max(1, len(self.workers)) * CALLS
        copies = sum(task.copies for task in ballots.waiting)
        return copies < wanted * LARGEST_TASK and ballots.open < wanted * self._carried()

    def _carried(self) -> int:
        """How many inputs a call may carry."""
        return min(MOST_INPUTS, max(1, MOST_BYTES // self.largest))

    def _enter(self, ballots: Ballots, index: int, x: Tensor) -> None:
        place = ballots.enter(index)
        self.inputs[place] = _put(self.ray, x.cpu().numpy())
        self.largest = max(self.largest, x.nbytes)

    def _hire(self) -> None:
        """Start workers on the cluster's nodes, until there are enough."""
        now = time.monotonic()
        if now - self.looked < LOOK:
            return
        self.looked = now
        for node in self.ray.nodes():
            for _ in range(self._room_on(node)):
                if self.engine.workers is not None and len(self.workers) >= self.engine.workers:
                    return
                self._start(node["NodeID"], node["NodeManagerAddress"])

    def _room_on(self, node: dict[str, Any]) -> int:
        if not node["Alive"] or node["NodeID"] in self.refused:
            return 0
        return self._places_on(node) - sum(worker.node == node["NodeID"] for worker in self.workers)

    def _places_on(self, node: dict[str, Any]) -> int:
        """How many workers a node may have: none where it only leads the others."""
        resources = node["Resources"]
        return int(
            resources.get("GPU", 0) / self.engine.gpu_share if self.on_gpu else resources.get("CPU", 0)
        )

    def _start(self, node: str, address: str) -> None:
        affinity = self.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        needs = {"num_gpus": self.engine.gpu_share, "num_cpus": 0} if self.on_gpu else {"num_cpus": 1}
        made = self.ray.remote(max_restarts=0, scheduling_strategy=affinity, **needs)(_Actor)
        actor = made.remote(self.cargo, plugins.loaded())
        self.workers.append(_Worker(actor, node, f"{address} ({node[:8]})", actor.facts.remote()))

    def _send(self, ballots: Ballots) -> None:
        """Give tasks to the workers that are ready, those with the least to do first."""
        for worker in sorted(self.workers, key=lambda worker: len(worker.calls)):
            while worker.start is None and len(worker.calls) < CALLS and ballots.waiting:
                # Whichever of a dead worker's tasks was to blame, each is now tried by itself.
                suspect = self.deaths and ballots.waiting[0] in self.deaths
                tasks = ballots.take(1 if suspect else LARGEST_TASK, self._carried())
                inputs = {task.place: self.inputs[task.place] for task in tasks}
                call = worker.actor.count.remote(tasks, list(inputs), *inputs.values())
                worker.calls[call] = tasks

    def _receive(self, ballots: Ballots) -> None:
        """Wait until some worker says something, or dies."""
        waited = {call: worker for worker in self.workers for call in worker.calls}
        waited |= {worker.start: worker for worker in self.workers if worker.start is not None}
        if not any(worker.start is None for worker in self.workers):
            self._check_patience()
        else:
            self.alone_since = time.monotonic()
        if not waited:
            time.sleep(0.1)
            return
        ready, _ = self.ray.wait(list(waited), num_returns=1, timeout=LOOK)
        more, _ = self.ray.wait(list(waited), num_returns=len(waited), timeout=0)
        for call in {*ready, *more}:
            worker = waited[call]
            if worker not in self.workers:
                continue  # buried meanwhile
            try:
                said = self.ray.get(call)
            except self.ray.exceptions.ActorUnschedulableError:
                self.workers.remove(worker)  # its node is gone, and soon from the list of nodes
                continue
            except (self.ray.exceptions.RayActorError, self.ray.exceptions.ObjectLostError) as error:
                self._bury(worker, ballots, error)
                continue
            if isinstance(said, Exception):
                raise said
            if call == worker.start:
                self._welcome(worker, said)
            else:
                self.false_starts = 0
                tasks = worker.calls.pop(call)
                ballots.add(tasks, said)
                self._account(worker, sum(task.copies for task in tasks))

    def _account(self, worker: _Worker, copies: int) -> None:
        self.engine.account[worker.address] += copies
        self.counted += copies
        rate = self.counted / (time.monotonic() - self.begun)
        ready = sum(worker.start is None for worker in self.workers)
        self.engine.words = f"{ready} workers, {rate:,.0f} copies/s"

    def _welcome(self, worker: _Worker, facts: dict[str, str]) -> None:
        worker.start = None
        other = [
            f"{name} {facts[name]}, here {here}" for name, here in self.facts.items() if facts[name] != here
        ]
        if other and worker.node not in self.refused:
            self.refused.add(worker.node)
            warn(f"the node {worker.address} is left out, as its votes could differ: {'; '.join(other)}.")
        if other:
            self._dismiss(worker)

    def _bury(self, worker: _Worker, ballots: Ballots, error: Exception) -> None:
        """A worker is dead: its tasks are to be done again."""
        self.looked = -LOOK
        self.workers.remove(worker)
        if worker.start is not None:
            self.false_starts += 1
            if self.false_starts >= MOST_FALSE_STARTS:
                said = str(error).strip().splitlines()[0]
                raise RunError(f"{MOST_FALSE_STARTS} workers died before they began to vote: {said}")
        calls = list(worker.calls.values())
        for task in calls[0] if calls else []:  # the one that it was counting
            self.deaths[task] += 1
            if self.deaths[task] >= MOST_DEATHS:
                raise RunError(
                    f"{MOST_DEATHS} workers died at input {task.index}; if the nodes ran out of memory, use "
                    "a smaller batch, else one process to see why."
                )
        lost = sum(task.copies for tasks in calls for task in tasks)
        self.engine.again += lost
        _log.warning("a worker on %s died; %d copies are counted again", worker.address, lost)
        for tasks in reversed(calls):
            ballots.lost(tasks)

    def _check_patience(self) -> None:
        nodes = [node for node in self.ray.nodes() if node["Alive"] and self._places_on(node)]
        alive = {node["NodeID"] for node in nodes}
        if alive and alive <= self.refused:
            raise RunError("no node of the cluster has the versions of this process; see the warnings.")
        if time.monotonic() - self.alone_since > PATIENCE:
            room = _no_room(self.ray, "GPU" if self.on_gpu else "CPU")
            raise RunError(f"{room} Everything so far is kept.")

    def _dismiss(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        self.ray.kill(worker.actor)

    def dismiss(self) -> None:
        for worker in list(self.workers):
            self._dismiss(worker)


class _Actor:
    """A worker: it has the classifier, and counts what it is given."""

    def __init__(self, cargo: bytes, modules: Sequence[str]) -> None:
        torch.set_num_threads(1)
        plugins.load(modules)
        smoothed, seed = cloudpickle.loads(cargo)
        self.counter = BlockCounter(smoothed, seed)

    def facts(self) -> dict[str, str]:
        """What decides the votes here."""
        return facts_of(self.counter.smoothed)

    def count(self, tasks: list[Task], places: list[int], *inputs: np.ndarray) -> list[Counted] | Exception:
        """The votes of each task, or why there are none."""
        try:
            tensors = {place: torch.from_numpy(x.copy()) for place, x in zip(places, inputs, strict=True)}
            return self.counter.count(tasks, tensors)
        except InputError as error:
            return InputError(str(error))
        except Exception as error:
            return RunError(f"a worker failed: {type(error).__name__}: {error}")


def facts_of(smoothed: Majority) -> dict[str, str]:
    """Versions and device, by which a node is known to count the same votes."""
    device = next((parameter.device for parameter in smoothed.parameters()), torch.device("cpu"))
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    return {"wulff": __version__, "torch": torch.__version__, "device": kind}
