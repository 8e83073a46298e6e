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
from wulff.norms import Box, Threat
from wulff.runs.certifying import Counted, certified_records
from wulff.runs.continuing import by_phase, check_votes, to_recount
from wulff.runs.document import Facts, to_document
from wulff.runs.job import Job, prepare
from wulff.runs.journal import SUMMARY, Journal, Unstored, accept, stored_document, stored_run
from wulff.runs.records import Record, sparse
from wulff.runs.run import Run, load
from wulff.runs.spec import AnySpec, PredictSpec, Spec
from wulff.runs.summaries import summary
from wulff.smoothing import FixedQuota, Phase, Quota, Terms, Votes, certification_quota
from wulff.stats import predict as rank_test

Progress = Callable[[Run], None]
"""Called with the run so far, at the start and after every record."""


def certify(
    spec: Spec,
    store: str | Path,
    engine: str | engines.Engine = "local",
    progress: Progress | None = None,
) -> Run:
    """Certify every input of a data set; see `execute`.

    Raises:
        InputError: The spec is of a prediction, or is not allowed; nothing is written.
        RunError: The folder holds another run, or is in use; nothing is written.
    """
    if not isinstance(spec, Spec):
        raise InputError(
            f"certify needs a runs.Spec, got {type(spec).__name__}; runs.execute makes predictions too."
        )
    return execute(spec, store, engine, progress)


def execute(
    spec: Spec | PredictSpec,
    store: str | Path,
    engine: str | engines.Engine = "local",
    progress: Progress | None = None,
) -> Run:
    """Make a run, or finish it where an earlier process left it.

    The records are the same, timings aside, however often the run is interrupted.

    Args:
        spec: What to do: a certification or a prediction.
        store: The run folder; created, or resumed if it holds the same spec.
        engine: Where votes are counted, an engine or its name; it decides no number.
        progress: Called with the run so far, at the start and after every record.

    Raises:
        InputError: The spec is not allowed; nothing is written.
        RunError: The folder holds another run, or is in use; nothing is written.
    """
    if not isinstance(spec, Spec | PredictSpec):
        raise InputError(f"a run is made from a Spec or a PredictSpec, got {type(spec).__name__}.")
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
    terms = job.spec.terms(job.noise) if isinstance(job.spec, Spec) else None
    quota: Quota = (
        FixedQuota({Phase.PREDICTION: job.spec.n})
        if terms is None
        else certification_quota(terms, _threats(job), job.labels if job.facts.labelled else None)
    )
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
        for votes in counter.map(job.smoothed, quota, job.seed, _waiting(job, done, known)):
            now = time.perf_counter()
            seconds, started = round(now - started, 6), now
            if known is not None:  # it is the first one
                check_votes(known, votes, random=job.spec.random_denoiser)
                known = None
                continue
            label = labels[votes.index]
            if terms is None:
                journal.append(_predicted(job, votes, label, seconds))
            else:
                journal.append(_certified(job, terms, votes, label, seconds))
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


def _threats(job: Job) -> list[Threat]:
    return job.spec.threats if isinstance(job.spec, Spec) else []


def _certified(job: Job, terms: Terms, votes: Votes, label: int, seconds: float) -> Record:
    counted = Counted(
        index=votes.index,
        label=label,
        seconds=seconds,
        selection=votes.counts[Phase.SELECTION],
        estimation=votes.counts[Phase.ESTIMATION],
        n0=votes.sizes[Phase.SELECTION],
        n=votes.sizes.get(Phase.ESTIMATION, 0),
        not_a_number=by_phase(votes.not_a_number),
    )
    threats = _threats(job)
    in_box = any(isinstance(threat, Box) for threat in threats)
    x = job.dataset.images[job.places[votes.index]][None] if in_box else None
    return certified_records(terms, threats, [counted], x)[0]


def _predicted(job: Job, votes: Votes, label: int, seconds: float) -> Record:
    counts = votes.counts[Phase.PREDICTION]
    n = votes.sizes[Phase.PREDICTION]
    unknown = n - counts.sum() if job.spec.sampling == "exact" else None
    predict = int(rank_test(counts, job.spec.alpha, unknown))
    return Record(
        votes.index,
        label,
        predict,
        seconds,
        n,
        counts={"prediction": sparse(counts)},
        not_a_number=by_phase(votes.not_a_number),
    )
