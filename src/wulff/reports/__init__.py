"""Reports: curves, tables and figures; they read runs and recompute nothing."""

from wulff.reports.curves import Curve, curve, default_radii, false_certificates
from wulff.reports.envelope import Envelope, envelope, valid_envelope
from wulff.reports.page import CONFIDENCE, PICTURES, write_page
from wulff.reports.plots import SUFFIXES, plot_certified_accuracy
from wulff.reports.radius_plots import plot_methods, plot_radii
from wulff.reports.tables import FORMATS, ORIENTATIONS, Row, Table, certified_accuracy

__all__ = [
    "CONFIDENCE",
    "FORMATS",
    "ORIENTATIONS",
    "PICTURES",
    "SUFFIXES",
    "Curve",
    "Envelope",
    "Row",
    "Table",
    "certified_accuracy",
    "curve",
    "default_radii",
    "envelope",
    "false_certificates",
    "plot_certified_accuracy",
    "plot_methods",
    "plot_radii",
    "valid_envelope",
    "write_page",
]
