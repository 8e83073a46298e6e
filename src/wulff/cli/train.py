"""`wulff train`: a base classifier for a noise."""

from typing import Annotated

import typer

from wulff import runs, training
from wulff.cli.console import DatasetOption, NoiseOption, progress_bar


def train(
    noise: NoiseOption,
    store: Annotated[str, typer.Option(help="The folder for the weights.")],
    model: Annotated[str, typer.Option(help="An architecture: cnn.")] = "cnn",
    dataset: DatasetOption = "digits",
    objective: Annotated[str, typer.Option(help="A training method: augment.")] = "augment",
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 40,
    batch: Annotated[int, typer.Option(help="Inputs per step.")] = 64,
    learning_rate: Annotated[float, typer.Option(help="At the start; falls to zero along a cosine.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Decides weights, order and noise.")] = 0,
) -> None:
    """Train a classifier under noise and store its weights."""
    schedule = training.Schedule(epochs=epochs, batch=batch, learning_rate=learning_rate, seed=seed)
    spec = runs.TrainingSpec(
        noise=noise, dataset=dataset, model=model, objective=objective, schedule=schedule
    )
    with progress_bar() as progress:
        task = progress.add_task(f"training {noise}", total=epochs, words="")
        path = runs.train(
            spec,
            store,
            lambda epoch: progress.update(
                task,
                completed=epoch.number,
                words=f"loss {epoch.loss:.3f}, noisy accuracy {epoch.noisy_accuracy:.3f}",
            ),
        )
    typer.echo(path)
