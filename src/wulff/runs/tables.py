"""Tables in runs: by which columns their rows are read, and in which units these get noise."""

from wulff import noises, views
from wulff._quoting import shown
from wulff.errors import InputError
from wulff.tables import Layout


def usual_norm(named: str | None) -> str:
    """Against whom the rows of a table are certified if nobody says it: in units of the scales, or in l0."""
    if named is None or views.is_views(named):
        return "l2-scaled"
    return "l0" if isinstance(noises.parse(named), noises.Replacement) else "l2-scaled"


def of_table(named: str, table: Layout | None) -> str:
    """The spec string of a noise on the rows of a table, with the scales of its columns.

    Args:
        named: The noise, whose size is in units of the scales; views stay as they are.
        table: The columns; None for inputs that are no rows of a table.

    Raises:
        InputError: The noise is not for these columns, or has other scales.
    """
    if table is None or views.is_views(named):
        return named
    noise = noises.parse(named)
    changing = [feature for feature in table.features if not feature.immutable]
    if isinstance(noise, noises.Replacement):
        if len(changing) < len(table.features):
            fixed = next(feature.name for feature in table.features if feature.immutable)
            raise InputError(
                f"{noise} is for all columns alike, and {shown(fixed)} is immutable; leave that out.",
                "immutable",
            )
        return named
    if categories := [feature.name for feature in changing if not feature.is_number]:
        raise InputError(
            f"{noise} is for numbers, and the column {shown(categories[0])} is categorical; make it "
            "immutable, or give a noise for categories.",
            "noise",
        )
    if noise.scales not in (None, table.scales):
        raise InputError(
            f"the columns of the table have scales of their own, got {shown(named)}; leave out scales, or "
            "give them for the table.",
            "noise",
        )
    return str(noise.with_scales(table.scales))
