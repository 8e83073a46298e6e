"""Certify and predict over a data set: every input once, however often the process is killed."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wulff import engines
from wulff.runs.journal import RECORDS, SUMMARY, Journal, read_records, refuse_other_spec, stored_spec
from wulff.runs.records import Record, sparse
from wulff.runs.run import Run, load
from wulff.runs.spec import Job, Spec, prepare
from wulff.runs.terms import Counted, Terms
from wulff.smoothing import AnytimeQuota, FixedQuota, Phase, Quota, Votes
from wulff.stats import predict as rank_test

Progress = Callable[[Run], None]
"""Called with the run so far, at the start and after every record."""


def execute(
    spec: Spec,
    store: str | Path,
    engine: str | engines.Engine = "local",
    progress: Progress | None = None,
) -> Run:
    """Make a run, or finish it where an earlier process left it.

    The records are the same, timings aside, however often the run is interrupted.

    Args:
        spec: What to do.
        store: The run folder; created, or resumed if it holds the same spec.
        engine: Where votes are counted, an engine or its name; it decides no number.
        progress: Called with the run so far, at the start and after every record.

    Raises:
        InputError: The spec is not allowed; nothing is written.
        RunError: The folder holds another spec, or is in use; nothing is written.
    """
    folder = Path(store)
    counter = engines.find(engine) if isinstance(engine, str) else engine
    job = prepare(spec, stored_spec(folder))
    job.document["engine"]["name"] = counter.name
    quota = _quota(job)
    if (done := finished(folder, job.document, set(job.dataset.index))) is not None:
        if progress:
            progress(done)
        return done
    terms = Terms.of_run(job.document["run"]) if spec.task == "certify" else None
    with Journal(folder, job.document) as journal:
        run = Run(folder, job.document, journal.records)
        if progress:
            progress(run)
        done = {record.index for record in journal.records}
        labels = dict(zip(job.dataset.index, job.dataset.labels.tolist(), strict=True))
        pairs = zip(job.dataset.index, job.dataset.images, strict=True)
        waiting = ((index, x) for index, x in pairs if index not in done)
        started = time.perf_counter()
        for votes in counter.map(job.smoothed, quota, job.seed, waiting):
            now = time.perf_counter()
            seconds, started = round(now - started, 6), now
            label = labels[votes.index]
            if terms is None:
                journal.append(_predicted(job, votes, label, seconds))
            else:
                journal.append(_certified(terms, votes, label, seconds))
            if progress:
                progress(run)
        journal.summarize(summary(run))
    return load(folder)


def certify(
    spec: Spec,
    store: str | Path,
    engine: str | engines.Engine = "local",
    progress: Progress | None = None,
) -> Run:
    """Certify every input of a data set; see `execute`."""
    return execute(spec, store, engine, progress)


def finished(folder: Path, document: dict[str, Any], indices: set[int]) -> Run | None:
    """The run in a folder that may not be written to, if nothing of it is missing.

    Raises:
        RunError: The folder holds another spec.
    """
    stored = stored_spec(folder)
    if stored is None or os.access(folder, os.W_OK) or not (folder / SUMMARY).is_file():
        return None
    refuse_other_spec(folder, stored, document)
    records, complete = read_records(folder / RECORDS)
    if {record.index for record in records} != indices or complete < (folder / RECORDS).stat().st_size:
        return None
    return Run(folder, stored, records)


def _quota(job: Job) -> Quota:
    spec = job.spec
    if spec.task == "predict":
        return FixedQuota({Phase.PREDICTION: spec.n})
    if spec.stop is None:
        return FixedQuota({Phase.SELECTION: spec.n0, Phase.ESTIMATION: spec.n})
    labels = dict(zip(job.dataset.index, job.dataset.labels.tolist(), strict=True))
    return AnytimeQuota(
        spec.stop, job.noise, job.norms, n0=spec.n0, n=spec.n, alpha=spec.alpha, labels=labels
    )


def _certified(terms: Terms, votes: Votes, label: int, seconds: float) -> Record:
    counted = Counted(
        index=votes.index,
        label=label,
        seconds=seconds,
        selection=votes.counts[Phase.SELECTION],
        estimation=votes.counts[Phase.ESTIMATION],
        n0=votes.sizes[Phase.SELECTION],
        n=votes.sizes.get(Phase.ESTIMATION, 0),
        not_a_number=_not_a_number(votes),
    )
    return terms.records([counted])[0]


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
        not_a_number=_not_a_number(votes),
    )


def _not_a_number(votes: Votes) -> dict[str, int]:
    return {phase.name.lower(): copies for phase, copies in votes.not_a_number.items()}


def summary(run: Run) -> dict[str, Any]:
    """What is worth knowing of a run at a glance."""
    correct = run.predictions == run.labels
    lost = run.not_a_number
    return {
        "inputs": len(run.records),
        "correct": int(correct.sum()),
        "abstained": int((run.predictions == -1).sum()),
        "average_certified_radius": {
            norm: float(np.where(correct, run.radii(norm), 0.0).mean()) for norm in run.norms
        },
        **({"not_a_number": sum(lost.values()), "not_a_number_since": next(iter(lost))} if lost else {}),
        "samples": sum(record.n or 0 for record in run.records),
        "seconds": round(sum(record.seconds for record in run.records), 3),
    }
