"""Statistics: from vote counts to bounds that hold with a stated probability."""

from wulff.stats.anytime import Anytime, anytime_error_bound, check_anytime_alpha, log_evidence
from wulff.stats.bounded_mean import mean_upper_bound
from wulff.stats.checks import check_alpha, check_sample_size
from wulff.stats.clopper_pearson import error_upper_bound
from wulff.stats.planning import samples_needed
from wulff.stats.randomized import randomized_error_bound
from wulff.stats.rank_test import ABSTAIN, predict
from wulff.stats.top_k import top_k_bounds
from wulff.stats.two_sided import two_sided_bounds

__all__ = [
    "ABSTAIN",
    "Anytime",
    "anytime_error_bound",
    "check_alpha",
    "check_anytime_alpha",
    "check_sample_size",
    "error_upper_bound",
    "log_evidence",
    "mean_upper_bound",
    "predict",
    "randomized_error_bound",
    "samples_needed",
    "top_k_bounds",
    "two_sided_bounds",
]
