"""`wulff audit`: what certificates rest on, measured."""

import dataclasses
import json
from typing import Annotated

import typer

from wulff import backends, datasets, models, noises, runs, views
from wulff.cli.options import DatasetOption, SliceOption
from wulff.cli.run_options import (
    ArchitectureOption,
    ChannelsLastOption,
    CompileOption,
    DeviceOption,
    DtypeOption,
    ModelOption,
    NormalisationOption,
    TrainedNoiseOption,
)
from wulff.cli.verb import Group, Verb
from wulff.errors import InputError
from wulff.smoothing import BATCH_SIZES_TO_AUDIT, DEFAULT_BATCH, DevicePolicy, audit_batch_invariance
from wulff.stats import check_sample_size

app = typer.Typer(
    cls=Group, help="Measure what certificates rest on.", no_args_is_help=False, rich_markup_mode=None
)


@app.command("batch-invariance", cls=Verb)
def batch_invariance(
    model: ModelOption,
    noise: TrainedNoiseOption = None,
    dataset: DatasetOption = "digits",
    slice: SliceOption = ":16",
    copies: Annotated[int, typer.Option(help="Noisy copies to classify, shared among the inputs.")] = 1024,
    batches: Annotated[str, typer.Option(help="Batch sizes to compare.")] = ",".join(
        map(str, BATCH_SIZES_TO_AUDIT)
    ),
    reference: Annotated[int, typer.Option(help="The batch size to compare with.")] = DEFAULT_BATCH,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
    compile: CompileOption = False,
    channels_last: ChannelsLastOption = False,
    architecture: ArchitectureOption = None,
    normalisation: NormalisationOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure whether labels depend on how noisy copies, or views, are batched."""
    policy = DevicePolicy(device=device, dtype=dtype, compile=compile, channels_last=channels_last)
    sizes = _sizes(batches)
    check_sample_size(copies, "--copies")
    check_sample_size(reference, "--reference")
    if backends.is_spec(model):
        raise InputError(
            f"--model must be weights of wulff's architectures here, got {model!r}; in Python, "
            "wulff.smoothing.audit_batch_invariance takes any module."
        )
    table = runs.table_to_certify(dataset, model)
    inputs = datasets.load(dataset, table=table).slice(slice)
    fallback = None
    if architecture is not None:
        fallback = models.Description(architecture, inputs.input_shape, inputs.num_classes)
    loaded = models.load(model, fallback, normalisation=normalisation)
    named = noise or loaded.description.noise
    if named is None:
        raise InputError(f"the weights at {model} do not say which noise they are for; give --noise.")
    named = runs.of_table(named, table)
    source = views.parse(named) if views.is_views(named) else noises.parse(named)
    given = source.view_shape(inputs.input_shape) if isinstance(source, views.Views) else inputs.input_shape
    if loaded.description.input_shape != given:
        what = f"the views {source} of {dataset} have" if views.is_views(named) else f"{dataset} has"
        raise InputError(
            f"the model takes inputs of shape {loaded.description.input_shape}, but {what} {given}."
        )
    audit = audit_batch_invariance(
        loaded.module,
        inputs.images[:],
        source,
        policy=policy,
        copies=copies,
        batches=sizes,
        reference=reference,
    )
    if as_json:
        typer.echo(json.dumps({**dataclasses.asdict(audit), **policy.identity(), "sentence": audit.sentence}))
        return
    typer.echo(f"compared with batches of {reference}          labels  last bits  largest difference")
    for v in audit.variations:
        logits = "" if v.logits is None else f"{v.logits:>9,}"
        largest = "" if v.largest is None else f"{v.largest:>18.2g}"
        note = "  (no run does this)" if v.padded else ""
        typer.echo(f"{v.name:<36} {v.labels:>7,}  {logits}  {largest}{note}")
    typer.echo(audit.sentence)


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--batches must be numbers such as 1,16,256, got {text!r}.") from None
    return [check_sample_size(size, "--batches") for size in sizes]
