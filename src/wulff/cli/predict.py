"""`wulff predict`: smoothed labels over a data set."""

from typing import Annotated

import typer

from wulff import reports, runs
from wulff.cli.console import say, warn_of_not_a_number
from wulff.cli.run_verbs import Asked, asks


@asks
def predict(asked: Asked, n: Annotated[int, typer.Option(help="Noisy copies per input.")] = 1_000) -> None:
    """Label every input, or abstain; killed at any moment, the same command goes on where it stopped."""
    run = asked.run("predicting", runs.PredictSpec, n=n)
    say(reports.certified_accuracy([run]).render())
    warn_of_not_a_number(run)
    say(run.folder)
