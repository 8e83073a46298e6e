"""Tables of features: what their columns are, how they are read, and which noise their rows get."""

from wulff.tables.layout import Category, Feature, Layout
from wulff.tables.noise import of_table, usual_norm
from wulff.tables.reading import Scales, layout_of, read_scales

__all__ = [
    "Category",
    "Feature",
    "Layout",
    "Scales",
    "layout_of",
    "of_table",
    "read_scales",
    "usual_norm",
]
