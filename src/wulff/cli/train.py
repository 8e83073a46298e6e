"""`wulff train`: a base classifier for a noise."""

from typing import Annotated, Literal

import typer

from wulff import datasets, models, runs, training, views
from wulff._progress import progress_bar
from wulff.cli.console import say
from wulff.cli.download import fetch
from wulff.cli.options import DatasetOption, NoiseOption, SliceOption
from wulff.cli.run_options import DeviceOption
from wulff.cli.run_verbs import is_given
from wulff.cli.table_options import (
    CategoricalOption,
    Columns,
    ImmutableOption,
    ScalesOption,
    TargetOption,
)
from wulff.errors import InputError

ObjectiveOption = Annotated[
    str,
    typer.Option(
        help="A training method, perhaps with hyperparameters, as in 'stability(weight=6)': "
        f"{', '.join(training.OBJECTIVES)}."
    ),
]


def train(
    context: typer.Context,
    noise: NoiseOption,
    store: Annotated[str, typer.Option(help="The folder for the weights; an unfinished training goes on.")],
    model: Annotated[
        str | None,
        typer.Option(
            help=f"An architecture: {', '.join(models.ARCHITECTURES)}, timm:NAME; by default cnn, and mlp "
            "for tables."
        ),
    ] = None,
    dataset: DatasetOption = "digits",
    target: TargetOption = None,
    scales: ScalesOption = None,
    categorical: CategoricalOption = None,
    immutable: ImmutableOption = None,
    objective: ObjectiveOption = "augment",
    schedule: Annotated[
        training.Preset,
        typer.Option(
            help="What options of length, speed and arithmetic are where they are not given; fast: 10 epochs "
            "of large steps, for --model resnet9; thorough: 60 epochs, compiled, for --model resnet20."
        ),
    ] = "usual",
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 40,
    batch: Annotated[
        int, typer.Option(help="Inputs per step; methods with m copies classify m times this.")
    ] = 64,
    learning_rate: Annotated[float, typer.Option(help="The largest learning rate.")] = 0.05,
    momentum: Annotated[float, typer.Option(help="SGD momentum.")] = 0.9,
    weight_decay: Annotated[float, typer.Option(help="SGD weight decay.")] = 1e-4,
    decay: Annotated[
        training.Decay,
        typer.Option(
            help="How the learning rate falls; step: by 10 every --decay-every epochs; one-cycle: in every "
            "step, after a rise."
        ),
    ] = "cosine",
    decay_every: Annotated[int, typer.Option(help="Epochs between two steps of --decay step.")] = 30,
    augmentation: Annotated[
        Literal["usual", training.Augmentation],
        typer.Option(help="How training images are varied; usual: as it suits the data set."),
    ] = "usual",
    precision: Annotated[
        training.Precision,
        typer.Option(help="The arithmetic of the forward pass; bf16 and fp16 are mixed precision."),
    ] = "fp32",
    compile: Annotated[
        bool,
        typer.Option("--compile/--no-compile", help="Compile the model; on a CPU this needs a C++ compiler."),
    ] = False,
    slice: SliceOption = ":",
    seed: Annotated[int, typer.Option(help="The seed of weights, order and noise.")] = 0,
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
    options = {
        "epochs": epochs,
        "batch": batch,
        "learning_rate": learning_rate,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "decay": decay,
        "decay_every": decay_every,
        "precision": precision,
        "compile": compile,
    }
    planned = training.preset(
        schedule,
        training.own_device(device),
        augmentation=datasets.usual_augmentation(dataset) if augmentation == "usual" else augmentation,
        seed=seed,
        **{name: value for name, value in options.items() if is_given(context, name)},
    )
    columns = Columns(target, scales, categorical, immutable)
    table = runs.table_to_train_on(dataset, slice, **columns.read())
    spec = runs.TrainingSpec(
        noise=noise,
        dataset=dataset,
        model=model or ("cnn" if table is None else "mlp"),
        objective=objective,
        schedule=planned,
        slice=slice,
        device=device,
        weights=weights,
        unlabelled=unlabelled,
        teacher=teacher,
        table=table,
    )
    if download:
        if ":" in dataset:
            raise InputError(
                f"a download goes where data are looked for by name; leave :PATH out of {dataset}."
            )
        fetch(datasets.without_split(dataset))
    with progress_bar() as progress:
        parts = views.parse(noise) if views.is_views(noise) else None
        total = planned.epochs * (parts.parts if isinstance(parts, views.Partitions) else 1)
        task = progress.add_task(f"training {noise}", total=total, words="")
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
