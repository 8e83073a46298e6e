"""Fresh votes for some inputs of a run, against the recorded ones: was it this classifier that voted?"""

import dataclasses
import secrets

import numpy as np

from wulff.errors import InputError
from wulff.runs.continuing import FALSE_ALARM, p_value
from wulff.runs.job import Job, prepare
from wulff.runs.records import Record
from wulff.runs.run import Run
from wulff.runs.spec import IN_PYTHON, RunSpec, Spec
from wulff.runs.verdicts import dense, quota
from wulff.runs.view_spec import ViewSpec
from wulff.smoothing import Phase


@dataclasses.dataclass(frozen=True)
class Recount:
    """Votes for the most frequent class of one input, recorded and fresh.

    Attributes:
        index: The input.
        recorded: How many of the recorded copies voted for it.
        n: How many recorded copies there are.
        fresh: How many of the fresh copies voted for it.
        fresh_n: How many fresh copies there are.
        p_value: How likely shares at least as different are if both are votes of one classifier.
        differs: Whether that is below this input's part of the false alarm rate.
    """

    index: int
    recorded: int
    n: int
    fresh: int
    fresh_n: int
    p_value: float
    differs: bool


def recount(run: Run, inputs: int, architecture: str | None = None) -> list[Recount]:
    """Count votes again, with noise of a new seed from the operating system, for inputs spread over the run.

    The share of the class with the most recorded votes is compared by the hypergeometric test. Where the
    votes decided when sampling stopped, those of the selection are compared, whose number was fixed.

    Raises:
        InputError: The run is no certification, or its model or data are not what they were.
    """
    spec = run.spec
    if isinstance(spec, ViewSpec) and run.records:
        return _all_views_again(run, spec, inputs, architecture)
    if not isinstance(spec, Spec) or not run.records:
        raise InputError(f"{run.folder} has no certified inputs whose votes could be counted again.")
    fresh_spec = dataclasses.replace(
        spec, seed=secrets.randbits(63), stop=None, architecture=spec.architecture or architecture
    )
    job = _same_job(run, fresh_spec)
    phase = "estimation" if spec.stop is None else "selection"
    place = {index: i for i, index in enumerate(job.dataset.index)}
    chosen = _spread(run, inputs)
    found: list[Recount] = []
    for record in chosen:
        size = (record.n or 0) if spec.stop is None else spec.n0
        x = job.dataset.images[place[record.index] : place[record.index] + 1]
        votes = job.sampled.counts(x, size, seed=job.seed, index=[record.index]).votes[0]
        counts = record.counts[phase]
        label = max(counts, key=counts.__getitem__, default=0)
        recorded, fresh = counts.get(label, 0), int(votes[label])
        likely = p_value(recorded, size, fresh, size)
        differs = likely < FALSE_ALARM / len(chosen)
        found.append(Recount(record.index, recorded, size, fresh, size, likely, differs))
    return found


def _all_views_again(run: Run, spec: ViewSpec, inputs: int, architecture: str | None) -> list[Recount]:
    """The same of all views, whose votes have to be the recorded ones."""
    job = _same_job(run, dataclasses.replace(spec, architecture=spec.architecture or architecture))
    chosen = _spread(run, inputs)
    pairs = [(record.index, job.dataset.images[job.places[record.index]]) for record in chosen]
    found: list[Recount] = []
    for record, votes in zip(chosen, job.smoothed.vote_loop(quota(job)).run(pairs), strict=True):
        fresh, n = votes.counts[Phase.ENUMERATION], record.n or 0
        recorded = dense(record.counts["enumeration"], len(fresh))
        label, differs = int(recorded.argmax()), bool((fresh != recorded).any())
        likely = 0.0 if differs else 1.0
        found.append(Recount(record.index, int(recorded[label]), n, int(fresh[label]), n, likely, differs))
    return found


def _spread(run: Run, inputs: int) -> list[Record]:
    """So many records, spread over the run."""
    chosen = np.unique(np.linspace(0, len(run.records) - 1, inputs).round().astype(int))
    return [run.records[i] for i in map(int, chosen)]


def _same_job(run: Run, spec: RunSpec) -> Job:
    """The run's classifier and inputs, which must be what they were."""
    if spec.dataset == IN_PYTHON:
        raise InputError(f"{run.folder} was made in Python: its model and inputs are not stored with it.")
    job = prepare(spec)
    for name, stored in run.facts.hashes.items():
        if job.facts.hashes.get(name) != stored:
            raise InputError(f"the {name} of {run.folder} are not what they were when it was made.")
    return job
