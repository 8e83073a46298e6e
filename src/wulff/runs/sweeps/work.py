"""Making the runs of a sweep: one after another or in parallel processes, finished ones skipped."""

import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Literal

import torch

from wulff import _files, models, plugins, training
from wulff._checks import is_table, one_of
from wulff._reading import reading
from wulff.engines.ray_cluster import spread
from wulff.engines.starting import begun_afresh
from wulff.errors import RunError, WulffError
from wulff.runs.execution import certify
from wulff.runs.folder import SUMMARY
from wulff.runs.run import Run, load
from wulff.runs.sweeps.file import Sweep, Task
from wulff.runs.training_run import train
from wulff.stats import check_sample_size

MOST_JOBS = 1024
"""More processes than this fit into no machine's memory."""
PLAN = "plan.json"

Watch = Callable[[str, training.Epoch | Run], None]
"""Called with a folder's name and how far it is, after every epoch and record."""


def run_sweep(
    sweep: Sweep,
    *,
    jobs: int = 1,
    watch: Watch | None = None,
    engine: Literal["local", "ray"] = "local",
) -> Iterator[tuple[str, str | None]]:
    """Train and certify whatever a sweep asks for and is not there yet.

    A killed sweep goes on where it was: the same call skips finished models and runs, and resumes others. A
    run that fails does not keep the others from being made.

    Args:
        sweep: What to do.
        jobs: How many processes work on it; 1 works in this one.
        engine: On this machine, or on a Ray cluster whose nodes all see the sweep's folder: a job is then a
            CPU core or GPU of it, and with jobs = 1 all of them work.
        watch: Told how far each run is, where the work is done in this process.

    Yields:
        For each model with its certifications, its name, and the reason for which it failed, or None.

    Raises:
        RunError: The folder holds another sweep.
        InputError: jobs is not positive.
    """
    check_sample_size(jobs, "jobs", MOST_JOBS)
    _keep_plan(sweep)
    if one_of("engine", engine, ("local", "ray")) == "ray":
        yield from _on_ray(sweep, jobs)
        return
    if jobs == 1:
        for task in sweep.tasks:
            yield task.name, _outcome(lambda task=task: _work(task, sweep.store, watch))
        return
    count = min(jobs, len(sweep.tasks))
    with ProcessPoolExecutor(
        count, mp_context=begun_afresh(), initializer=_start, initargs=(plugins.loaded(),)
    ) as pool:
        futures: dict[Future[None], str] = {
            pool.submit(_work, task, sweep.store): task.name for task in sweep.tasks
        }
        for future in as_completed(futures):
            yield futures[future], _outcome(future.result)


def sweep_runs(sweep: Sweep) -> list[Run]:
    """The runs of a sweep that have records, in its order."""
    folders = [sweep.store / "runs" / name for task in sweep.tasks for name in task.runs]
    return [run for folder in folders if folder.is_dir() and (run := load(folder)).records]


def is_finished(sweep: Sweep, folder: str) -> bool:
    """Whether a model or run, by its path within the sweep, needs no more work."""
    name = models.weights.FILE_NAME if folder.startswith("models/") else SUMMARY
    return (sweep.store / folder / name).exists()


def _work(task: Task, store: Path, watch: Watch | None = None) -> None:
    torch.set_num_threads(torch.get_num_threads() if watch else 1)
    tell: Watch = watch or (lambda _name, _state: None)
    if task.training is not None:
        folder = store / "models" / task.name
        if not (folder / models.weights.FILE_NAME).exists():
            train(task.training, folder, lambda epoch: tell(f"models/{task.name}", epoch))
    for name, spec in task.runs.items():
        folder = store / "runs" / name
        if not (folder / SUMMARY).exists():
            certify(spec, folder, progress=lambda run, name=name: tell(f"runs/{name}", run))


def _on_ray(sweep: Sweep, jobs: int) -> Iterator[tuple[str, str | None]]:
    on_gpu = any(
        spec is not None and spec.device != "cpu"
        for task in sweep.tasks
        for spec in (task.training, *task.runs.values())
    )
    store = sweep.store.absolute()
    workers = None if jobs == 1 else jobs
    for place, reason in spread(_attempt, sweep.tasks, store, workers=workers, gpu_share=float(on_gpu)):
        yield sweep.tasks[place].name, reason


def _attempt(task: Task, store: Path) -> str | None:
    return _outcome(lambda: _work(task, store))


def _start(modules: tuple[str, ...]) -> None:
    """Begin as a process of a sweep: with the plugins of its parent, and no longer than it."""
    _end_with_parent()
    plugins.load(modules)


def _end_with_parent() -> None:
    """Let this process end when its parent does, however that ends; what was kept is gone on with later."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _outcome(work: Callable[[], None]) -> str | None:
    try:
        work()
    except WulffError as error:
        return str(error)
    except (
        OSError,
        RuntimeError,
        MemoryError,
    ) as error:  # a broken pool, a full disk, a device without memory
        return f"{type(error).__name__}: {error}"
    return None


def _tables(plan: Any) -> dict[str, Any]:
    if not is_table(plan) or not all(map(is_table, plan.values())):
        raise ValueError("it has something else than a table for each folder")
    return plan


def _keep_plan(sweep: Sweep) -> None:
    """Write which parameters decide each folder; refuse where a folder was made with others."""
    file = sweep.store / PLAN
    if sweep.store.exists() and not sweep.store.is_dir():
        raise RunError(f"{sweep.store} is a file; give a folder for the sweep.")
    stored: dict[str, Any] = {}
    if file.exists():
        with reading(file, "plan of a sweep", "remove it if the sweep file is the one that made this folder"):
            stored = _tables(json.loads(file.read_text("utf-8")))
    plan = dict(stored)
    for task in sweep.tasks:
        for folder, parameters in task.parameters.items():
            before = plan.get(folder, parameters)
            if before != parameters:
                key = next(k for k in {*before, *parameters} if before.get(k) != parameters.get(k))
                raise RunError(
                    f"{sweep.store / folder} was made with {key} = {before.get(key)!r}, but the sweep now "
                    f"has {parameters.get(key)!r}; give another --store, or the same parameters."
                )
            plan[folder] = parameters
    if plan != stored or not file.exists():  # a finished sweep may lie on a disk that is read-only
        sweep.store.mkdir(parents=True, exist_ok=True)
        _files.write(file, json.dumps(plan, indent=1) + "\n")
