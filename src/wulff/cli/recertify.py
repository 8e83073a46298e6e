"""`wulff recertify`: other certificates from the counts of a run, without the model."""

from typing import Annotated

import typer

from wulff import reports, runs
from wulff.cli.console import say
from wulff.cli.options import RunArgument
from wulff.reports.page import guarantee
from wulff.smoothing import Bound, Estimator


def recertify(
    run: RunArgument,
    norm: Annotated[
        list[str] | None,
        typer.Option(
            "--norm", help="A norm to certify against, by default those of the run; may be repeated."
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="Probability with which an answer may be wrong; by default the run's."),
    ] = None,
    n: Annotated[int | None, typer.Option(help="Use so many of the counted votes, drawn at random.")] = None,
    bound: Annotated[
        Bound | None, typer.Option(help="Whether to bound the other classes too; by default as in the run.")
    ] = None,
    estimator: Annotated[
        Estimator | None, typer.Option(help="The bound on the error; by default the run's.")
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(help="Among how many of the most likely classes the label stays; by default the run's."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Where the run's inputs are, e.g. mnist:PATH; radii in the box grow by it."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="The folder of the new run; by default only its table is printed.")
    ] = None,
) -> None:
    """Recompute every certificate from stored counts; what is not given stays as it was.

    Each recertification is a statement of its own. To choose among several after seeing them, divide alpha
    among them.
    """
    done = runs.recertify(
        run,
        store,
        norms=norm,
        alpha=alpha,
        n=n,
        bound=bound,
        estimator=estimator,
        top=top,
        dataset=dataset,
    )
    for name in done.norms:
        table = reports.certified_accuracy([done], norm=name)
        say(table.render())
        for note in table.notes:
            say(f"Note: {note}")
    say(done.folder if store is not None else guarantee(done))
