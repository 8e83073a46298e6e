"""Whether runs can be compared: they are, if all of them are finished and on the same inputs."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.reports.curves import check_runs
from wulff.runs import Run
from wulff.runs.spec import IN_PYTHON

_COMMON = "These are the {:,} inputs that all of the runs have."


def comparable(runs: Sequence[Run]) -> bool:
    """Whether the shares of runs are of the same inputs, none of which is still missing."""
    return not any(is_unfinished(run) for run in runs) and all(same_inputs(runs[0], run) for run in runs[1:])


def warnings(runs: Sequence[Run]) -> list[str]:
    """What every table and page of these runs says of their inputs; nothing where there is nothing to say."""
    found = [
        f"{run.name} is unfinished: {len(run.records)} of {run.expected} inputs."
        for run in runs
        if is_unfinished(run)
    ]
    if any(run.is_part for run in runs):
        found.append(_COMMON.format(len(runs[0].records)))
    other = next((run for run in runs[1:] if not same_inputs(runs[0], run)), None)
    if other is not None:
        found.append(
            f"These runs are not on the same inputs: {runs[0].name} has {len(runs[0].records):,}, "
            f"{other.name} {len(other.records):,}{_of_which(runs)}. Their numbers cannot be compared, and "
            "none is marked as the best."
        )
    return found


def is_unfinished(run: Run) -> bool:
    """Whether inputs of a run have no record yet."""
    return len(run.records) < run.expected


def same_inputs(first: Run, second: Run) -> bool:
    """Whether two runs are on the same inputs, as far as their records say."""
    return _same_data(first, second) and np.array_equal(_inputs(first), _inputs(second))


def shared_inputs(runs: Sequence[Run]) -> IntArray:
    """The positions, in their data set, of the inputs that all runs have.

    Raises:
        InputError: There are none, or the runs are on different data.
    """
    first = runs[0]
    for run in runs[1:]:
        data = [one.spec.dataset for one in (first, run)]
        hashes = [one.facts.data_hash for one in (first, run)]
        if hashes[0] is None or hashes[0] != hashes[1]:
            if None not in data and data[0] != data[1]:
                raise InputError(f"{first.name} is on {data[0]}, but {run.name} on {data[1]}.")
            if data[0] == IN_PYTHON:
                raise InputError(f"{first.name} and {run.name} are on different inputs.")
    index = reduce(np.intersect1d, [run.columns.index for run in runs])
    for run in runs[1:]:
        if len(index) == 0:
            raise InputError(f"{first.name} and {run.name} share no inputs.")
        differs = _labels(first, index) != _labels(run, index)
        if differs.any():
            raise InputError(
                f"{first.name} and {run.name} disagree on the true label of input "
                f"{int(index[differs][0])}: they are on different data."
            )
    return index


def on_common_inputs(runs: Sequence[Run]) -> list[Run]:
    """The runs on those inputs that all of them have; runs that have no others stay as they are.

    Raises:
        InputError: There are none, or the runs are on different data.
    """
    runs = check_runs(runs)
    if len(runs) < 2:
        return runs
    index = shared_inputs(runs)
    return [run if len(run.records) == run.expected == len(index) else run.part(index) for run in runs]


def _of_which(runs: Sequence[Run]) -> str:
    """How many inputs all runs have, and what reports them alone."""
    try:
        shared = len(shared_inputs(runs))
    except InputError as error:
        return f"; {str(error).rstrip('.')}"
    return f"; --common (reports.on_common_inputs) takes the {shared:,} that all have"


def _same_data(first: Run, second: Run) -> bool:
    """Whether nothing says that two runs are on different data; a log has no hash of them."""
    hashes = {run.facts.data_hash for run in (first, second)} - {None}
    return len(hashes) < 2 or first.is_part or second.is_part  # of a part there is no hash


def _inputs(run: Run) -> IntArray:
    """Index and label of every input, by index."""
    return np.stack([run.columns.index, run.labels])[:, np.argsort(run.columns.index)]


def _labels(run: Run, index: IntArray) -> IntArray:
    """The true labels of some inputs of a run."""
    order = np.argsort(run.columns.index)
    return run.labels[order][np.searchsorted(run.columns.index[order], index)]
