"""What a run decides: how many copies of each input it wants, and the record that their votes make."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from wulff._typing import IntArray
from wulff.norms import Box
from wulff.runs.certifying import Counted, certified_records
from wulff.runs.continuing import by_phase
from wulff.runs.job import Job
from wulff.runs.records import CertifiedRadius, Record, sparse
from wulff.runs.spec import PredictSpec, Spec
from wulff.runs.view_spec import ViewSpec
from wulff.smoothing import FixedQuota, Phase, Quota, Votes, certification_quota, certify_votes
from wulff.stats import ABSTAIN
from wulff.stats import predict as rank_test

EXACT = "exact-counts"
"""The method of radii from all views."""


def quota(job: Job) -> Quota:
    """How many copies of each input a job wants."""
    spec = job.spec
    if isinstance(spec, Spec):
        labels = job.labels if job.facts.labelled else None
        return certification_quota(spec.terms(job.noise), spec.threats, labels)
    if isinstance(spec, PredictSpec):
        return FixedQuota({Phase.PREDICTION: spec.n})
    return FixedQuota({Phase.ENUMERATION: spec.copies(job.dataset.input_shape)})


def verdict(job: Job, votes: Votes, label: int, seconds: float) -> Record:
    """The record of an input.

    Args:
        job: What is done.
        votes: The votes on its copies.
        label: Its true label.
        seconds: How long they took.
    """
    spec = job.spec
    if isinstance(spec, Spec):
        return _certified(job, spec, votes, label, seconds)
    if isinstance(spec, PredictSpec):
        return _predicted(spec, votes, label, seconds)
    record = _counted(votes, label, ABSTAIN, seconds, Phase.ENUMERATION)
    (found,) = of_all_views(spec, job.dataset.input_shape, job.smoothed.num_classes, [record])
    return found


def of_all_views(
    spec: ViewSpec, shape: tuple[int, ...], classes: int, records: Sequence[Record]
) -> list[Record]:
    """Records with the labels and radii that their counts of all views prove.

    Args:
        spec: Which views.
        shape: The shape of an input.
        classes: How many classes there are.
        records: With the counts of each input; what they say of labels and radii is replaced.
    """
    phase = Phase.ENUMERATION.name.lower()
    votes = np.array([dense(record.counts[phase], classes) for record in records])
    proof = certify_votes(votes, spec.views, shape, top=spec.top)
    method = EXACT if spec.top == 1 else f"{EXACT}-top-{spec.top}"
    radii = [
        CertifiedRadius(radius, "abstain" if label == ABSTAIN else method, tight=label != ABSTAIN)
        for radius, label in zip(proof.radius.tolist(), proof.label.tolist(), strict=True)
    ]
    replaced = zip(records, proof.label.tolist(), radii, strict=True)
    norm = str(spec.adversary)
    return [
        dataclasses.replace(record, predict=label, radii={norm: radius}) for record, label, radius in replaced
    ]


def dense(counts: dict[int, int], classes: int) -> IntArray:
    """Votes by class, with the classes that have none."""
    votes = np.zeros(classes, dtype=np.int64)
    for label, count in counts.items():
        votes[label] = count
    return votes


def _certified(job: Job, spec: Spec, votes: Votes, label: int, seconds: float) -> Record:
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
    in_box = any(isinstance(threat, Box) for threat in spec.threats)
    x = job.dataset.images[job.places[votes.index]][None] if in_box else None
    return certified_records(spec.terms(job.noise), spec.threats, [counted], x)[0]


def _predicted(spec: PredictSpec, votes: Votes, label: int, seconds: float) -> Record:
    counts = votes.counts[Phase.PREDICTION]
    unknown = votes.sizes[Phase.PREDICTION] - counts.sum() if spec.sampling == "exact" else None
    predict = int(rank_test(counts, spec.alpha, unknown))
    return _counted(votes, label, predict, seconds, Phase.PREDICTION)


def _counted(votes: Votes, label: int, predict: int, seconds: float, phase: Phase) -> Record:
    """The record of votes of one phase, without radii."""
    return Record(
        votes.index,
        label,
        predict,
        seconds,
        votes.sizes[phase],
        counts=by_phase({phase: sparse(votes.counts[phase])}),
        not_a_number=by_phase(votes.not_a_number),
    )
