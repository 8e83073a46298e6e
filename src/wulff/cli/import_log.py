"""`wulff import`: a published log as a run."""

from typing import Annotated

import typer

from wulff import runs
from wulff.cli.console import say
from wulff.cli.options import StoreOption


def import_log(
    file: Annotated[
        str, typer.Argument(help="A log (idx label predict radius correct time), or a folder of .npy files.")
    ],
    store: StoreOption,
    norm: Annotated[
        str | None,
        typer.Option(help="The norm of the radii; by default l2, and of views the one that they are for."),
    ] = None,
    noise: Annotated[
        str | None, typer.Option(help="The noise that the log is about, to be stored with it.")
    ] = None,
    n: Annotated[int | None, typer.Option(help="The number of noisy copies that bounded each error.")] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Probability with which an answer may be wrong.")
    ] = None,
    training_noise: Annotated[
        str | None, typer.Option(help="The noise that the model was trained with, to be stored with the run.")
    ] = None,
) -> None:
    """Store a published log as a run; rounded radii are lowered to what they certainly are."""
    run = runs.import_log(file, store, norm, noise, n=n, alpha=alpha, training_noise=training_noise)
    say(f"{run.folder}: {len(run.records)} inputs")
