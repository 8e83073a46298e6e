"""Certificates from the counts of an earlier run, on other terms: no model, no data, no noise.

What counts of a fixed n support is every norm, alpha, bound and estimator, and every smaller n: the votes are
independent and alike, so that n' of them, drawn without looking, are n' fresh votes. Counts whose number the
votes themselves decided support every norm and alpha, by the bound that is valid whenever sampling stops, and
nothing else.
"""

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast

import numpy as np

from wulff._checks import file_path
from wulff._typing import IntArray
from wulff._warnings import warn
from wulff.certificates.box.own_rooms import OWN
from wulff.datasets import Dataset
from wulff.errors import InputError
from wulff.norms import Adversary, parse_adversaries, parse_threat
from wulff.runs.certifying import Counted, certified_records
from wulff.runs.execution import store_finished
from wulff.runs.fit import Fit
from wulff.runs.folder import RECORDS, stored_document
from wulff.runs.from_errors import against_others
from wulff.runs.original_inputs import OriginalInputs
from wulff.runs.records import Record
from wulff.runs.run import Run, check_run, load, recomputed
from wulff.runs.spec import ImportedSpec, Spec
from wulff.runs.verdicts import dense, of_all_views
from wulff.runs.view_spec import ViewSpec
from wulff.smoothing import Bound, Estimator, Purpose, Terms
from wulff.smoothing.streams import host_stream
from wulff.smoothing.terms import check_top
from wulff.stats import check_sample_size

TOGETHER = 1000
"""Inputs that are certified at once."""
MOST_VOTES = 10**8
"""Votes are drawn one by one, which more of them would make slow."""
DRAWN = "without replacement, from numbers keyed by seed, input and n"
"""How a smaller sample is taken from the votes, as a run records it."""


class Changes(TypedDict, total=False):
    """The terms that `recertify` can change; what is not given, or None, stays as it was."""

    norms: Sequence[Adversary | str] | None
    alpha: float | None
    n: int | None
    bound: Bound | None
    estimator: Estimator | None
    top: int | None
    dataset: str | Dataset | None


def recertify(folder: str | Path, store: str | Path | None = None, **changes: Unpack[Changes]) -> Run:
    """Recompute every certificate of a run from its stored counts; what is not given stays as it was.

    Every recertification is a statement of its own, at its own alpha. To choose among several after seeing
    them, divide alpha among them.

    Args:
        folder: A certification, finished or not.
        store: A folder for the new run; None keeps it in memory.
        **changes: `norms`: against which adversaries. `alpha`: the probability, for each input, with which
            its certificate may be wrong. `n`: a smaller sample size: so many of the counted votes of each
            input are drawn at random, from numbers keyed by the run's seed, the input and n. `bound`:
            `one-sided` or `two-sided`. `estimator`: `clopper-pearson` or `randomized-clopper-pearson`.
            `top`: among how many of the most likely classes the label has to stay.
            `dataset`: where the run's inputs are, a name or a `wulff.datasets.Dataset`: radii in the box are
            then larger, by the room of each input. Of runs in Python that are still in memory, they are
            there.

    Raises:
        InputError: The counts do not support what is asked for; nothing is written.
        RunError: A folder is not a run, is damaged, or holds another one; nothing is written.
    """
    source = load(folder)
    done = on_other_terms(source, **changes)
    if store is None:
        return done
    store = file_path("store", store)
    if os.path.realpath(store) == os.path.realpath(source.folder):  # links may lead in a circle
        raise InputError(f"{store} is the run that is recertified; give another folder.")
    digest = hashlib.sha256((source.folder / RECORDS).read_bytes()).hexdigest()
    facts = dataclasses.replace(done.facts, counted={**done.facts.counted, "records": digest})
    stored_document(store)  # refuses what is no run folder before anything is made
    return store_finished(store, done.spec, facts, done.records)


def on_other_terms(source: Run, **changes: Unpack[Changes]) -> Run:
    """`recertify` in memory, for a run that is loaded: the new run's folder is that of the votes."""
    check_run(source)
    given = {name: value for name, value in changes.items() if value is not None}
    if unknown := given.keys() - Changes.__annotations__.keys():
        raise InputError(f"recertify changes {', '.join(Changes.__annotations__)}, got {min(unknown)}.")
    if "norms" in given:
        given["norms"] = tuple(map(str, parse_adversaries(cast(Sequence[Adversary | str], given["norms"]))))
    dataset = cast(str | Dataset | None, given.pop("dataset", None))
    if isinstance(source.spec, ImportedSpec) and source.records and source.columns.has_error:
        return _of_a_log(source, source.spec, given, dataset)
    if isinstance(source.spec, ViewSpec):
        return _of_views(source, source.spec, given, dataset)
    before = _check_kind(source)
    if "n" in given:
        _check_size(source, before, check_sample_size(cast(int, given["n"])))
    spec = dataclasses.replace(before, **given)
    check_top(spec.top, source.facts.classes or spec.top + 1)
    inputs = OriginalInputs.of(source, dataset, spec.threats)
    _warn_of_rooms(source, spec, inputs)
    terms = spec.terms(source.terms.noise)
    _check_records(source)
    counted = [_counted(source, record, terms) for record in source.records]
    records: list[Record] = []
    for start in range(0, len(counted), TOGETHER):
        some = counted[start : start + TOGETHER]
        x = None if inputs is None else inputs.at([one.index for one in some])
        records += certified_records(terms, spec.threats, some, x)
    drawn = {"drawn": DRAWN} if spec.n < before.n else {}
    return recomputed(source, spec, records, n=before.n, **drawn)


def _warn_of_rooms(source: Run, spec: Spec, inputs: OriginalInputs | None) -> None:
    """Say that radii in the box shrink where they were made with the rooms of inputs that are not given."""
    boxed = [norm for norm in source.norms if norm.endswith("-box") and norm in spec.norms]
    if inputs is None and any(
        record.radii[norm].method == OWN for record in source.records for norm in boxed
    ):
        warn(
            f"radii in the box are now those of any input, and {source.name} had those of each input's own "
            "room; say where the inputs are: --dataset, or dataset=."
        )


def _of_views(source: Run, before: ViewSpec, given: dict[str, Any], dataset: str | Dataset | None) -> Run:
    """The same of exact counts of all views: they prove how long a label stays among the first."""
    if "norms" in given:
        before.check_norms(given.pop("norms"))
    given |= {} if dataset is None else {"dataset": dataset}
    if others := given.keys() - {"top"}:
        raise InputError(
            f"{min(others)} cannot be changed: {source.folder} has exact counts of all views, from which "
            "only top follows; leave it out.",
            min(others),
        )
    _check_has_records(source)
    spec, shape, classes = dataclasses.replace(before, **given), source.facts.shape, source.facts.classes
    assert shape is not None
    assert classes is not None
    check_top(spec.top, classes)
    _check_records(source)
    records = of_all_views(spec, shape, classes, list(source.records))
    return recomputed(source, spec, records)


def _check_has_records(source: Run) -> None:
    if not source.records:
        raise InputError(f"{source.folder} has no records yet; finish the run first.")


def _of_a_log(source: Run, before: ImportedSpec, given: dict[str, Any], dataset: str | Dataset | None) -> Run:
    """The same of a published log: other norms only, since its bounds are what they are."""
    if others := given.keys() - {"norms"}:
        raise InputError(
            f"{min(others)} cannot be changed: {source.folder} is a published log, which has bounds but no "
            "counts of its own; only norms and the data set can be given."
        )
    spec = dataclasses.replace(before, **given)
    threats = [parse_threat(norm) for norm in spec.norms]
    return against_others(source, spec, OriginalInputs.of(source, dataset, threats))


def _check_kind(source: Run) -> Spec:
    """The spec of the run; refuses runs without counts of both phases."""
    if not isinstance(source.spec, Spec):
        why = (
            "a published log has radii but no counts"
            if isinstance(source.spec, ImportedSpec)
            else "the votes of a prediction chose its label, and cannot bound its error too"
        )
        raise InputError(f"{source.folder} cannot be recertified: {why}; give a run of `wulff certify`.")
    _check_has_records(source)
    if source.facts.dim is None or source.facts.classes is None:
        raise InputError(
            f"{source.folder} does not say how many coordinates and classes its inputs have; certify again."
        )
    return source.spec


def _check_size(source: Run, before: Spec, n: int) -> None:
    """Refuse a sample size that the counts cannot support."""
    if n > before.n:
        raise InputError(
            f"n must be at most {before.n}, got {n}: {source.folder} has no more votes for each input; "
            f"certify with --n {n} for more."
        )
    if before.stop is not None and n < before.n:
        raise InputError(
            f"n cannot be changed, got {n}: the votes decided when sampling stopped, so that some of "
            "them are not a sample of that size; leave out --n, or certify without a stop."
        )
    if before.n > MOST_VOTES and n < before.n:
        raise InputError(f"votes can be drawn from at most {MOST_VOTES} counted ones, got n = {before.n}.")


def _check_records(source: Run) -> None:
    """Refuse records that do not fit the spec; those that were loaded have been looked at."""
    fit = Fit(source.spec, source.facts)
    for record in source.records:
        if fault := fit.fault(record):
            raise InputError(f"the record of input {record.index} in {source.folder} does not fit: {fault}.")


def _counted(source: Run, record: Record, terms: Terms) -> Counted:
    """The votes of a record, or as many of them as are asked for."""
    classes, n = source.facts.classes, record.n
    assert classes is not None
    assert n is not None
    selection = dense(record.counts["selection"], classes)
    estimation = dense(record.counts["estimation"], classes)
    lost = dict(record.not_a_number)
    if terms.n < n:
        generator = host_stream(terms.seed, record.index, Purpose.SUBSAMPLE, terms.n)
        ballots = np.append(estimation, lost.pop("estimation", 0))
        drawn, n = _some_votes(ballots, n, terms.n, generator), terms.n
        estimation = drawn[:-1]
        if drawn[-1]:
            lost["estimation"] = int(drawn[-1])
    return Counted(
        *(record.index, record.label, record.seconds, selection, estimation, terms.n0, n, lost, record.file)
    )


def _some_votes(votes: IntArray, n: int, fewer: int, generator: np.random.Generator) -> IntArray:
    """The votes among `fewer` of n ballots, every choice being equally likely.

    Ballots are drawn by whole numbers: hypergeometric variables by floating point would be nearly right.
    """
    ends = np.cumsum(votes)  # ballots are sorted by class; those from ends[-1] on have none
    drawn = generator.choice(n, fewer, replace=False, shuffle=False)
    classes = np.searchsorted(ends, drawn, side="right")
    return np.bincount(classes, minlength=len(votes) + 1)[: len(votes)]
