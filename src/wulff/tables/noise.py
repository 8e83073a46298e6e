"""The noise of a table: its columns say in which units numbers get it, and which are categories."""

from wulff import noises, views
from wulff._quoting import shown
from wulff.errors import InputError
from wulff.tables.layout import Layout


def usual_norm(noise: str | None) -> str:
    """Against whom the rows of a table are certified if nobody says it: in units of the scales, or in l0."""
    if noise is None or views.is_views(noise):
        return "l2-scaled"
    law = noises.parse(noise)
    is_counted = isinstance(law, noises.Replacement) and not isinstance(law, noises.Mixed)
    return "l0" if is_counted else "l2-scaled"


def of_table(named: str, table: Layout | None) -> str:
    """The spec string of a noise on the rows of a table, with what its columns say.

    Numbers get its scales, and `mixed` noise the places of the categories that may change; `resampling`
    gets how many values each of them has.

    Args:
        named: The noise, whose size is in units of the scales; views stay as they are.
        table: The columns; None for inputs that are no rows of a table.

    Raises:
        InputError: The noise is not for these columns, or has other scales.
    """
    if table is None or views.is_views(named):
        return named
    noise = noises.parse(_filled(named, table))
    categories = table.changing_categories
    if isinstance(noise, noises.Mixed):
        _check_places(noise, table)
        others = tuple(scale for place, scale in enumerate(table.scales) if place not in categories)
        return str(
            noises.Mixed(
                numbers=_scaled(noise.numbers, others), categories=noise.categories, columns=categories
            )
        )
    if isinstance(noise, noises.Replacement):
        if fixed := [feature.name for feature in table.features if feature.immutable]:
            raise InputError(
                f"{noise} is for all columns alike, and {shown(fixed[0])} is immutable; leave that out.",
                "immutable",
            )
        if isinstance(noise, noises.Resampling) and table.numbers:
            raise InputError(
                f"{named} is for categories, and the column {shown(table.names[table.numbers[0]])} holds "
                "numbers; make it categorical, or give mixed(numbers=gaussian(sigma=0.5), "
                f"categories={named}).",
                "noise",
            )
        return str(noise)
    if categories:
        name = table.names[categories[0]]
        raise InputError(
            f"{noise} is for numbers, and the column {shown(name)} is categorical; make it immutable, or "
            f"give mixed(numbers={noise}, categories=resampling(keep=0.9)).",
            "noise",
        )
    return str(_scaled(noise, table.scales))


def _filled(named: str, table: Layout) -> str:
    """The text of a noise with places of categories and numbers of their values, where it lacks them."""
    text = named.strip()
    if text.startswith("mixed(") and text.endswith(")") and "columns=" not in text:
        text = f"{text[:-1]}, columns={list(table.changing_categories)})"
    if "resampling(" in text and "values=" not in text:
        values = [len(table.features[place].categories) for place in table.changing_categories]
        text = text.replace("resampling(", f"resampling(values={values}, ", 1)
    return text


def _check_places(noise: noises.Mixed, table: Layout) -> None:
    """Refuse mixed noise that takes other columns for categories, or other numbers of values."""
    places = table.changing_categories
    if not places:
        raise InputError(f"no column of the table is a category that may change, got {noise}.", "noise")
    values = [len(table.features[place].categories) for place in places]
    drawn = noise.of_categories() if noise.dim is not None else noise.categories
    wrong = isinstance(drawn, noises.Resampling) and drawn.values_of(len(places)) != values
    if tuple(noise.columns) != places or wrong:
        raise InputError(
            f"the categories of the table are in the columns {list(places)} and have {values} values, got "
            f"{noise}; leave out columns and values.",
            "noise",
        )


def _scaled(noise: noises.Noise, scales: tuple[float, ...]) -> noises.Noise:
    if noise.scales not in (None, scales):
        raise InputError(
            f"the columns of the table have scales of their own, got {noise}; leave out scales, or give them "
            "for the table.",
            "noise",
        )
    return noise.with_scales(scales)
