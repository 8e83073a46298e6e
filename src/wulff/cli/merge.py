"""`wulff merge`: runs over disjoint parts of a data set as one."""

from typing import Annotated

import typer

from wulff import reports, runs
from wulff.cli.console import say
from wulff.cli.options import RunsArgument


def merge(
    run: RunsArgument,
    store: Annotated[str, typer.Option(help="The folder of the new run.")],
    dataset: Annotated[
        str | None, typer.Option(help="Where the inputs are; by default where the first run found them.")
    ] = None,
) -> None:
    """One run from several that differ in their slice alone, such as those of several machines."""
    done = runs.merge(run, store, dataset)
    for name in done.norms or [None]:
        say(reports.certified_accuracy([done], norm=name).render())
    say(done.folder)
