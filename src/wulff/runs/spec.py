"""What decides a run's numbers: every parameter, the hashes of weights and data, and the versions."""

import dataclasses
import importlib.metadata
from typing import Any, Literal

from torch import Tensor, nn

from wulff import datasets, models, noises
from wulff.errors import InputError
from wulff.norms import Norm
from wulff.smoothing import (
    DEFAULT_BATCH,
    Bound,
    DevicePolicy,
    Estimator,
    Sampling,
    Smoothed,
    batch_matters,
    check_estimator,
    check_seed,
    fastest,
    measure_batch_sizes,
    use_device,
)
from wulff.stats import Anytime, check_alpha, check_anytime_alpha, check_sample_size

BOUNDS = ("one-sided", "two-sided")
TASKS = ("certify", "predict")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec:
    """A run to be made.

    Attributes:
        model: A weights file, or the folder of a training.
        dataset: A name in `wulff.datasets`, or the path of an .npz file.
        noise: A spec string; by default the noise that the model was trained with.
        task: `certify` or `predict`.
        slice: Which inputs, as a Python slice.
        norms: Against which adversaries; all certificates come from the same votes.
        n0: Samples that choose the label (certify).
        n: Samples that bound its error, or that predict it.
        alpha: The probability, for each input, with which its answer may be wrong.
        bound: `one-sided`, or `two-sided` to bound the other classes too (certify).
        estimator: `clopper-pearson`, or `randomized-clopper-pearson` for a fixed n (certify).
        stop: When to stop sampling an input (certify); None takes n samples for each.
        seed: The seed of the noise; None draws one from the operating system, and records it.
        sampling: `float`, or `exact` for integer noise on inputs that are multiples of 1/levels.
        levels: Grid steps per 1.0, for exact sampling: 255 for 8-bit pixels.
        device: Where the model runs.
        dtype: `float32` (`fp32`), or `bfloat16` (`bf16`) for weights of 16 bits.
        compile: Whether the model goes through `torch.compile`.
        channels_last: Whether images keep the channels of a pixel together.
        batch: How many noisy copies are classified at once; `auto` takes the size that is measured to be the
            fastest when the run starts, and keeps it when the run is resumed. A compiled model is made
            for one size, and a GPU's kernels are chosen by it, so that it is then part of the classifier: the
            run is not resumed with another.
        architecture: For weights that do not say what model they are for.
    """

    model: str
    dataset: str = "digits"
    noise: str | None = None
    task: str = "certify"
    slice: str = ":"
    norms: tuple[str, ...] = ("l2",)
    n0: int = 100
    n: int = 100_000
    alpha: float = 1e-3
    bound: Bound = "one-sided"
    estimator: Estimator = "clopper-pearson"
    stop: Anytime | None = None
    seed: int | None = 0
    sampling: Sampling = "float"
    levels: int = 255
    device: str = "cpu"
    dtype: str = "float32"
    compile: bool = False
    channels_last: bool = False
    batch: int | Literal["auto"] = DEFAULT_BATCH
    architecture: str | None = None

    @property
    def policy(self) -> DevicePolicy:
        """How the model is run."""
        return DevicePolicy(
            device=self.device, dtype=self.dtype, compile=self.compile, channels_last=self.channels_last
        )


@dataclasses.dataclass(frozen=True)
class Job:
    """A spec with everything it names: checked, loaded and hashed."""

    spec: Spec
    dataset: datasets.Dataset
    smoothed: Smoothed
    norms: list[Norm]
    document: dict[str, Any]

    @property
    def noise(self) -> noises.Noise:
        """The noise, with the dimension of the inputs."""
        return self.smoothed.noise.in_dim(self.dataset.images[0].numel())

    @property
    def seed(self) -> int:
        """The seed of the noise."""
        return int(self.document["run"]["seed"])


def check(spec: Spec) -> list[Norm]:
    """Refuse what can be refused before anything is loaded; returns the norms.

    Raises:
        InputError: Something in the spec is not allowed.
    """
    if spec.task not in TASKS:
        raise InputError(f"unknown task {spec.task!r}; there is {', '.join(TASKS)}.")
    if spec.bound not in BOUNDS or (spec.bound == "two-sided" and spec.stop is not None):
        raise InputError(f"bound must be {' or '.join(BOUNDS)} (with a fixed n), got {spec.bound!r}.")
    check_estimator(spec.estimator, spec.stop)
    if isinstance(spec.norms, str) or not spec.norms:
        raise InputError(f"norms must be a sequence such as ('l1', 'l2'), got {spec.norms!r}.")
    norms = list(dict.fromkeys(Norm.parse(norm) for norm in spec.norms))
    (check_alpha if spec.stop is None else check_anytime_alpha)(spec.alpha)
    check_sample_size(spec.n0, "n0")
    check_sample_size(spec.n)
    if spec.noise is not None:
        noises.parse(spec.noise)
    if spec.batch != "auto":
        check_sample_size(spec.batch, "batch")
    if spec.seed is not None:
        check_seed(spec.seed)
    return norms


def prepare(spec: Spec, stored: dict[str, Any] | None = None) -> Job:
    """Check and load what a spec names.

    Args:
        spec: The run to be made.
        stored: The document of the run to be resumed, if there is one: it has the seed that was drawn.

    Raises:
        InputError: Something in the spec is not allowed, missing, or does not fit together.
    """
    norms = check(spec)
    policy = spec.policy
    dataset = datasets.load(spec.dataset).slice(spec.slice)
    fallback = None
    if spec.architecture is not None:
        fallback = models.Description(spec.architecture, dataset.input_shape, dataset.num_classes)
    model = models.load(spec.model, fallback)
    _check_fit(model, dataset)
    named = spec.noise or model.description.noise
    if named is None:
        raise InputError(
            f"the weights at {spec.model} do not say which noise they were trained with; give --noise."
        )
    noise = noises.parse(named)
    noise.in_dim(dataset.images[0].numel())
    if spec.seed is None and stored is not None:
        seed = int(stored.get("run", {}).get("seed", 0))
    else:
        seed = check_seed(spec.seed)
    run: dict[str, Any] = {
        "task": spec.task,
        "model": spec.model,
        "architecture": model.description.architecture,
        "dataset": spec.dataset,
        "slice": spec.slice,
        "inputs": len(dataset),
        "dim": dataset.images[0].numel(),
        "classes": model.description.num_classes,
        "noise": str(noise),
        "n": int(spec.n),
        "alpha": float(spec.alpha),
        "seed": seed if seed < 2**63 else str(seed),  # TOML integers are signed
        "sampling": spec.sampling,
        **policy.identity(),
    }
    if spec.sampling == "exact":
        run["levels"] = spec.levels
    if spec.task == "certify":
        run |= {"n0": int(spec.n0), "norms": [str(norm) for norm in norms], "bound": spec.bound}
        run["estimator"] = spec.estimator
        if spec.stop is not None:
            run["stop"] = {
                key: value for key, value in dataclasses.asdict(spec.stop).items() if value is not None
            }
            run["stop"]["radii"] = list(spec.stop.radii)
    engine = _engine(spec, model.module, dataset.images[:1], stored)
    if batch_matters(run["device"], compiled=spec.compile):
        run["batch"] = engine["batch"]
    document = {
        "run": run,
        "hashes": {"weights": model.sha256, "data": dataset.sha256()},
        "versions": versions(model.description.architecture),
        "engine": engine,
    }
    smoothed = Smoothed(
        model.module,
        noise,
        model.description.num_classes,
        batch=engine["batch"],
        sampling=spec.sampling,
        levels=spec.levels,
        policy=policy,
    )
    if isinstance(dataset.images, Tensor):
        smoothed.check_inputs(dataset.images)
    elif spec.sampling == "exact":
        for image in dataset.images:  # decoded one by one: they need not fit into memory together
            smoothed.check_inputs(image[None])
    smoothed.counts(dataset.images[:1], 1)  # a model that cannot run is refused before anything is written
    return Job(spec, dataset, smoothed, norms, document)


def _engine(spec: Spec, model: nn.Module, x: Tensor, stored: dict[str, Any] | None) -> dict[str, Any]:
    """What decides the speed of a run and none of its numbers."""
    if spec.batch != "auto":
        return {"batch": check_sample_size(spec.batch, "batch")}
    if stored is not None and "batch" in stored.get("engine", {}):
        return stored["engine"]
    # Measured before compilation, which takes longer for each size than the difference is worth.
    plain = dataclasses.replace(spec.policy, compile=False)
    rates = measure_batch_sizes(plain.apply(model), x.to(use_device(plain.device)))
    measured = {str(size): round(rate, 1) for size, rate in rates.items()}
    return {"batch": fastest(rates), "samples_per_second": measured}


def versions(architecture: str = "") -> dict[str, str]:
    """The versions of what computes the numbers; timm's too, where it made the model."""
    names = ["wulff", "torch", "numpy", "scipy", *["timm"] * architecture.startswith("timm:")]
    return {name: importlib.metadata.version(name) for name in names}


def _check_fit(model: models.Model, dataset: datasets.Dataset) -> None:
    description = model.description
    if description.input_shape != dataset.input_shape:
        raise InputError(
            f"the model takes inputs of shape {description.input_shape}, but {dataset.name} has "
            f"{dataset.input_shape}."
        )
    if int(dataset.labels.max()) >= description.num_classes:
        raise InputError(
            f"{dataset.name} has labels up to {int(dataset.labels.max())}, but the model knows "
            f"{description.num_classes} classes."
        )
