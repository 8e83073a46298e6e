"""Smoothing: the classifier, the loop that counts its votes, and what the counts certify."""

from wulff.smoothing.certification import (
    Bound,
    Certification,
    Estimator,
    certify_counts,
    check_estimator,
    statement,
)
from wulff.smoothing.classifier import SMALLEST_BATCH, evaluating
from wulff.smoothing.images import check_images
from wulff.smoothing.samples import Counts, EstimationCounts, PredictionCounts, SelectionCounts
from wulff.smoothing.sampling import Grid, Sampling, grid_for
from wulff.smoothing.smoothed import DEFAULT_BATCH, Smoothed, certification_counts, check_seed
from wulff.smoothing.stopping import AnytimeQuota
from wulff.smoothing.streams import Phase, Purpose, estimator_draws, host_stream, stream
from wulff.smoothing.voting import FixedQuota, Quota, VoteLoop, Votes

__all__ = [
    "DEFAULT_BATCH",
    "SMALLEST_BATCH",
    "AnytimeQuota",
    "Bound",
    "Certification",
    "Counts",
    "EstimationCounts",
    "Estimator",
    "FixedQuota",
    "Grid",
    "Phase",
    "PredictionCounts",
    "Purpose",
    "Quota",
    "Sampling",
    "SelectionCounts",
    "Smoothed",
    "VoteLoop",
    "Votes",
    "certification_counts",
    "certify_counts",
    "check_estimator",
    "check_images",
    "check_seed",
    "estimator_draws",
    "evaluating",
    "grid_for",
    "host_stream",
    "statement",
    "stream",
]
