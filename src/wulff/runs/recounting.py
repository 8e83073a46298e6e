"""Fresh votes for some inputs of a run, against the recorded ones: was it this classifier that voted?"""

import dataclasses
import secrets

import numpy as np

from wulff.errors import InputError
from wulff.runs.continuing import FALSE_ALARM, p_value
from wulff.runs.job import prepare
from wulff.runs.run import Run
from wulff.runs.spec import IN_PYTHON, Spec


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
    if not isinstance(spec, Spec) or not run.records:
        raise InputError(f"{run.folder} has no certified inputs whose votes could be counted again.")
    if spec.dataset == IN_PYTHON:
        raise InputError(f"{run.folder} was made in Python: its model and inputs are not stored with it.")
    fresh_spec = dataclasses.replace(
        spec, seed=secrets.randbits(63), stop=None, architecture=spec.architecture or architecture
    )
    job = prepare(fresh_spec)
    for name, stored in run.facts.hashes.items():
        if job.facts.hashes.get(name) != stored:
            raise InputError(f"the {name} of {run.folder} are not what they were when it was made.")
    phase = "estimation" if spec.stop is None else "selection"
    place = {index: i for i, index in enumerate(job.dataset.index)}
    chosen = np.unique(np.linspace(0, len(run.records) - 1, inputs).round().astype(int))
    found = []
    for record in (run.records[i] for i in chosen):
        size = (record.n or 0) if spec.stop is None else spec.n0
        x = job.dataset.images[place[record.index] : place[record.index] + 1]
        votes = job.smoothed.counts(x, size, seed=job.seed, index=[record.index]).votes[0]
        label = max(record.counts[phase], key=lambda c: record.counts[phase][c], default=0)
        recorded, fresh = record.counts[phase].get(label, 0), int(votes[label])
        likely = p_value(recorded, size, fresh, size)
        differs = likely < FALSE_ALARM / len(chosen)
        found.append(Recount(record.index, recorded, size, fresh, size, likely, differs))
    return found
