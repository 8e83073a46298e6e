"""`wulff certify`: certified labels and radii over a data set."""

from typing import Annotated

import typer

from wulff import reports, runs
from wulff.cli.console import (
    AlphaOption,
    BatchOption,
    DatasetOption,
    DeviceOption,
    NormsOption,
    SeedOption,
    SliceOption,
    StoreOption,
    progress_bar,
    run_progress,
    seed_from,
)
from wulff.smoothing import DEFAULT_BATCH


def certify(
    model: Annotated[str, typer.Option(help="A weights file, or the folder of a training.")],
    store: StoreOption,
    noise: Annotated[str | None, typer.Option(help="By default the one of the training.")] = None,
    dataset: DatasetOption = "digits",
    norm: NormsOption = ["l2"],  # noqa: B006 (never changed)
    n0: Annotated[int, typer.Option(help="Samples that choose the label.")] = 100,
    n: Annotated[int, typer.Option(help="Samples that bound its error.")] = 100_000,
    alpha: AlphaOption = 1e-3,
    slice: SliceOption = ":",
    seed: SeedOption = "0",
    device: DeviceOption = "cpu",
    batch: BatchOption = DEFAULT_BATCH,
    architecture: Annotated[str | None, typer.Option(help="For weights that do not say it.")] = None,
) -> None:
    """Certify every input; killed at any moment, the same command goes on where it stopped."""
    spec = runs.Spec(
        model=model,
        noise=noise,
        dataset=dataset,
        norms=tuple(norm),
        n0=n0,
        n=n,
        alpha=alpha,
        slice=slice,
        seed=seed_from(seed),
        device=device,
        batch=batch,
        architecture=architecture,
    )
    with progress_bar() as progress:
        run = runs.certify(spec, store, progress=run_progress(progress, f"certifying {noise or model}"))
    for name in run.norms:
        typer.echo(reports.certified_accuracy([run], norm=name).render())
    typer.echo(run.folder)
