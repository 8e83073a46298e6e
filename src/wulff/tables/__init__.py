"""Tables of features: what their columns are, how they are read, and which noise their rows get."""

from wulff.tables.layout import Category, Feature, Layout
from wulff.tables.noise import of_table, usual_norm
from wulff.tables.reading import FRAME, Scales, encoded_rows, layout_of, read_scales

__all__ = [
    "FRAME",
    "Category",
    "Feature",
    "Layout",
    "Scales",
    "encoded_rows",
    "layout_of",
    "of_table",
    "read_scales",
    "usual_norm",
]
