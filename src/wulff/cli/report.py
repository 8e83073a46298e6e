"""`wulff report`: tables on standard output, figures and pages in files."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from wulff import reports, runs
from wulff.cli.console import radii_from, say
from wulff.cli.options import CommonOption, FirstNormOption, FormatOption, RadiiOption, RunsArgument
from wulff.errors import InputError

_FOR_TABLES = {"norm", "radii", "format", "digits", "radii_in", "envelope", "confidence", "average"}
_USED = {
    "a page": {"norm", "radii", "confidence", "pictures"},
    "a figure": {"norm", "envelope"},
    "a table": _FOR_TABLES | {"as_published"},
    "a table of features": {"features", "format"},
    "a file with a line for each input": set[str](),
}
"""Which options make a difference to what."""


def report(
    context: typer.Context,
    run: RunsArgument,
    norm: FirstNormOption = None,
    radii: RadiiOption = None,
    format: FormatOption = "text",
    digits: Annotated[int, typer.Option(min=1, max=12, help="Decimals of each share.")] = 3,
    radii_in: Annotated[
        Literal["columns", "rows"], typer.Option("--radii-in", help="What the radii of a table are.")
    ] = "columns",
    envelope: Annotated[
        bool, typer.Option("--envelope", help="Add the best run at each radius, and its valid version.")
    ] = False,
    confidence: Annotated[
        float | None,
        typer.Option(help="Add the certified accuracy that is true with this probability; 0.999 in pages."),
    ] = None,
    average: Annotated[bool, typer.Option("--average", help="Add the average certified radius.")] = False,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Take rounded radii of imported logs at face value.")
    ] = False,
    common: CommonOption = False,
    pictures: Annotated[
        int, typer.Option(min=0, help="How many inputs a page shows as pictures.")
    ] = reports.PICTURES,
    features: Annotated[
        bool,
        typer.Option(
            "--features",
            help="Of a table, or noise with scales: how far each feature alone may change, over the inputs.",
        ),
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="A page (.html), figure (.png, .pdf, .svg), or file with a line for each input (.csv).",
        ),
    ] = None,
) -> None:
    """Print the certified accuracy of runs by radius, or write a page or figure of it."""
    _refuse_unused(context, output, features)
    loaded = [runs.load(folder) for folder in run]
    if common:
        loaded = reports.on_common_inputs(loaded)
    columns = radii_from("--radii", radii)
    norms = None if norm is None else [norm]
    if output is None and features:
        for one in loaded:
            typer.echo(reports.feature_ranges(one).render(format), nl=False)
    elif output is None:
        table = reports.certified_accuracy(
            loaded,
            columns,
            norm,
            as_published=as_published,
            confidence=confidence,
            with_envelope=envelope,
            with_average=average,
        )
        typer.echo(table.render(format, digits, radii_in), nl=False)
        for note in table.notes:
            if note not in table.warnings:  # those are in the table
                say(f"Note: {note}", err=format != "text")
    elif Path(output).suffix == ".csv":
        if len(loaded) > 1:
            raise InputError(f"a line for each input is written for one run, got {len(loaded)}.")
        say(reports.write_inputs(loaded[0], output))
    elif Path(output).suffix == ".html":
        confidence = reports.CONFIDENCE if confidence is None else confidence
        page = reports.write_page(
            loaded, output, columns, norms=norms, confidence=confidence, pictures=pictures
        )
        say(page)
    else:
        say(reports.plot_certified_accuracy(loaded, output, norms, with_envelope=envelope))


def _refuse_unused(context: typer.Context, output: str | None, features: bool) -> None:
    """An option that would change nothing is refused rather than ignored."""
    suffixes = {".html": "a page", ".csv": "a file with a line for each input"}
    kind = "a table of features" if features else "a table"
    kind = kind if output is None else suffixes.get(Path(output).suffix, "a figure")
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        given = source is not None and source.name == "COMMANDLINE"
        if given and option.name not in _USED[kind] | {"run", "output", "common"}:
            where = next(name for name, used in _USED.items() if option.name in used)
            raise InputError(f"{option.opts[0]} changes nothing in {kind}, only in {where}; leave it out.")
