"""`wulff ls`: the runs in a folder."""

from typing import Annotated

import typer

from wulff import reports
from wulff.cli.options import FormatOption
from wulff.reports.grids import escape, render


def ls(
    folder: Annotated[
        list[str] | None, typer.Argument(help="Folders to look in; by default the current one.")
    ] = None,
    format: FormatOption = "text",
) -> None:
    """List the runs in folders and below them, with their headline."""
    grid = reports.listing(folder or ["."])
    typer.echo(render([[escape(cell, format) for cell in line] for line in grid], format), nl=False)
