"""Certificates from the counts of an earlier run, on other terms: no model, no data, no noise.

What counts of a fixed n support is every norm, alpha, bound and estimator, and every smaller n: the votes are
independent and alike, so that n' of them, drawn without looking, are n' fresh votes. Counts whose number the
votes themselves decided support every norm and alpha, by the bound that is valid whenever sampling stops, and
nothing else.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.norms import Norm
from wulff.runs.finished import store_finished
from wulff.runs.journal import RECORDS, stored_spec
from wulff.runs.records import Record
from wulff.runs.run import Run, load
from wulff.runs.spec import versions
from wulff.runs.terms import Counted, Terms
from wulff.smoothing import Bound, Estimator, Purpose, check_estimator, host_stream
from wulff.stats import check_alpha, check_sample_size

TOGETHER = 1000
"""Inputs that are certified at once."""
MOST_VOTES = 10**8
"""Votes are drawn one by one, which more of them would make slow."""


def recertify(
    folder: str | Path,
    store: str | Path | None = None,
    *,
    norms: Sequence[Norm | str] | None = None,
    alpha: float | None = None,
    n: int | None = None,
    bound: Bound | None = None,
    estimator: Estimator | None = None,
) -> Run:
    """Recompute every certificate of a run from its stored counts; what is not given stays as it was.

    Every recertification is a statement of its own, at its own alpha. To choose among several after seeing
    them, divide alpha among them.

    Args:
        folder: A certification, finished or not.
        store: A folder for the new run; None keeps it in memory.
        norms: Against which adversaries.
        alpha: The probability, for each input, with which its certificate may be wrong.
        n: A smaller sample size: so many of the counted votes of each input are drawn at random, from
            numbers keyed by the run's seed, the input and n.
        bound: `one-sided` or `two-sided`.
        estimator: `clopper-pearson` or `randomized-clopper-pearson`.

    Raises:
        InputError: The counts do not support what is asked for; nothing is written.
        RunError: A folder is not a run, is damaged, or holds another one; nothing is written.
    """
    source = load(folder)
    done = on_other_terms(source, norms=norms, alpha=alpha, n=n, bound=bound, estimator=estimator)
    if store is None:
        return done
    if Path(store).resolve() == source.folder.resolve():
        raise InputError(f"{store} is the run that is recertified; give another folder.")
    done.document["counted"]["records"] = hashlib.sha256((source.folder / RECORDS).read_bytes()).hexdigest()
    stored_spec(Path(store))  # refuses what is no run folder before anything is made
    return store_finished(store, done.document, done.records)


def on_other_terms(
    source: Run,
    *,
    norms: Sequence[Norm | str] | None = None,
    alpha: float | None = None,
    n: int | None = None,
    bound: Bound | None = None,
    estimator: Estimator | None = None,
) -> Run:
    """`recertify` in memory, for a run that is loaded: the new run's folder is that of the votes."""
    _check_kind(source)
    if isinstance(norms, str) or (norms is not None and not norms):
        raise InputError(f"norms must be a sequence such as ('l1', 'l2'), got {norms!r}.")
    before = Terms.of_run(source.spec)
    asked = {
        "norms": None if norms is None else list(dict.fromkeys(Norm.parse(norm) for norm in norms)),
        "alpha": None if alpha is None else check_alpha(alpha),
        "n": None if n is None else check_sample_size(n),
        "bound": bound,
        "estimator": estimator,
    }
    terms = dataclasses.replace(before, **{key: value for key, value in asked.items() if value is not None})
    _check_supported(source, before, terms)
    counted = [_counted(source, record, terms) for record in source.records]
    records: list[Record] = []
    for start in range(0, len(counted), TOGETHER):
        records += terms.records(counted[start : start + TOGETHER])
    return Run(source.folder, _document(source, terms), records)


def _check_kind(source: Run) -> None:
    """Refuse runs without counts of both phases."""
    task = source.spec.get("task")
    if task != "certify":
        why = {
            "import": "a published log has radii but no counts",
            "predict": "the votes of a prediction chose its label, and cannot bound its error too",
        }
        raise InputError(
            f"{source.folder} cannot be recertified: {why.get(str(task), 'it is no certification')}; "
            "give a run of `wulff certify`."
        )
    if not source.records:
        raise InputError(f"{source.folder} has no records yet; finish the run first.")
    if "dim" not in source.spec or "classes" not in source.spec:
        raise InputError(
            f"{source.folder} does not say how many coordinates and classes its inputs have; certify again."
        )


def _check_supported(source: Run, before: Terms, terms: Terms) -> None:
    """Refuse what the counts cannot support."""
    if terms.bound not in ("one-sided", "two-sided"):
        raise InputError(f"bound must be one-sided or two-sided, got {terms.bound!r}.")
    check_estimator(terms.estimator, before.stop)
    if terms.n > before.n:
        raise InputError(
            f"n must be at most {before.n}, got {terms.n}: {source.folder} has no more votes for each input; "
            f"certify with --n {terms.n} for more."
        )
    if before.stop is not None and terms.n < before.n:
        raise InputError(
            f"n cannot be changed, got {terms.n}: the votes decided when sampling stopped, so that some of "
            "them are not a sample of that size; leave out --n, or certify without a stop."
        )
    if before.stop is not None and terms.bound == "two-sided":
        raise InputError(
            "two-sided bounds need a fixed n, but the votes decided when sampling stopped; use one-sided."
        )
    if before.n > MOST_VOTES and terms.n < before.n:
        raise InputError(f"votes can be drawn from at most {MOST_VOTES} counted ones, got n = {before.n}.")


def _counted(source: Run, record: Record, terms: Terms) -> Counted:
    """The votes of a record, or as many of them as are asked for."""
    classes = int(source.spec["classes"])
    try:
        selection = _dense(record.counts["selection"], classes)
        estimation = _dense(record.counts["estimation"], classes)
        n = record.n
        if n is None or not estimation.sum() <= n <= source.spec["n"] or selection.sum() > terms.n0:
            raise ValueError
        if terms.stop is None and n != source.spec["n"]:
            raise ValueError
    except (KeyError, ValueError, IndexError, TypeError):
        raise InputError(
            f"the record of input {record.index} in {source.folder} has no counts that fit its spec; delete "
            "that line, and finish the run again."
        ) from None
    lost = dict(record.not_a_number)
    if terms.n < n:
        generator = host_stream(terms.seed, record.index, Purpose.SUBSAMPLE, terms.n)
        ballots = np.append(estimation, lost.pop("estimation", 0))
        drawn, n = _some_votes(ballots, n, terms.n, generator), terms.n
        estimation = drawn[:-1]
        if drawn[-1]:
            lost["estimation"] = int(drawn[-1])
    return Counted(record.index, record.label, record.seconds, selection, estimation, terms.n0, n, lost)


def _some_votes(votes: IntArray, n: int, fewer: int, generator: np.random.Generator) -> IntArray:
    """The votes among `fewer` of n ballots, every choice being equally likely.

    Ballots are drawn by whole numbers: hypergeometric variables by floating point would be nearly right.
    """
    ends = np.cumsum(votes)  # ballots are sorted by class; those from ends[-1] on have none
    drawn = generator.choice(n, fewer, replace=False, shuffle=False)
    classes = np.searchsorted(ends, drawn, side="right")
    return np.bincount(classes, minlength=len(votes) + 1)[: len(votes)]


def _dense(counts: dict[int, int], classes: int) -> IntArray:
    votes = np.zeros(classes, dtype=np.int64)
    for label, count in counts.items():
        if label < 0 or count < 0:
            raise ValueError
        votes[label] = count
    return votes


def _document(source: Run, terms: Terms) -> dict[str, Any]:
    """The spec of the new run: that of the old one with the new terms, and where the counts are from."""
    run = source.spec | {
        "norms": [str(norm) for norm in terms.norms],
        "n": terms.n,
        "alpha": terms.alpha,
        "bound": terms.bound,
        "estimator": terms.estimator,
    }
    counted: dict[str, Any] = {
        "n": source.spec["n"],
        "versions": source.document.get("versions", {}),
    }
    if terms.n < source.spec["n"]:
        counted["drawn"] = "without replacement, from numbers keyed by seed, input and n"
    changed = {"run": run, "counted": counted, "versions": versions()}
    return source.document | changed | {"engine": {"from": str(source.folder)}}
