"""The options that figures with a legend share: what a paper asks of them."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from wulff import reports

NamesOption = Annotated[
    str | None, typer.Option(help="What the legend calls the curves, in its order, e.g. 'ours,theirs'.")
]
WidthOption = Annotated[
    float | None,
    typer.Option(help="Inches, e.g. 3.25 for a column of ICML or CVPR, 5.5 for a page of NeurIPS."),
]
FontSizeOption = Annotated[float | None, typer.Option(help="The size of letters in points, e.g. 8.")]
TitleOption = Annotated[str | None, typer.Option(help="A title above the figure.")]
ColorsOption = Annotated[
    str | None,
    typer.Option(help="A colour for each curve, in the order of the legend, e.g. 'black,#d55e00'."),
]
DataOption = Annotated[str | None, typer.Option(help="A .csv file for the numbers behind the figure.")]

_SHARED = {
    "names": NamesOption,
    "width": WidthOption,
    "font_size": FontSizeOption,
    "title": TitleOption,
    "colors": ColorsOption,
    "data": DataOption,
}


def with_paper_options(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb that draws one figure, as Typer sees it: with these options behind its own."""

    @functools.wraps(verb)
    def with_options(*arguments: Any, **values: Any) -> None:
        asked = {name: values.pop(name) for name in _SHARED}
        for listed in ("names", "colors"):
            asked[listed] = [] if asked[listed] is None else asked[listed].split(",")
        if any(value not in (None, []) for value in asked.values()):
            with reports.for_paper(**asked):
                verb(*arguments, **values)
        else:
            verb(*arguments, **values)

    parameters = [
        *inspect.signature(verb).parameters.values(),
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
            for name, option in _SHARED.items()
        ),
    ]
    with_options.__dict__["__signature__"] = inspect.Signature(parameters)
    return with_options
