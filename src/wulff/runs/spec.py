"""What a run is asked for: every parameter, checked and normalised. A document is the same as TOML."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self, final

from wulff import noises
from wulff._checks import FINITE, flag, instance, real_number
from wulff._quoting import shown
from wulff.backends.denoisers import check_pixels
from wulff.datasets.base import parse_slice
from wulff.errors import InputError
from wulff.models.normalize import Normalisation
from wulff.norms import Threat, parse_threat
from wulff.smoothing import (
    Bound,
    DevicePolicy,
    Estimator,
    Grid,
    Sampling,
    Terms,
    check_seed,
    grid_for,
)
from wulff.smoothing.policy import full_dtype
from wulff.stats import Anytime, check_alpha, check_sample_size
from wulff.views import is_views

IN_PYTHON = "in Python"
"""Stands for a data set or model that was no name but an object; hashes tell it from others."""
_ANY_NOISE = noises.parse("gaussian(sigma=1)")
"""Stands for the noise of a model that is not loaded yet, in terms that are only checked."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Table:
    """Parameters that are written to a table of a document, and read from it as the same type."""

    task: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ()
    """What a document must have, whatever defaults there are for a new one."""

    def to_document(self) -> dict[str, Any]:
        """The table; None is left out."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {"task": self.task} | {k: _written(v) for k, v in values.items() if v is not None}

    @classmethod
    def from_document(cls, table: dict[str, Any]) -> Self:
        """The parameters in a table; keys that are none are left to others.

        Raises:
            InputError: One is missing or not allowed.
        """
        for name in cls.required:
            if name not in table:
                raise InputError(f"the table run has no {name}.")
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: _read(name, value) for name, value in table.items() if name in names})


@dataclasses.dataclass(frozen=True, kw_only=True)
class VoteSpec(_Table):
    """What certifying and predicting have in common; use `Spec` or `PredictSpec`.

    Attributes:
        model: A weights file, the folder of a training, or a model from elsewhere: `onnx:FILE`, ...; see
            `wulff.backends`.
        dataset: A name in `wulff.datasets`, or the path of an .npz file.
        noise: A spec string; by default the noise that the model was trained with.
        slice: Which inputs, as a Python slice.
        n: Samples that bound the error of a label, or that predict it.
        alpha: The probability, for each input, with which its answer may be wrong.
        seed: The seed of the noise; None draws one from the operating system, and records it.
        sampling: `float`, or `exact` for integer noise on inputs that are multiples of 1/levels.
        levels: Grid steps per 1.0, for exact sampling: 255 for 8-bit pixels.
        device: Where the model runs.
        dtype: `float32` (`fp32`), or `bfloat16` (`bf16`) for weights of 16 bits.
        compile: Whether the model goes through `torch.compile`; None where that is to be found.
        channels_last: Whether images keep the channels of a pixel together; None where that is to be found.
        batch: How many noisy copies are classified at once; `auto` where that is to be found. What is left
            open is guessed by the kinds of the model's layers, or measured before a long run, on noisy copies
            of its own first inputs; it is recorded, and kept when the run is resumed. A compiled model is
            made for one size, and a GPU's kernels are chosen by it, so that it is then part of the
            classifier: the run is not resumed with another.
        architecture: For weights that do not say what model they are for.
        weights: A state dict for the module that `python:FILE.py:NAME` gives.
        classes: How many labels there are, for models from elsewhere that do not say it.
        threshold: For models that return one score: above it the label is 1; 0 for a logit, 0.5 for a
            probability.
        identity: What tells the classifier from others, in words, where it has no weights to be hashed.
        normalisation: What is done to inputs before the model sees them, for models that do not say it:
            `none`, `imagenet`, `cifar10` or MEAN/STD. A run records what was done.
        denoiser: `python:FILE.py:NAME` of what denoises inputs before the model, with its normalisation, sees
            them: `denoise(x)`, or `denoise(x, sigma)`.
        denoiser_pixels: Its numbers for 0 and 1, in which it sees images and is told sigma; by default these.
        random_denoiser: Whether it draws random numbers, afresh for each row of each call. Probabilities are
            then over its draws too, and a run that is made again has other votes.

    Raises:
        InputError: A value is not allowed, or two of them do not go together.
    """

    required = ("model", "dataset", "slice", "noise", "n", "alpha", "seed")

    model: str
    dataset: str = "digits"
    noise: str | None = None
    slice: str = ":"
    n: int = 1_000
    alpha: float = 1e-3
    seed: int | None = 0
    sampling: Sampling = "float"
    levels: int = 255
    device: str = "cpu"
    dtype: str = "float32"
    compile: bool | None = None
    channels_last: bool | None = None
    batch: int | Literal["auto"] = "auto"
    architecture: str | None = None
    weights: str | None = None
    classes: int | None = None
    threshold: float | None = None
    identity: str | None = None
    normalisation: str | None = None
    denoiser: str | None = None
    denoiser_pixels: Sequence[float] | None = None
    random_denoiser: bool = False

    def __post_init__(self) -> None:
        for name in ("model", "dataset", "slice", "device", "sampling"):
            instance(name, getattr(self, name), str, "text")
        for name in ("noise", "architecture", "weights", "identity", "normalisation", "denoiser"):
            if getattr(self, name) is not None:
                instance(name, getattr(self, name), str, "text")
        if self.classes is not None:
            _set(self, "classes", check_sample_size(self.classes, "classes"))
        if self.normalisation is not None:
            _set(self, "normalisation", str(Normalisation.parse(self.normalisation)))
        if self.threshold is not None:
            real_number("threshold", self.threshold, *FINITE)
        flag("random_denoiser", self.random_denoiser)
        for name in ("compile", "channels_last"):
            if getattr(self, name) is not None:
                flag(name, getattr(self, name))
        if self.denoiser is None and (self.denoiser_pixels is not None or self.random_denoiser):
            raise InputError(
                "denoiser_pixels and random_denoiser are for a denoiser; give denoiser=python:FILE.py:NAME.",
                *("denoiser_pixels", "random_denoiser", "denoiser"),
            )
        if self.denoiser is not None:
            _set(self, "denoiser_pixels", check_pixels(self.denoiser_pixels or (0.0, 1.0)))
        parse_slice(self.slice)
        _set(self, "dtype", full_dtype(self.dtype))
        _set(self, "n", check_sample_size(self.n))
        if self.noise is not None:
            _set(self, "noise", str(sampled_noise(self.noise)))
        if not isinstance(self.batch, str) or self.batch != "auto":
            _set(self, "batch", check_sample_size(self.batch, "batch"))
        if self.seed is not None:
            _set(self, "seed", check_seed(self.seed))
        grid_for(self.sampling, self.levels)

    @property
    def grid(self) -> Grid | None:
        """The grid of exact sampling, or None."""
        return grid_for(self.sampling, self.levels)

    @property
    def policy(self) -> DevicePolicy:
        """How the model is run."""
        return DevicePolicy(
            device=self.device,
            dtype=self.dtype,
            compile=bool(self.compile),
            channels_last=bool(self.channels_last),
        )

    def to_document(self) -> dict[str, Any]:
        """The table `run`; the batch size is left to those who know whether it matters."""
        unsaid = {"batch"} if self.sampling == "exact" else {"batch", "levels"}
        unsaid |= set() if self.denoiser else {"random_denoiser"}
        return {key: value for key, value in super().to_document().items() if key not in unsaid}


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec(VoteSpec):
    """A certification to be made; the other attributes are those of `VoteSpec`.

    Attributes:
        norms: Against which adversaries; all certificates come from the same votes.
        n0: Samples that choose the label.
        n: Samples that bound its error.
        bound: `one-sided`, or `two-sided` to bound the other classes too.
        estimator: `clopper-pearson`, or `randomized-clopper-pearson` for a fixed n.
        stop: When to stop sampling an input; None takes n samples for each.
        top: Among how many of the most likely classes the label has to stay; 1 for the first.
    """

    task = "certify"
    required = (*VoteSpec.required, "norms", "n0", "bound")

    norms: tuple[str, ...] = ("l2",)
    n0: int = 100
    n: int = 100_000
    bound: Bound = "one-sided"
    estimator: Estimator = "clopper-pearson"
    stop: Anytime | None = None
    top: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.norms, str) or not isinstance(self.norms, list | tuple) or not self.norms:
            raise InputError(f"norms must be a sequence such as ('l1', 'l2'), got {shown(self.norms)}.")
        _set(self, "norms", tuple(dict.fromkeys(str(parse_threat(norm)) for norm in self.norms)))
        terms = self.terms(_ANY_NOISE if self.noise is None else noises.parse(self.noise))
        _set(self, "n0", terms.n0)
        _set(self, "alpha", terms.alpha)

    @property
    def threats(self) -> list[Threat]:
        """The adversaries' norms."""
        return [parse_threat(norm) for norm in self.norms]

    def terms(self, noise: noises.Noise) -> Terms:
        """The terms of the certification, with the noise in the dimension of the inputs."""
        return Terms(
            noise=noise,
            n0=self.n0,
            n=self.n,
            alpha=self.alpha,
            seed=0 if self.seed is None else self.seed,
            bound=self.bound,
            estimator=self.estimator,
            stop=self.stop,
            grid=self.grid,
            top=self.top,
        )

    def to_document(self) -> dict[str, Any]:
        """The table `run`; that a label has to stay the first is not said."""
        return {key: value for key, value in super().to_document().items() if (key, value) != ("top", 1)}


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictSpec(VoteSpec):
    """A prediction to be made; the attributes are those of `VoteSpec`."""

    task = "predict"

    def __post_init__(self) -> None:
        super().__post_init__()
        _set(self, "alpha", check_alpha(self.alpha))

    @property
    def norms(self) -> tuple[str, ...]:
        """The norms that radii are against: none."""
        return ()


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportedSpec(_Table):
    """What is known of a published log; None is what it does not say.

    Attributes:
        norms: The norms of its radii; none for predictions.
        noise: The noise.
        n: How many samples bounded each error.
        alpha: The probability with which each answer may be wrong; without it there are no bounds.
        training_noise: The noise that the model was trained with.
        training_accuracy: The accuracy on training inputs under noise.
        rounded_to_digits: To how many significant digits its radii are rounded, at worst.
        rounded_to_decimals: To how many decimals.
        dataset: The data set.

    Raises:
        InputError: A value is not allowed.
    """

    task = "import"

    norms: tuple[str, ...] = ()
    noise: str | None = None
    n: int | None = None
    alpha: float | None = None
    training_noise: str | None = None
    training_accuracy: float | None = None
    rounded_to_digits: int | None = None
    rounded_to_decimals: int | None = None
    dataset: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.norms, list | tuple):
            raise InputError(f"norms must be a sequence such as ('l1', 'l2'), got {shown(self.norms)}.")
        _set(self, "norms", tuple(str(parse_threat(norm)) for norm in self.norms))
        for name in ("noise", "training_noise"):
            if (noise := getattr(self, name)) is not None:
                instance(name, noise, str, "text")
                _set(self, name, str(noises.parse(noise)))
        if self.n is not None:
            _set(self, "n", check_sample_size(self.n))
        if self.alpha is not None:
            _set(self, "alpha", check_alpha(self.alpha))
        accuracy = self.training_accuracy
        if accuracy is not None and not (type(accuracy) in (int, float) and 0 <= accuracy <= 1):
            raise InputError(f"training_accuracy must lie in [0, 1], got {accuracy!r}.")
        for name in ("rounded_to_digits", "rounded_to_decimals"):
            if getattr(self, name) is not None and type(getattr(self, name)) is not int:
                raise InputError(f"{name} must be a whole number, got {getattr(self, name)!r}.")


AnySpec = Spec | PredictSpec | ImportedSpec
SPECS: dict[str, type[Spec] | type[PredictSpec] | type[ImportedSpec]] = {
    spec.task: spec for spec in (Spec, PredictSpec, ImportedSpec)
}
"""Specs by the task that a document names."""


def sampled_noise(text: str) -> noises.Noise:
    """The noise of a spec string; views, which are enumerated, are refused with what they are for."""
    if is_views(text):
        raise InputError(
            f"{text} are views, which are enumerated and not sampled by runs; certify with "
            "wulff.smoothing.Enumerated in Python, or give another noise.",
            "noise",
        )
    return noises.parse(text)


def _set(spec: object, name: str, value: object) -> None:
    object.__setattr__(spec, name, value)


def _written(value: Any) -> Any:
    """A value as TOML has it."""
    if isinstance(value, Anytime):
        fields = {key: entry for key, entry in dataclasses.asdict(value).items() if entry is not None}
        return fields | {"radii": list(value.radii)}
    if isinstance(value, tuple):
        return list(value)
    if type(value) is int and value >= 2**63:
        return str(value)  # TOML integers are signed, and seeds are not
    return value


def _read(name: str, value: Any) -> Any:
    """What `_written` wrote."""
    if name == "stop":
        return _stop(value)
    if name == "seed" and isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 21:
        return int(value)
    if name in ("norms", "denoiser_pixels") and isinstance(value, list):
        return tuple(value)
    return value


def _stop(table: dict[str, Any]) -> Anytime:
    try:
        return Anytime(**{**table, "radii": tuple(table.get("radii", ()))})
    except InputError:
        raise
    except (TypeError, ValueError, AttributeError):
        raise InputError(f"stop may have radii, relative, beta and skip_incorrect, got {table!r}.") from None
