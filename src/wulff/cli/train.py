"""`wulff train`: a base classifier for a noise."""

from typing import Annotated

import typer

from wulff import datasets, models, runs, training
from wulff.cli.console import DatasetOption, DeviceOption, NoiseOption, SliceOption, progress_bar, say
from wulff.cli.download import fetch
from wulff.errors import InputError

ObjectiveOption = Annotated[
    str,
    typer.Option(
        help="A training method, perhaps with hyperparameters, as in 'stability(weight=6)': "
        f"{', '.join(training.OBJECTIVES)}."
    ),
]


def train(
    noise: NoiseOption,
    store: Annotated[str, typer.Option(help="The folder for the weights; an unfinished training goes on.")],
    model: Annotated[
        str, typer.Option(help=f"An architecture: {', '.join(models.ARCHITECTURES)}, timm:NAME.")
    ] = "cnn",
    dataset: DatasetOption = "digits",
    objective: ObjectiveOption = "augment",
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 40,
    batch: Annotated[
        int, typer.Option(help="Inputs per step; methods with m copies classify m times this.")
    ] = 64,
    learning_rate: Annotated[float, typer.Option(help="At the start.")] = 0.05,
    momentum: Annotated[float, typer.Option(help="Of SGD.")] = 0.9,
    weight_decay: Annotated[float, typer.Option(help="Of SGD.")] = 1e-4,
    decay: Annotated[
        str, typer.Option(help="cosine, or step: divide by 10 every --decay-every epochs.")
    ] = "cosine",
    decay_every: Annotated[int, typer.Option(help="Epochs between two steps.")] = 30,
    augmentation: Annotated[
        str, typer.Option(help="none, crop, crop-flip, resized-crop, or usual: what suits the data set.")
    ] = "usual",
    precision: Annotated[str, typer.Option(help="fp32, or mixed precision: bf16, fp16.")] = "fp32",
    slice: SliceOption = ":",
    seed: Annotated[int, typer.Option(help="Decides weights, order and noise.")] = 0,
    device: DeviceOption = "cpu",
    weights: Annotated[str | None, typer.Option(help="Start from these weights (pre-training).")] = None,
    unlabelled: Annotated[
        str | None, typer.Option(help="A data set for self-training; needs --teacher.")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="The training, or its weights, that labels --unlabelled.")
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write scalars for TensorBoard.")
    ] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Get the data set first, if it is not there.")
    ] = False,
) -> None:
    """Train a classifier under noise; killed at any moment, the same command goes on from the last epoch."""
    schedule = training.Schedule(
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
        decay=decay,  # type: ignore[arg-type]  (checked by Schedule)
        decay_every=decay_every,
        augmentation=datasets.usual_augmentation(dataset) if augmentation == "usual" else augmentation,  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
        seed=seed,
    )
    spec = runs.TrainingSpec(
        noise=noise,
        dataset=dataset,
        model=model,
        objective=objective,
        schedule=schedule,
        slice=slice,
        device=device,
        weights=weights,
        unlabelled=unlabelled,
        teacher=teacher,
    )
    if download:
        if ":" in dataset:
            raise InputError(
                f"a download goes where data are looked for by name; leave :PATH out of {dataset}."
            )
        fetch(datasets.without_split(dataset))
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
            lambda epochs_done: progress.update(task, completed=epochs_done),
            tensorboard,
        )
    say(path)
