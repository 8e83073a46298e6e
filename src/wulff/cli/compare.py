"""`wulff compare`: two runs on the same inputs."""

from typing import Annotated

import typer

from wulff import reports, runs
from wulff.cli.console import radii_from, say
from wulff.cli.options import CommonOption, FirstNormOption, FormatOption, RadiiOption, RunArgument


def compare(
    first: RunArgument,
    second: Annotated[str, typer.Argument(help="Another run folder, on the same data.")],
    norm: FirstNormOption = None,
    radii: RadiiOption = None,
    inputs: Annotated[int, typer.Option(min=0, help="How many inputs to list, most different first.")] = 10,
    common: CommonOption = False,
    format: FormatOption = "text",
) -> None:
    """Print the differences per radius, with McNemar's exact paired test, and per input."""
    loaded = [runs.load(folder) for folder in (first, second)]
    if common:
        loaded = reports.on_common_inputs(loaded)
    found = reports.compare(*loaded, radii=radii_from("--radii", radii), norm=norm)
    typer.echo(found.render(format, inputs), nl=False)
    plain = format == "text"
    say(f"\n{found.summary()}" if plain else found.summary(), err=not plain)
    say("Each p is for its radius alone; of many, some are small by chance.", err=not plain)
