"""Certify and predict over a data set: every input once, however often the process is killed."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wulff import engines
from wulff._typing import IntArray
from wulff.runs.journal import Journal, stored_spec
from wulff.runs.records import CertifiedRadius, Record, sparse
from wulff.runs.run import Run, load
from wulff.runs.spec import Job, Spec, prepare
from wulff.smoothing import EstimationCounts, Phase, SelectionCounts, certify_counts
from wulff.stats import predict as rank_test

Progress = Callable[[Run], None]
"""Called with the run so far, at the start and after every record."""


def execute(spec: Spec, store: str | Path, engine: str = "local", progress: Progress | None = None) -> Run:
    """Make a run, or finish it where an earlier process left it.

    The records are the same, timings aside, however often the run is interrupted.

    Args:
        spec: What to do.
        store: The run folder; created, or resumed if it holds the same spec.
        engine: Where votes are counted; it decides no number.
        progress: Called with the run so far, at the start and after every record.

    Raises:
        InputError: The spec is not allowed; nothing is written.
        RunError: The folder holds another spec, or is in use; nothing is written.
    """
    folder = Path(store)
    counter = engines.find(engine)
    job = prepare(spec, stored_spec(folder))
    phases = (Phase.PREDICTION,) if spec.task == "predict" else (Phase.SELECTION, Phase.ESTIMATION)
    sizes = {phase: spec.n0 if phase == Phase.SELECTION else spec.n for phase in phases}
    with Journal(folder, job.document) as journal:
        run = Run(folder, job.document, journal.records)
        if progress:
            progress(run)
        done = {record.index for record in journal.records}
        labels = dict(zip(job.dataset.index, job.dataset.labels.tolist(), strict=True))
        pairs = zip(job.dataset.index, job.dataset.images, strict=True)
        waiting = ((index, x) for index, x in pairs if index not in done)
        started = time.perf_counter()
        for votes in counter.map(job.smoothed, sizes, job.seed, waiting):
            now = time.perf_counter()
            seconds, started = round(now - started, 6), now
            make = _predicted if spec.task == "predict" else _certified
            journal.append(make(job, votes.index, labels[votes.index], votes.counts, seconds))
            if progress:
                progress(run)
        journal.summarize(_summary(run))
    return load(folder)


def certify(spec: Spec, store: str | Path, engine: str = "local", progress: Progress | None = None) -> Run:
    """Certify every input of a data set; see `execute`."""
    return execute(spec, store, engine, progress)


def _certified(job: Job, index: int, label: int, counts: Mapping[Phase, IntArray], seconds: float) -> Record:
    selection = SelectionCounts(counts[Phase.SELECTION][None], job.spec.n0)
    estimation = EstimationCounts(counts[Phase.ESTIMATION][None], job.spec.n)
    noise = job.smoothed.noise.in_dim(job.dataset.images[0].numel())
    radii: dict[str, CertifiedRadius] = {}
    predict, error = -1, 1.0
    for norm in job.norms:
        proof = certify_counts(selection, estimation, noise, norm=norm, alpha=job.spec.alpha, seed=job.seed)
        predict, error = int(proof.label[0]), float(proof.error[0])
        radii[str(norm)] = CertifiedRadius(
            radius=float(proof.radius[0]), method=str(proof.method[0]), tight=bool(proof.tight[0])
        )
    votes = {
        "selection": sparse(counts[Phase.SELECTION]),
        "estimation": sparse(counts[Phase.ESTIMATION]),
    }
    return Record(index, label, predict, seconds, error, votes, radii)


def _predicted(job: Job, index: int, label: int, counts: Mapping[Phase, IntArray], seconds: float) -> Record:
    votes = counts[Phase.PREDICTION]
    predict = int(rank_test(votes, job.spec.alpha))
    return Record(index, label, predict, seconds, counts={"prediction": sparse(votes)})


def _summary(run: Run) -> dict[str, Any]:
    correct = run.predictions == run.labels
    return {
        "inputs": len(run.records),
        "correct": int(correct.sum()),
        "abstained": int((run.predictions == -1).sum()),
        "average_certified_radius": {
            norm: float(np.where(correct, run.radii(norm), 0.0).mean()) for norm in run.norms
        },
        "seconds": round(sum(record.seconds for record in run.records), 3),
    }
