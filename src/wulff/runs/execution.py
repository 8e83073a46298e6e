"""Certify and predict over a data set: every input once, however often the process is killed."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from wulff import engines
from wulff._checks import file_path
from wulff.errors import InputError
from wulff.runs.continuing import check_votes, to_recount
from wulff.runs.document import Facts, to_document
from wulff.runs.folder import SUMMARY, stored_document
from wulff.runs.job import Job, prepare
from wulff.runs.journal import Journal, Unstored, accept, stored_run
from wulff.runs.records import Record
from wulff.runs.run import Run, load
from wulff.runs.spec import AnySpec, RunSpec, Spec
from wulff.runs.summaries import summary
from wulff.runs.verdicts import quota, verdict
from wulff.runs.view_spec import ViewSpec
from wulff.runs.vote_spec import VoteSpec

Progress = Callable[[Run], None]
"""Called with the run so far, at the start and after every record."""


def certify(
    spec: Spec | ViewSpec,
    store: str | Path,
    engine: str | engines.Engine = "local",
    progress: Progress | None = None,
) -> Run:
    """Certify every input of a data set; see `execute`.

    Raises:
        InputError: The spec is of a prediction, or is not allowed; nothing is written.
        RunError: The folder holds another run, or is in use; nothing is written.
    """
    if not isinstance(spec, Spec | ViewSpec):
        raise InputError(
            f"certify needs a runs.Spec or a runs.ViewSpec, got {type(spec).__name__}; runs.execute makes "
            "predictions too."
        )
    return execute(spec, store, engine, progress)


def execute(
    spec: RunSpec,
    store: str | Path,
    engine: str | engines.Engine = "local",
    progress: Progress | None = None,
) -> Run:
    """Make a run, or finish it where an earlier process left it.

    The records are the same, timings aside, however often the run is interrupted.

    Args:
        spec: What to do: a certification, a prediction, or the enumeration of views, which is both.
        store: The run folder; created, or resumed if it holds the same spec.
        engine: Where votes are counted, an engine or its name; it decides no number.
        progress: Called with the run so far, at the start and after every record.

    Raises:
        InputError: The spec is not allowed; nothing is written.
        RunError: The folder holds another run, or is in use; nothing is written.
    """
    if not isinstance(spec, VoteSpec):
        raise InputError(
            f"a run is made from a Spec, a PredictSpec or a ViewSpec, got {type(spec).__name__}."
        )
    folder = file_path("store", store)
    return run_job(prepare(spec, stored_run(folder)), folder, engine, progress)


def run_job(
    job: Job,
    store: Path | None,
    engine: str | engines.Engine = "local",
    progress: Progress | None = None,
) -> Run:
    """Make the run of a job, or finish it where an earlier process left it.

    Before a run goes on, the votes of one of its inputs are counted again, and must be the same.

    Args:
        job: What to do.
        store: The run folder; None keeps the run in memory.
        engine: Where votes are counted, an engine or its name.
        progress: Called with the run so far, at the start and after every record.

    Raises:
        RunError: The folder holds another run or is in use, or the classifier is another one.
    """
    counter = engines.find(engine) if isinstance(engine, str) else engine
    engine_facts = {**job.facts.engine, "name": counter.name}
    job = dataclasses.replace(job, facts=dataclasses.replace(job.facts, engine=engine_facts))
    if store is not None and (run := finished(store, job.document, set(job.dataset.index))) is not None:
        if progress:
            progress(run)
        return run
    journal = Unstored() if store is None else Journal(store, job.document)
    with journal:
        folder = store or Path(f"{job.spec.model}, {job.spec.noise}")
        run = Run(folder, job.spec, journal.records, job.facts, stored=store is not None)
        if progress:
            progress(run)
        done = set(run.columns.index.tolist())
        known = to_recount(run, is_finished=len(done) >= len(job.dataset))
        labels = job.labels
        started = time.perf_counter()
        for votes in counter.map(job.smoothed, quota(job), job.seed, _waiting(job, done, known)):
            now = time.perf_counter()
            seconds, started = round(now - started, 6), now
            if known is not None:  # it is the first one
                check_votes(known, votes, random=job.spec.is_random)
                known = None
                continue
            record = verdict(job, votes, labels[votes.index], seconds)
            journal.append(dataclasses.replace(record, file=job.file(votes.index)))
            if progress:
                progress(run)
        if store is not None:
            journal.summarize(summary(run) | _nodes(counter))
    return run if store is None else load(store)


def _nodes(engine: engines.Engine) -> dict[str, Any]:
    """How many copies were counted where, and how many again, if the engine tells."""
    account = getattr(engine, "account", None)
    return {"nodes": dict(account), "counted_again": getattr(engine, "again", 0)} if account else {}


def _waiting(job: Job, done: set[int], known: Record | None) -> Iterator[tuple[int, Tensor]]:
    """The input that is counted again, if there is one, and those that have no record yet."""
    dataset = job.dataset
    if known is not None:
        yield known.index, dataset.images[job.places[known.index]]
    pairs = zip(dataset.index, dataset.images, strict=True)
    yield from ((index, x) for index, x in pairs if index not in done)


def store_finished(store: str | Path, spec: AnySpec, facts: Facts, records: Sequence[Record]) -> Run:
    """Write a run whose records are all known at once, or what an earlier process left of it."""
    folder, document = file_path("store", store), to_document(spec, facts)
    done = finished(folder, document, {record.index for record in records})
    if done is not None:
        return done
    with Journal(folder, document) as journal:
        journal.append_missing(records)
        run = load(folder)
        journal.summarize(summary(run))
    return run


def finished(folder: Path, document: dict[str, Any], indices: set[int]) -> Run | None:
    """The run in a folder that may not be written to, if nothing of it is missing.

    Raises:
        RunError: The folder holds another run.
    """
    stored = stored_document(folder)
    if stored is None or os.access(folder, os.W_OK) or not (folder / SUMMARY).is_file():
        return None
    accept(folder, stored, document)
    run = load(folder)
    return run if set(run.columns.index.tolist()) == indices else None
