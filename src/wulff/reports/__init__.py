"""Reports: curves, tables and figures; they read runs and recompute nothing."""

from wulff.reports.curves import Curve, curve, default_radii
from wulff.reports.page import write_page
from wulff.reports.plots import SUFFIXES, plot_certified_accuracy
from wulff.reports.radius_plots import plot_methods, plot_radii
from wulff.reports.tables import FORMATS, Table, certified_accuracy

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Curve",
    "Table",
    "certified_accuracy",
    "curve",
    "default_radii",
    "plot_certified_accuracy",
    "plot_methods",
    "plot_radii",
    "write_page",
]
