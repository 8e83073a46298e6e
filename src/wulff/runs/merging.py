"""Runs over disjoint parts of a data set, made anywhere, as one run."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

from wulff import datasets
from wulff._checks import file_path, instance
from wulff.errors import InputError, RunError
from wulff.runs.document import deciding
from wulff.runs.execution import store_finished
from wulff.runs.run import Run, load
from wulff.runs.spec import PredictSpec, RunSpec, Spec
from wulff.runs.view_spec import ViewSpec


def merge(folders: Sequence[str | Path], store: str | Path, dataset: str | None = None) -> Run:
    """One run from several that differ in their slice alone.

    The records are those of a run over all of the inputs, as one process would have made it. Certificates
    stay as they are: each is about its own input.

    Args:
        folders: At least two finished runs.
        store: The folder of the new run.
        dataset: Where the inputs are; by default where the first run found them.

    Raises:
        InputError: The runs overlap, differ in something else, or do not fit together; nothing is written.
        RunError: A folder is not a finished run, or the store holds another one; nothing is written.
    """
    sources = [load(folder) for folder in folders]
    if len(sources) < 2:
        raise InputError("merge takes at least two runs.")
    first = sources[0]
    spec = instance(
        "the run",
        first.spec,
        (Spec, PredictSpec, ViewSpec),
        f"a certification or prediction, not {first.folder}",
    )
    for run in sources:
        _check_finished(run)
        _check_alike(first, run)
    whole = datasets.load(spec.dataset if dataset is None else dataset, table=spec.table)
    for run in sources:
        found = whole.slice(_spec(run).slice).sha256()
        if found != run.facts.data_hash:
            raise InputError(
                f"{run.folder} is of other inputs than {whole.name}; give their data set.", "dataset"
            )
    owner: dict[int, Path] = {}
    for run in sources:
        for index in run.columns.index.tolist():
            if index in owner:
                raise InputError(f"input {index} is in {owner[index]} and in {run.folder}; leave one out.")
            owner[index] = run.folder
    text = _slice_of(sorted(owner), len(whole))
    part = whole.slice(text)
    facts = dataclasses.replace(
        first.facts, inputs=len(part), hashes={**first.facts.hashes, "data": part.sha256()}
    )
    records = sorted((record for run in sources for record in run.records), key=lambda record: record.index)
    return store_finished(file_path("store", store), dataclasses.replace(spec, slice=text), facts, records)


def _spec(run: Run) -> RunSpec:
    assert isinstance(run.spec, Spec | PredictSpec | ViewSpec)
    return run.spec


def _check_finished(run: Run) -> None:
    if len(run.records) != run.facts.inputs:
        raise RunError(
            f"{run.folder} has {len(run.records):,} of {run.facts.inputs or 0:,} records; finish it first: "
            "the same command goes on where it stopped."
        )


def _check_alike(first: Run, run: Run) -> None:
    """Refuse what differs in anything that decides a number, but for the slice."""
    ours, theirs = deciding(first.spec, first.facts), deciding(run.spec, run.facts)
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            raise InputError(
                f"{run.folder} differs from {first.folder} in {name}: {theirs.get(name)} and "
                f"{ours.get(name)}."
            )


def _slice_of(indices: list[int], whole: int) -> str:
    """The slice that takes just these of so many inputs."""
    start, step = indices[0], indices[1] - indices[0]
    if indices != list(range(start, indices[-1] + 1, step)):
        gap = next(i for i, (a, b) in enumerate(itertools.pairwise(indices)) if b - a != step)
        raise InputError(
            f"the runs together are no slice of the data set: after input {indices[gap]} comes "
            f"{indices[gap + 1]}; a run for what lies between is missing."
        )
    stop = "" if indices[-1] + step >= whole else str(indices[-1] + 1)
    return f"{start or ''}:{stop}" + (f":{step}" if step > 1 else "")
