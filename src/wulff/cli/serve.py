"""`wulff serve`: the smoothed classifier as a service."""

import math
import os
import signal
import socket
from typing import Annotated, Any

import torch
import typer

from wulff import backends, datasets, models, noises, runs
from wulff.backends.endpoints import TOKEN
from wulff.cli.console import say
from wulff.cli.options import AlphaOption, NormsOption
from wulff.cli.run_options import (
    ArchitectureOption,
    ChannelsLastOption,
    ClassesOption,
    CompileOption,
    DeviceOption,
    DtypeOption,
    IdentityOption,
    ModelOption,
    NormalisationOption,
    ThresholdOption,
    TrainedNoiseOption,
)
from wulff.cli.run_verbs import is_given
from wulff.cli.table_options import (
    CategoricalOption,
    Columns,
    ImmutableOption,
    ScalesOption,
    TargetOption,
    TrainingRowsOption,
)
from wulff.errors import InputError
from wulff.runs.trials import first_answer
from wulff.serving import Service, application
from wulff.smoothing import DEFAULT_BATCH, DevicePolicy, Smoothed
from wulff.views import is_views

PortOption = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")]


def serve(
    context: typer.Context,
    model: ModelOption,
    noise: TrainedNoiseOption = None,
    n: Annotated[int, typer.Option(help="Noisy copies of each input.")] = 1_000,
    alpha: AlphaOption = 1e-3,
    norm: NormsOption = ["l2"],  # noqa: B006 (never changed)
    n0: Annotated[int, typer.Option(help="Noisy copies that choose the label where radii are wanted.")] = 100,
    shape: Annotated[
        str | None, typer.Option(help="The shape of one input, e.g. 3,32,32, if the model does not say it.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for all.")] = "127.0.0.1",
    port: PortOption = 8080,
    name: Annotated[str, typer.Option(help="What clients call the model.")] = "smoothed",
    waiting: Annotated[int, typer.Option(help="Inputs that may wait; more are refused with 503.")] = 1_024,
    certificate: Annotated[
        str | None, typer.Option("--certificate", help="A file with a TLS certificate, to serve https.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The file with the certificate's private key.")] = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
    compile: CompileOption = False,
    channels_last: ChannelsLastOption = False,
    batch: Annotated[int, typer.Option(help="Noisy copies per forward pass.")] = DEFAULT_BATCH,
    architecture: ArchitectureOption = None,
    classes: ClassesOption = None,
    threshold: ThresholdOption = None,
    identity: IdentityOption = None,
    normalisation: NormalisationOption = None,
    target: TargetOption = None,
    training_rows: TrainingRowsOption = None,
    scales: ScalesOption = None,
    categorical: CategoricalOption = None,
    immutable: ImmutableOption = None,
) -> None:
    """Answer requests of the Open Inference Protocol with smoothed labels, votes and certified radii.

    With WULFF_TOKEN in the environment, requests must bear that token. Stopped by Ctrl-C or SIGTERM, it
    finishes what it has begun.
    """
    if (certificate is None) != (key is None):
        raise InputError("--certificate and --key go together.")
    table = _table(model, training_rows, Columns(target, scales, categorical, immutable))
    given = _shape(shape) if table is None else (len(table.features),)
    if backends.is_spec(model):
        found = backends.load(model, threshold=threshold, identity=identity, normalisation=normalisation)
        found = backends.for_table(found, table)
        function, known, trained, classes = (
            found.function,
            found.input_shape,
            None,
            classes or found.num_classes,
        )
    else:
        if architecture is not None and (given is None or classes is None):
            raise InputError("--architecture needs --shape and --classes too.")
        fallback = architecture and models.Description(architecture, given or (), classes or 0)
        weights = models.load(model, fallback or None, normalisation=normalisation)
        function, known = weights.module, weights.description.input_shape
        trained, classes = weights.description.noise, weights.description.num_classes
    if known is not None and given is not None and math.prod(known) != math.prod(given):
        raise InputError(f"--shape is {given}, but the model takes inputs of shape {known}.")
    input_shape = given or known
    if input_shape is None:
        raise InputError(f"{model} does not say the shape of its inputs; give --shape, e.g. 3,32,32.")
    chosen = noise or trained
    if chosen is None:
        raise InputError("--noise is needed: the model does not say with which noise it was trained.")
    if is_views(chosen):
        raise InputError(
            f"a service samples noise, and {chosen} are views, which are enumerated; certify with "
            "`wulff certify`, or give a noise in --noise."
        )
    if table is not None:
        chosen = runs.of_table(chosen, table)
        norm = norm if is_given(context, "norm") else _steps(chosen, table)
    trial = torch.rand(1, *input_shape) if table is None else torch.zeros(1, *input_shape)
    answer = first_answer(model, function, trial)
    if answer.ndim == 2:
        classes = answer.shape[1]
    if classes is None:
        raise InputError(f"{model} returns labels, and does not say of how many classes; give --classes.")
    policy = DevicePolicy(device=device, dtype=dtype, compile=compile, channels_last=channels_last)
    smoothed = Smoothed(
        function,
        chosen,
        classes,
        batch=batch,
        policy=policy if isinstance(function, torch.nn.Module) else None,
    )
    service = Service(
        smoothed, input_shape, n=n, alpha=alpha, n0=n0, threats=tuple(norm), most_waiting=waiting
    )
    served = application(service, name=name, token=os.environ.get(TOKEN), table=table)
    listen(served, host, port, name, certificate, key)


def _table(model: str, training_rows: str | None, columns: Columns) -> datasets.Layout | None:
    """The columns of the rows that are served; None for a model of other inputs."""
    said = columns.read()
    found = runs.table_of_model(model, training_rows=training_rows, **said)
    if found is None and (given := [name for name, value in said.items() if value]):
        raise InputError(
            f"{given[0]} is for the columns of a table; give the rows that {model} was trained on in "
            "training_rows=FILE.",
            *(given[0], "training_rows"),
        )
    return found


def _steps(noise: str, table: datasets.Layout) -> list[str]:
    """Against what rows are certified if nobody says it: also with one and two changed categories."""
    usual = runs.usual_norm(noise)
    if not isinstance(noises.parse(noise), noises.Mixed):
        return [usual]
    return [f"{usual}+{count}" for count in range(min(len(table.changing_categories), 2) + 1)]


def listen(
    app: Any, host: str, port: int, name: str, certificate: str | None = None, key: str | None = None
) -> None:
    """Serve an application until SIGINT or SIGTERM; then finish what was begun.

    Raises:
        InputError: The address cannot be used, or the certificate cannot be read.
    """
    try:
        import uvicorn
    except ImportError:
        raise InputError("serving needs the package uvicorn; pip install 'wulff[serve]'.") from None
    config = uvicorn.Config(
        app, log_level="warning", lifespan="on", ws="none", ssl_certfile=certificate, ssl_keyfile=key
    )
    try:
        config.load()
    except OSError as error:  # of ssl, too
        raise InputError(f"the TLS certificate or its key cannot be read: {error.strerror}.") from None
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(f"cannot listen at {host}, port {port}: {error.strerror or error}.") from None
    with opened:
        scheme = "http" if certificate is None else "https"
        there = f"[{host}]" if ":" in host else host
        say(f"{scheme}://{there}:{opened.getsockname()[1]}/v2/models/{name}")
        for number in (signal.SIGINT, signal.SIGTERM):  # which uvicorn raises again when it has finished
            signal.signal(number, _go_on)
        uvicorn.Server(config).run(sockets=[opened])


def _go_on(*_: object) -> None:
    return


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() and 0 < len(part) < 9 for part in parts):
        raise InputError(f"--shape must be sizes such as 3,32,32, got {text!r}.")
    sizes = tuple(map(int, parts))
    if not all(sizes):
        raise InputError(f"--shape must be sizes such as 3,32,32, got {text!r}.")
    return sizes
