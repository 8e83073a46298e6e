"""Smoothing: the classifier, the loop that counts its votes, and what the counts certify."""

from wulff.smoothing.audit import BATCH_SIZES_TO_AUDIT, Audit, audit_batch_invariance
from wulff.smoothing.batch_size import BATCH_SIZES, DEFAULT_BATCH, fastest, measure_batch_sizes
from wulff.smoothing.certification import Certification, certify_counts
from wulff.smoothing.checks import check_images
from wulff.smoothing.counts import Counts, EstimationCounts, PredictionCounts, SelectionCounts
from wulff.smoothing.enumerated import Enumerated, ViewCertification, certify_votes, enumerated_statement
from wulff.smoothing.fixed import Fixed, evaluating
from wulff.smoothing.majority import Majority
from wulff.smoothing.policy import DTYPES, Deployed, DevicePolicy
from wulff.smoothing.samplers import Grid, Sampling
from wulff.smoothing.smoothed import Smoothed, certification_counts
from wulff.smoothing.stopping import AnytimeQuota, certification_quota
from wulff.smoothing.streams import Phase, Purpose, estimator_draws, stream
from wulff.smoothing.terms import Bound, Estimator, Terms
from wulff.smoothing.voting import FixedQuota, Quota, VoteLoop, Votes

__all__ = [
    "BATCH_SIZES",
    "BATCH_SIZES_TO_AUDIT",
    "DEFAULT_BATCH",
    "DTYPES",
    "AnytimeQuota",
    "Audit",
    "Bound",
    "Certification",
    "Counts",
    "Deployed",
    "DevicePolicy",
    "Enumerated",
    "EstimationCounts",
    "Estimator",
    "Fixed",
    "FixedQuota",
    "Grid",
    "Majority",
    "Phase",
    "PredictionCounts",
    "Purpose",
    "Quota",
    "Sampling",
    "SelectionCounts",
    "Smoothed",
    "Terms",
    "ViewCertification",
    "VoteLoop",
    "Votes",
    "audit_batch_invariance",
    "certification_counts",
    "certification_quota",
    "certify_counts",
    "certify_votes",
    "check_images",
    "enumerated_statement",
    "estimator_draws",
    "evaluating",
    "fastest",
    "measure_batch_sizes",
    "stream",
]
