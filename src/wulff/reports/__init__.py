"""Reports: curves, tables and figures; they read runs and recompute nothing."""

from typing import TYPE_CHECKING

from wulff._lazy import loaded_when_used

if TYPE_CHECKING:
    from wulff.reports.bundle import write_report
    from wulff.reports.comparison import Comparison, compare
    from wulff.reports.curves import Curve, curve, default_radii, false_certificates
    from wulff.reports.envelopes import Envelope, envelope, valid_envelope
    from wulff.reports.fairness import on_common_inputs
    from wulff.reports.features import FeatureRanges, feature_ranges, write_inputs
    from wulff.reports.figures.accuracy import (
        plot_certified_accuracy,
        plot_confidence,
        plot_mismatch,
        plot_training_accuracy,
    )
    from wulff.reports.figures.crystals import plot_crystal
    from wulff.reports.figures.every import write_figures
    from wulff.reports.figures.gallery import GALLERY, write_gallery
    from wulff.reports.figures.images import plot_images
    from wulff.reports.figures.noises import plot_frontier, plot_levels, plot_limits
    from wulff.reports.figures.paper import for_paper
    from wulff.reports.figures.radii import plot_methods, plot_radii
    from wulff.reports.figures.style import SUFFIXES
    from wulff.reports.figures.what_if import ALPHAS, plot_alphas, plot_bounds, plot_samples
    from wulff.reports.grids import FORMATS
    from wulff.reports.listings import listing
    from wulff.reports.page import CONFIDENCE, PICTURES, write_page
    from wulff.reports.tables import ORIENTATIONS, Row, Table, certified_accuracy

__all__ = [
    "ALPHAS",
    "CONFIDENCE",
    "FORMATS",
    "GALLERY",
    "ORIENTATIONS",
    "PICTURES",
    "SUFFIXES",
    "Comparison",
    "Curve",
    "Envelope",
    "FeatureRanges",
    "Row",
    "Table",
    "certified_accuracy",
    "compare",
    "curve",
    "default_radii",
    "envelope",
    "false_certificates",
    "feature_ranges",
    "for_paper",
    "listing",
    "on_common_inputs",
    "plot_alphas",
    "plot_bounds",
    "plot_certified_accuracy",
    "plot_confidence",
    "plot_crystal",
    "plot_frontier",
    "plot_images",
    "plot_levels",
    "plot_limits",
    "plot_methods",
    "plot_mismatch",
    "plot_radii",
    "plot_samples",
    "plot_training_accuracy",
    "valid_envelope",
    "write_figures",
    "write_gallery",
    "write_inputs",
    "write_page",
    "write_report",
]

__getattr__, __dir__ = loaded_when_used(
    __name__,
    {
        ".bundle": "write_report",
        ".comparison": "Comparison compare",
        ".curves": "Curve curve default_radii false_certificates",
        ".envelopes": "Envelope envelope valid_envelope",
        ".fairness": "on_common_inputs",
        ".features": "FeatureRanges feature_ranges write_inputs",
        ".figures.accuracy": "plot_certified_accuracy plot_confidence plot_mismatch plot_training_accuracy",
        ".figures.crystals": "plot_crystal",
        ".figures.every": "write_figures",
        ".figures.gallery": "GALLERY write_gallery",
        ".figures.images": "plot_images",
        ".figures.noises": "plot_frontier plot_levels plot_limits",
        ".figures.paper": "for_paper",
        ".figures.radii": "plot_methods plot_radii",
        ".figures.style": "SUFFIXES",
        ".figures.what_if": "ALPHAS plot_alphas plot_bounds plot_samples",
        ".grids": "FORMATS",
        ".listings": "listing",
        ".page": "CONFIDENCE PICTURES write_page",
        ".tables": "ORIENTATIONS Row Table certified_accuracy",
    },
)
