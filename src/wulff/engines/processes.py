"""The engine of several processes on one machine: each classifies some of the inputs, on one thread."""

import contextlib
import dataclasses
import os
import pickle
import queue
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, cast

import cloudpickle
import numpy as np
import torch
from torch import Tensor

from wulff import plugins
from wulff.engines.starting import Start, begun_afresh
from wulff.errors import InputError, RunError
from wulff.smoothing import Majority, Quota, VoteLoop, Votes, evaluating
from wulff.stats import check_sample_size

MOST_DEATHS = 3
"""An input at which so many workers died is not tried again."""
MOST_FALSE_STARTS = 12
"""When so many workers in a row have died before they voted at all, no more are started."""
MOST_FOR_A_PROCESSOR = 8
"""More workers than this would fill the memory, and be slower."""


class ProcessEngine:
    """Inputs go to worker processes one by one; the votes are those of a single process.

    A worker that is killed is replaced, and its inputs are done again. Workers end with the process that
    started them, however that ends. As everywhere with `multiprocessing`, a script that uses this engine
    keeps its own work under `if __name__ == "__main__":`.

    Args:
        workers: How many processes; by default one for each processor.
        start: How they start: with `spawn` each loads PyTorch, which takes seconds; with `forkserver` they
            are forked from a process that has loaded it. By default the latter on Linux.
    """

    name = "processes"

    def __init__(self, workers: int | None = None, start: Start | None = None) -> None:
        processors = os.cpu_count() or 1
        self.workers = check_sample_size(processors if workers is None else workers, "workers")
        if self.workers > MOST_FOR_A_PROCESSOR * processors:
            raise InputError(
                f"workers must be at most {MOST_FOR_A_PROCESSOR * processors} on this machine, got "
                f"{workers}; one for each of its {processors} processors is usually the fastest.",
                "workers",
            )
        self.context = begun_afresh(start)

    def map(
        self, smoothed: Majority, quota: Quota, seed: int, inputs: Iterable[tuple[int, Tensor]]
    ) -> Iterator[Votes]:
        """Votes for each (index, x), in the order of the inputs.

        Raises:
            InputError: The model cannot be sent to another process, or has refused an input.
            RunError: Workers die again and again at the same input, or cannot start.
        """
        try:
            # Nothing shares memory, which a killed process would lose; what a notebook or a script defines
            # goes along by value.
            with evaluating(smoothed.model):  # refused if it changes while it is pickled
                cargo = cloudpickle.dumps((smoothed, quota, seed))
        except InputError:
            raise
        except Exception as error:  # whatever other people's objects raise when they are pickled
            raise InputError(
                f"the model cannot be sent to worker processes ({type(error).__name__}: {error}); use one "
                "worker."
            ) from None
        loop = smoothed.vote_loop(quota, seed=seed)
        crew = _Crew(self.workers, self.context, cargo, loop)
        try:
            yield from crew.run(iter(inputs))
        finally:
            crew.dismiss()


@dataclasses.dataclass
class _Task:
    """One input on its way.

    Attributes:
        place: In the order of results.
        index: In the data set.
        x: The input.
        begun: Whether the worker that has it has begun to vote on it.
        deaths: How many workers died while they voted on it.
    """

    place: int
    index: int
    x: np.ndarray
    begun: bool = False
    deaths: int = 0


@dataclasses.dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    tasks: dict[int, _Task] = dataclasses.field(default_factory=dict[int, _Task])


class _Crew:
    """The workers of one map, and what they are doing."""

    def __init__(self, size: int, context: BaseContext, cargo: bytes, loop: VoteLoop) -> None:
        self.size = size
        self.context = context
        self.cargo = cargo
        self.loop = loop
        self.share = 1
        self.workers: list[_Worker] = []
        self.again: deque[_Task] = deque()
        self.done: dict[int, Votes] = {}
        self.sent = 0
        self.false_starts = 0

    def run(self, inputs: Iterator[tuple[int, Tensor]]) -> Iterator[Votes]:
        following = next(inputs, None)
        if following is None:
            return
        # Enough inputs at once to fill a worker's batches, and no more: the others may be idle sooner.
        self.share = max(2, self.loop.inputs_that_fill_batches(following[0], at_looks=False))
        for place in range(2**63):
            while place not in self.done:
                following = self._send(inputs, following)
                if not any(worker.tasks for worker in self.workers):
                    return
                self._receive()
            yield self.done.pop(place)

    def _send(
        self, inputs: Iterator[tuple[int, Tensor]], following: tuple[int, Tensor] | None
    ) -> tuple[int, Tensor] | None:
        """Give work to those who can take it: again what was lost, then the inputs that follow."""
        while len(self.workers) < self.size and (self.again or following):
            self.workers.append(self._hire())
            following = self._give(self.workers[-1], inputs, following)
        for worker in sorted(self.workers, key=lambda worker: len(worker.tasks)):
            while (self.again or following) and self._can_take(worker):
                following = self._give(worker, inputs, following)
        return following

    def _can_take(self, worker: _Worker) -> bool:
        if self.again:  # whichever of a dead worker's inputs was to blame, each is now tried by itself
            return not worker.tasks
        alone = any(task.deaths for task in worker.tasks.values())
        return not alone and len(worker.tasks) < self.share

    def _give(
        self, worker: _Worker, inputs: Iterator[tuple[int, Tensor]], following: tuple[int, Tensor] | None
    ) -> tuple[int, Tensor] | None:
        if self.again:
            task = self.again.popleft()
        else:
            assert following is not None
            task = _Task(self.sent, following[0], following[1].cpu().numpy())
            self.sent += 1
            following = next(inputs, None)
        worker.tasks[task.place] = task
        task.begun = False
        with contextlib.suppress(OSError):  # it has just died; that is seen when the pipe is read
            worker.pipe.send((task.place, task.index, task.x))
        return following

    def _receive(self) -> None:
        """Wait for some worker to say something, or to die."""
        pipes = {worker.pipe: worker for worker in self.workers}
        for pipe in wait(list(pipes)):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                while worker.pipe.poll():
                    self._hear(worker, worker.pipe.recv())
            except (EOFError, OSError):
                self._bury(worker)

    def _hear(self, worker: _Worker, message: tuple[int, Votes | None] | Exception) -> None:
        if isinstance(message, Exception):
            raise message
        self.false_starts = 0
        place, votes = message
        if votes is None:
            worker.tasks[place].begun = True
        else:
            del worker.tasks[place]
            self.done[place] = votes

    def _bury(self, worker: _Worker) -> None:
        """A worker is dead: its inputs are to be done again."""
        self.workers.remove(worker)
        worker.pipe.close()
        worker.process.join()
        ended = f"exit code {worker.process.exitcode}"
        begun = [task for task in worker.tasks.values() if task.begun]
        if not begun:
            self.false_starts += 1
            if self.false_starts >= MOST_FALSE_STARTS:
                raise RunError(
                    f"{MOST_FALSE_STARTS} workers died before they began to vote ({ended}); if the machine "
                    "ran out of memory, use fewer workers, else one worker to see why."
                )
        for task in begun:
            task.deaths += 1
            if task.deaths >= MOST_DEATHS:
                raise RunError(
                    f"{MOST_DEATHS} workers died at input {task.index} ({ended}); if the machine ran out of "
                    "memory, use fewer workers or a smaller batch, else one worker to see why."
                )
        self.again.extendleft(reversed(worker.tasks.values()))

    def _hire(self) -> _Worker:
        ours, theirs = self.context.Pipe()
        process: BaseProcess = cast(Any, self.context).Process(
            target=_work, args=(theirs, self.cargo, plugins.loaded()), daemon=True
        )
        process.start()
        theirs.close()  # so that the pipe ends when the worker does
        return _Worker(process, ours)

    def dismiss(self) -> None:
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.pipe.close()


def _work(pipe: Connection, cargo: bytes, modules: tuple[str, ...]) -> None:
    """The life of a worker with the parent's plugins: votes for whatever comes through the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    torch.set_num_threads(1)
    inbox: queue.SimpleQueue[tuple[int, int, np.ndarray]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(pipe, inbox), daemon=True).start()
    places: deque[int] = deque()

    def arriving() -> Iterator[tuple[int, Tensor] | None]:
        while True:
            try:
                place, index, x = inbox.get(block=not places)
            except queue.Empty:
                yield None
            else:
                places.append(place)
                pipe.send((place, None))  # from here on, a death may be this input's fault
                yield index, torch.from_numpy(x)

    try:
        plugins.load(modules)
        smoothed, quota, seed = pickle.loads(cargo)  # noqa: S301 (from the parent)
        for votes in smoothed.vote_loop(quota, seed=seed).run(arriving()):
            pipe.send((places.popleft(), votes))
    except InputError as error:
        pipe.send(error)
    except Exception as error:
        pipe.send(RunError(f"a worker process failed: {type(error).__name__}: {error}"))


def _read(pipe: Connection, inbox: queue.SimpleQueue[Any]) -> None:
    """Take inputs from the pipe, lest the parent waits; end when the parent does, however that ends."""
    try:
        while True:
            inbox.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(1)
