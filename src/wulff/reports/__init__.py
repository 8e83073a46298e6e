"""Reports: curves, tables and figures; they read runs and recompute nothing."""

from wulff.reports.crystal_pictures import plot_crystal
from wulff.reports.curves import Curve, curve, default_radii
from wulff.reports.gallery import PICTURES, write_gallery
from wulff.reports.noise_pictures import plot_frontier, plot_levels, plot_limits
from wulff.reports.page import write_page
from wulff.reports.plots import SUFFIXES, plot_certified_accuracy
from wulff.reports.radius_plots import plot_methods, plot_radii
from wulff.reports.tables import FORMATS, Table, certified_accuracy

__all__ = [
    "FORMATS",
    "PICTURES",
    "SUFFIXES",
    "Curve",
    "Table",
    "certified_accuracy",
    "curve",
    "default_radii",
    "plot_certified_accuracy",
    "plot_crystal",
    "plot_frontier",
    "plot_levels",
    "plot_limits",
    "plot_methods",
    "plot_radii",
    "write_gallery",
    "write_page",
]
