"""Views: finite families of versions of an input that are enumerated, for certificates without any doubt."""

from wulff.views.ablation import Bands, Blocks
from wulff.views.base import Reach, Views
from wulff.views.exact_counts import label_and_slack, top_slack
from wulff.views.parsing import FAMILIES, is_views, parse
from wulff.views.partitions import Partitions, certify_partitions, partition
from wulff.views.splitting import Splitting

__all__ = [
    "FAMILIES",
    "Bands",
    "Blocks",
    "Partitions",
    "Reach",
    "Splitting",
    "Views",
    "certify_partitions",
    "is_views",
    "label_and_slack",
    "parse",
    "partition",
    "top_slack",
]
