"""Options of the verbs that run a model. Their choices are typed where they mean something."""

from typing import Annotated, Literal

import typer

from wulff.backends.runtimes import AskedRuntime
from wulff.smoothing import Bound, Estimator, Sampling

ModelOption = Annotated[
    str,
    typer.Option(
        help="A weights file, the folder of a training, or a model from elsewhere: python:FILE.py:NAME, "
        "onnx:FILE, sklearn:FILE.skops, xgboost:FILE, lightgbm:FILE, timm:NAME, hf:FOLDER, http://..."
    ),
]
WeightsOption = Annotated[
    str | None, typer.Option(help="A state dict for the module of python:FILE.py:NAME.")
]
ClassesOption = Annotated[
    int | None, typer.Option(help="How many labels a model from elsewhere has, if it does not say it.")
]
ClassMapOption = Annotated[
    str | None,
    typer.Option(
        help="A TOML file that says which class of the model is meant by each of the data: cat = 281 or "
        "dog = 'beagle'."
    ),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(help="For models with one score: above it the label is 1; 0 for a logit, 0.5 else."),
]
IdentityOption = Annotated[
    str | None, typer.Option(help="What tells a model without weights from others, e.g. 'fraud model 7'.")
]
NormalisationOption = Annotated[
    str | None,
    typer.Option(
        help="What is done to pixels in [0, 1] before a model sees them that does not say it itself: none, "
        "imagenet, cifar10 or MEAN/STD."
    ),
]
DenoiserOption = Annotated[
    str | None,
    typer.Option(help="What denoises inputs first: python:FILE.py:NAME of denoise(x) or denoise(x, sigma)."),
]
DenoiserPixelsOption = Annotated[
    str | None,
    typer.Option(help="The denoiser's numbers for 0 and 1, e.g. -1,1; it is told sigma in these units."),
]
RandomDenoiserOption = Annotated[
    bool, typer.Option("--random-denoiser", help="The denoiser draws afresh for each row of each call.")
]
TrainedNoiseOption = Annotated[
    str | None, typer.Option(help="The noise to smooth with; by default the one of the training.")
]
ArchitectureOption = Annotated[
    str | None, typer.Option(help="The model's architecture, for weights that do not say it.")
]
BoundOption = Annotated[
    Bound, typer.Option(help="Whether to bound the label's error alone, or the other classes too.")
]
EstimatorOption = Annotated[
    Estimator, typer.Option(help="The bound on the error; the randomized one is for a fixed n.")
]
SeedOption = Annotated[str, typer.Option(help="An integer, or `random` for one from the operating system.")]
DeviceOption = Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1, ...")]
DtypeOption = Annotated[
    Literal["float32", "bfloat16", "fp32", "bf16", "int8"],
    typer.Option(
        help="The numbers the model computes with: with 16 bits, or with --runtime openvino 8, it is another "
        "classifier, often faster."
    ),
]
CompileOption = Annotated[
    bool, typer.Option("--compile", help="Compile the model; on a CPU this needs a C++ compiler.")
]
ChannelsLastOption = Annotated[
    bool, typer.Option("--channels-last", help="Keep the channels of a pixel together in memory.")
]
RuntimeOption = Annotated[
    AskedRuntime,
    typer.Option(
        help="What computes a module's outputs: PyTorch, or on a CPU ONNX Runtime or OpenVINO; `auto` is "
        "PyTorch, or before a long run the one of those installed that is measured to be the fastest."
    ),
]
OpenCompileOption = Annotated[
    bool | None,
    typer.Option(
        "--compile/--no-compile",
        help="Compile the model, or not; by default where a long run is measured to be faster.",
    ),
]
OpenChannelsLastOption = Annotated[
    bool | None,
    typer.Option(
        "--channels-last/--no-channels-last",
        help="Keep the channels of a pixel together in memory, or not; by default where it is faster.",
    ),
]
BatchOption = Annotated[
    str,
    typer.Option(
        help="Noisy copies per forward pass, or `auto`: a good number, or for long runs the fastest one."
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(help="What counts the votes: local, processes, ray, or one of a plugin; no number changes."),
]
PlaceOption = Annotated[
    Literal["local", "ray"], typer.Option("--engine", help="On this machine, or on a Ray cluster.")
]
GpuShareOption = Annotated[
    float, typer.Option(help="With --engine ray and a GPU: what part of one a worker takes, e.g. 0.5.")
]
WorkersOption = Annotated[int, typer.Option(help="Processes on this machine, with one thread each.")]
SamplingOption = Annotated[
    Sampling,
    typer.Option(help="Real noise, or exact: integer noise on pixels that are multiples of 1/levels."),
]
LevelsOption = Annotated[int, typer.Option(help="Grid steps per 1.0 for exact sampling: 255 for 8 bits.")]
