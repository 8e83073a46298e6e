"""Smoothing: the classifier, the loop that counts its votes, and what the counts certify."""

from wulff.smoothing.certification import Bound, Certification, certify_counts, statement
from wulff.smoothing.classifier import SMALLEST_BATCH, evaluating
from wulff.smoothing.images import check_images
from wulff.smoothing.samples import Counts, EstimationCounts, PredictionCounts, SelectionCounts
from wulff.smoothing.smoothed import DEFAULT_BATCH, Smoothed, certification_counts, check_seed
from wulff.smoothing.stopping import AnytimeQuota
from wulff.smoothing.streams import Phase, stream
from wulff.smoothing.voting import FixedQuota, Quota, VoteLoop, Votes

__all__ = [
    "DEFAULT_BATCH",
    "SMALLEST_BATCH",
    "AnytimeQuota",
    "Bound",
    "Certification",
    "Counts",
    "EstimationCounts",
    "FixedQuota",
    "Phase",
    "PredictionCounts",
    "Quota",
    "SelectionCounts",
    "Smoothed",
    "VoteLoop",
    "Votes",
    "certification_counts",
    "certify_counts",
    "check_images",
    "check_seed",
    "evaluating",
    "statement",
    "stream",
]
