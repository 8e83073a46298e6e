"""`wulff certify`: certified labels and radii over a data set."""

from typing import Annotated

import typer

from wulff import engines, reports, runs
from wulff._progress import progress_bar
from wulff.cli.console import batch_from, radii_from, say, seed_from, warn_of_not_a_number
from wulff.cli.options import AlphaOption, DatasetOption, NormsOption, SliceOption, StoreOption
from wulff.cli.run_options import (
    ArchitectureOption,
    BatchOption,
    BoundOption,
    ClassesOption,
    DenoiserOption,
    DenoiserPixelsOption,
    DeviceOption,
    DtypeOption,
    EngineOption,
    EstimatorOption,
    GpuShareOption,
    IdentityOption,
    LevelsOption,
    ModelOption,
    NormalisationOption,
    OpenChannelsLastOption,
    OpenCompileOption,
    RandomDenoiserOption,
    SamplingOption,
    SeedOption,
    ThresholdOption,
    TrainedNoiseOption,
    WeightsOption,
    WorkersOption,
)
from wulff.errors import InputError
from wulff.runs.progress import run_progress
from wulff.stats import Anytime


def certify(
    model: ModelOption,
    store: StoreOption,
    noise: TrainedNoiseOption = None,
    dataset: DatasetOption = "digits",
    norm: NormsOption = ["l2"],  # noqa: B006 (never changed)
    n0: Annotated[int, typer.Option(help="Noisy copies that choose the label.")] = 100,
    n: Annotated[int, typer.Option(help="Noisy copies that bound the label's error.")] = 100_000,
    alpha: AlphaOption = 1e-3,
    bound: BoundOption = "one-sided",
    estimator: EstimatorOption = "clopper-pearson",
    top: Annotated[
        int, typer.Option(help="Among how many of the most likely classes the label has to stay.")
    ] = 1,
    stop_radii: Annotated[
        str | None, typer.Option(help="Stop when each of these radii is decided, e.g. 0.25,0.5.")
    ] = None,
    stop_relative: Annotated[
        float | None, typer.Option(help="Stop when the radius is known to this precision, e.g. 0.02.")
    ] = None,
    skip_incorrect: Annotated[
        bool, typer.Option("--skip-incorrect", help="With a stop: do not sample wrongly labelled inputs.")
    ] = False,
    slice: SliceOption = ":",
    seed: SeedOption = "0",
    sampling: SamplingOption = "float",
    levels: LevelsOption = 255,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
    compile: OpenCompileOption = None,
    channels_last: OpenChannelsLastOption = None,
    batch: BatchOption = "auto",
    workers: WorkersOption = 1,
    engine: EngineOption = None,
    gpu_share: GpuShareOption = 1.0,
    architecture: ArchitectureOption = None,
    weights: WeightsOption = None,
    classes: ClassesOption = None,
    threshold: ThresholdOption = None,
    identity: IdentityOption = None,
    normalisation: NormalisationOption = None,
    denoiser: DenoiserOption = None,
    denoiser_pixels: DenoiserPixelsOption = None,
    random_denoiser: RandomDenoiserOption = False,
) -> None:
    """Certify every input; killed at any moment, the same command goes on where it stopped."""
    stop = None
    if stop_radii is not None or stop_relative is not None:
        radii = tuple(radii_from("--stop-radii", stop_radii) or ())
        stop = Anytime(radii=radii, relative=stop_relative, skip_incorrect=skip_incorrect)
    elif skip_incorrect:
        raise InputError("--skip-incorrect needs --stop-radii or --stop-relative.")
    spec = runs.Spec(
        model=model,
        noise=noise,
        dataset=dataset,
        norms=tuple(norm),
        n0=n0,
        n=n,
        alpha=alpha,
        estimator=estimator,
        bound=bound,
        top=top,
        stop=stop,
        slice=slice,
        seed=seed_from(seed),
        sampling=sampling,
        levels=levels,
        device=device,
        dtype=dtype,
        compile=compile,
        channels_last=channels_last,
        batch=batch_from(batch),
        architecture=architecture,
        weights=weights,
        classes=classes,
        threshold=threshold,
        identity=identity,
        normalisation=normalisation,
        denoiser=denoiser,
        denoiser_pixels=radii_from("--denoiser-pixels", denoiser_pixels),
        random_denoiser=random_denoiser,
    )
    counter = engines.choose(engine, workers, gpu_share)
    with progress_bar() as progress:
        run = runs.certify(
            spec, store, counter, progress=run_progress(progress, f"certifying {noise or model}", counter)
        )
    for name in run.norms:
        say(reports.certified_accuracy([run], norm=name).render())
    warn_of_not_a_number(run)
    say(run.folder)
