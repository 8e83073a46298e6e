"""How results look where they are printed: a few lines of text, and a small table in a notebook."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from wulff._numerics.rounding import decimal_down
from wulff._typing import FloatArray
from wulff.errors import InputError

ROWS = 10
"""How many inputs a table in a notebook shows."""


def pandas(what: str = "to_pandas", extra: str = "pandas") -> Any:
    """The package, which is loaded when it is first needed.

    Args:
        what: What needs it.
        extra: The extra that brings it.

    Raises:
        InputError: It is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise InputError(f"{what} needs the package pandas; pip install 'wulff[{extra}]'.") from None
    return pandas


def range_of(radii: FloatArray, digits: int = 4) -> str:
    """From the smallest to the largest of some radii, with their median, all rounded down."""
    if not radii.size:
        return "none"
    low, middle, high = np.quantile(radii, [0, 0.5, 1], method="lower")
    return (
        f"{decimal_down(float(low), digits)} to {decimal_down(float(high), digits)}, "
        f"median {decimal_down(float(middle), digits)}"
    )


def html_table(heads: Sequence[str], rows: Sequence[Sequence[str]], left_out: int = 0) -> str:
    """A table; names that others gave are escaped."""
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    more = f"<p>and {left_out:,} more</p>" if left_out else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def html_lines(text: str) -> str:
    """Lines of text as they are."""
    return f"<pre>{html.escape(text)}</pre>"
