"""`wulff recertify`: other certificates from the counts of a run, without the model."""

from typing import Annotated

import typer

from wulff import reports, runs
from wulff.cli.console import say


def recertify(
    run: Annotated[str, typer.Argument(help="A run folder of `wulff certify`.")],
    norm: Annotated[
        list[str] | None, typer.Option("--norm", help="A norm to certify against; may be repeated.")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="How likely an answer may be wrong.")] = None,
    n: Annotated[int | None, typer.Option(help="Use so many of the counted votes, drawn at random.")] = None,
    bound: Annotated[str | None, typer.Option(help="one-sided or two-sided.")] = None,
    estimator: Annotated[
        str | None, typer.Option(help="clopper-pearson or randomized-clopper-pearson.")
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
        bound=bound,  # type: ignore[arg-type]  (checked by recertify)
        estimator=estimator,  # type: ignore[arg-type]  (checked by recertify)
    )
    for name in done.norms:
        table = reports.certified_accuracy([done], norm=name)
        say(table.render())
        for note in table.notes:
            say(f"Note: {note}")
    say(done.folder if store is not None else done.statement)
