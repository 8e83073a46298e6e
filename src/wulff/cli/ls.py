"""`wulff ls`: the runs in a folder."""

from typing import Annotated

import typer

from wulff import reports
from wulff.reports.grids import render


def ls(
    folder: Annotated[list[str] | None, typer.Argument(help="Folders; the current one by default.")] = None,
    format: Annotated[str, typer.Option(help="text, md, latex or csv.")] = "text",
) -> None:
    """List the runs in folders and below them, with their headline."""
    typer.echo(render(reports.listing(folder or ["."]), format), nl=False)
