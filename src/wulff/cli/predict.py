"""`wulff predict`: smoothed labels over a data set."""

from typing import Annotated

import typer

from wulff import engines, reports, runs
from wulff._progress import progress_bar
from wulff.cli.console import batch_from, radii_from, say, seed_from, warn_of_not_a_number
from wulff.cli.options import AlphaOption, DatasetOption, SliceOption, StoreOption
from wulff.cli.run_options import (
    ArchitectureOption,
    BatchOption,
    ClassesOption,
    DenoiserOption,
    DenoiserPixelsOption,
    DeviceOption,
    DtypeOption,
    EngineOption,
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
from wulff.runs.progress import run_progress


def predict(
    model: ModelOption,
    store: StoreOption,
    noise: TrainedNoiseOption = None,
    dataset: DatasetOption = "digits",
    n: Annotated[int, typer.Option(help="Noisy copies per input.")] = 1_000,
    alpha: AlphaOption = 1e-3,
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
    """Label every input, or abstain; killed at any moment, the same command goes on where it stopped."""
    spec = runs.PredictSpec(
        model=model,
        noise=noise,
        dataset=dataset,
        n=n,
        alpha=alpha,
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
        run = runs.execute(
            spec, store, counter, progress=run_progress(progress, f"predicting {noise or model}", counter)
        )
    say(reports.certified_accuracy([run]).render())
    warn_of_not_a_number(run)
    say(run.folder)
