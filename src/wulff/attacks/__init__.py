"""Attacks on base and smoothed classifiers: the check of certificates from the other side."""

from wulff.attacks.ascent import climb, frozen, smoothed_loss
from wulff.attacks.eot import EOTPGD
from wulff.attacks.features import FeatureSearch
from wulff.attacks.geometry import project, random_point, size, steepest, to_grid
from wulff.attacks.on_views import ViewAscent
from wulff.attacks.protocol import Attack
from wulff.attacks.soft import SoftSmoothed

__all__ = [
    "EOTPGD",
    "Attack",
    "FeatureSearch",
    "SoftSmoothed",
    "ViewAscent",
    "climb",
    "frozen",
    "project",
    "random_point",
    "size",
    "smoothed_loss",
    "steepest",
    "to_grid",
]
