"""Attacks on base and smoothed classifiers: the check of certificates from the other side."""

from wulff.attacks.ascent import climb, frozen, smoothed_loss
from wulff.attacks.geometry import project, random_point, size, steepest

__all__ = ["climb", "frozen", "project", "random_point", "size", "smoothed_loss", "steepest"]
