"""Text that others wrote, such as names of runs and classes: one quoting function for each format."""

import re

_MARKDOWN = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {char: f"\\{char}" for char in "\\`*[]|~$"}
_EDGE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""An underscore that is not between two letters or digits, and may emphasise."""
_LATEX = {
    **{char: f"\\{char}" for char in "_%&#${}"},
    **{"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"},
    **{"<": "\\textless{}", ">": "\\textgreater{}"},
}
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def plain(text: str) -> str:
    r"""Text for a terminal, in one line: what is not printable appears as an escape, such as \x1b."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def shown(value: object, most: int = 60) -> str:
    """A value in a message: its repr in one line, cut where it is long."""
    try:
        text = re.sub(r"\s*\n\s*", " ", repr(value))
    except ValueError:  # an integer of thousands of digits
        return f"a very large {type(value).__name__}"
    return text if len(text) <= most else f"{text[: most - 20]}... ({len(text):,} characters)"


def markdown(text: str) -> str:
    """Text for a cell in Markdown: no HTML, no new line or column, nothing emphasised."""
    whole = "".join(_MARKDOWN.get(char, char) for char in plain(text))
    return _EDGE.sub(r"\\_", whole)


def latex(text: str) -> str:
    """Text for LaTeX, which runs none of it."""
    return "".join(_LATEX.get(char, char) for char in plain(text))


def drawn(text: str) -> str:
    """Text in a figure: no mathematics, and a name that begins with _ is in the legend, too."""
    whole = plain(text).replace("$", "\\$")
    return f" {whole}" if whole.startswith("_") else whole


def csv_cell(text: str) -> str:
    """Text for a cell that a spreadsheet takes for no formula: numbers stay, others get an apostrophe."""
    whole = plain(text)
    if whole.lstrip().startswith(_FORMULA) and not _NUMBER.fullmatch(whole):
        return f"'{whole}"
    return whole
