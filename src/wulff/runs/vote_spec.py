"""What a run is asked for, as a table of a document; and what all runs have in common that classify."""

import abc
import dataclasses
from typing import Any, ClassVar, Literal, Self, get_args

from wulff._checks import FINITE, flag, instance, one_of, real_number
from wulff.backends.runtimes import AskedRuntime
from wulff.datasets import ClassMap, check_class_map
from wulff.datasets.base import parse_slice
from wulff.errors import InputError
from wulff.models.normalize import Normalisation
from wulff.smoothing import DevicePolicy
from wulff.smoothing.policy import full_dtype
from wulff.stats import Anytime, check_sample_size
from wulff.tables import Layout


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
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
        if "runtime" in names:
            table = {"runtime": "torch"} | table
        return cls(**{name: _read(name, value) for name, value in table.items() if name in names})


@dataclasses.dataclass(frozen=True, kw_only=True)
class VoteSpec(Table, abc.ABC):
    """What all runs have in common that classify; use `Spec`, `PredictSpec` or `ViewSpec`.

    Attributes:
        model: A weights file, the folder of a training, or a model from elsewhere: `onnx:FILE`, ...; see
            `wulff.backends`.
        dataset: A name in `wulff.datasets`, or the path of an .npz file.
        noise: A spec string; by default the noise, or the views, that the model was trained with.
        slice: Which inputs, as a Python slice.
        device: Where the model runs.
        dtype: `float32` (`fp32`), or `bfloat16` (`bf16`) for weights of 16 bits.
        compile: Whether the model goes through `torch.compile`; None where that is to be found.
        channels_last: Whether images keep the channels of a pixel together; None where that is to be found.
        batch: How many copies are classified at once; `auto` where that is to be found. What is left
            open is guessed by the kinds of the model's layers, or measured before a long run, on copies
            of its own first inputs; it is recorded, and kept when the run is resumed. A compiled model is
            made for one size, and a GPU's kernels are chosen by it, so that it is then part of the
            classifier: the run is not resumed with another.
        runtime: What computes the model's outputs: `torch`, or for a module on a CPU, in float32,
            `onnxruntime` or `openvino`; it is part of the classifier. `auto` is torch, or before a long run
            that of the others, where they are installed, which is measured to be the fastest; it is
            recorded, and kept when the run is resumed. `openvino` takes the dtype `int8` too: post-training
            quantisation, by noisy copies of training inputs.
        architecture: For weights that do not say what model they are for.
        weights: A state dict for the module that `python:FILE.py:NAME` gives.
        classes: How many labels there are, for models from elsewhere that do not say it.
        class_map: For each class of the data, by its name, the class of the model that is meant, by name or
            number. Left out, names decide where both sides have them, else numbers.
        table: The columns of `table:FILE`, as the training rows have them.
        threshold: For models that return one score: above it the label is 1; 0 for a logit, 0.5 for a
            probability.
        identity: What tells the classifier from others, in words, where it has no weights to be hashed.
        normalisation: What is done to inputs before the model sees them, for models that do not say it:
            `none`, `imagenet`, `cifar10` or MEAN/STD. A run records what was done.

    Raises:
        InputError: A value is not allowed, or two of them do not go together.
    """

    required = ("model", "dataset", "slice", "noise")

    model: str
    dataset: str = "digits"
    noise: str | None = None
    slice: str = ":"
    device: str = "cpu"
    dtype: str = "float32"
    compile: bool | None = None
    channels_last: bool | None = None
    batch: int | Literal["auto"] = "auto"
    runtime: AskedRuntime = "auto"
    architecture: str | None = None
    weights: str | None = None
    classes: int | None = None
    class_map: ClassMap | None = dataclasses.field(default=None, hash=False)
    table: Layout | None = None
    threshold: float | None = None
    identity: str | None = None
    normalisation: str | None = None

    def __post_init__(self) -> None:
        for name in ("model", "dataset", "slice", "device"):
            instance(name, getattr(self, name), str, "text")
        for name in ("noise", "architecture", "weights", "identity", "normalisation"):
            if getattr(self, name) is not None:
                instance(name, getattr(self, name), str, "text")
        if self.classes is not None:
            put(self, "classes", check_sample_size(self.classes, "classes"))
        if self.class_map is not None:
            put(self, "class_map", check_class_map(self.class_map))
        if self.table is not None and not isinstance(self.table, Layout):
            put(self, "table", Layout.from_document(self.table))
        if self.normalisation is not None:
            put(self, "normalisation", str(Normalisation.parse(self.normalisation)))
        if self.threshold is not None:
            real_number("threshold", self.threshold, *FINITE)
        for name in ("compile", "channels_last"):
            if getattr(self, name) is not None:
                flag(name, getattr(self, name))
        parse_slice(self.slice)
        one_of("runtime", self.runtime, get_args(AskedRuntime))
        if self.runtime == "auto" and isinstance(self.dtype, str) and self.dtype == "int8":
            put(self, "runtime", "openvino")
        if not isinstance(self.dtype, str) or self.dtype != "int8":
            put(self, "dtype", full_dtype(self.dtype))
        elif self.runtime != "openvino":
            raise InputError(
                f"the dtype int8 is for the runtime openvino, got {self.runtime}; give runtime=openvino.",
                *("dtype", "runtime"),
            )
        if self.runtimes and self.policy != DevicePolicy():
            raise InputError(
                f"the runtime {self.runtime} runs in float32 on the CPU; leave out device, dtype, compile "
                "and channels_last.",
                *("device", "dtype", "compile", "channels_last"),
            )
        if not isinstance(self.batch, str) or self.batch != "auto":
            put(self, "batch", check_sample_size(self.batch, "batch"))

    @property
    def runtimes(self) -> tuple[str, ...]:
        """The package that computes the model's outputs instead of torch, if there is one."""
        return () if self.runtime in ("torch", "auto") else (self.runtime,)

    @property
    def policy(self) -> DevicePolicy:
        """How the model is run."""
        return DevicePolicy(
            device=self.device,
            dtype="float32" if self.dtype == "int8" else self.dtype,
            compile=bool(self.compile),
            channels_last=bool(self.channels_last),
        )

    @property
    def is_random(self) -> bool:
        """Whether the classifier draws random numbers of its own."""
        return False

    @abc.abstractmethod
    def copies(self, shape: tuple[int, ...]) -> int:
        """About how many copies of an input of that shape are classified."""

    def to_document(self) -> dict[str, Any]:
        """The table `run`; the batch size is left to those who know whether it matters."""
        unsaid = ["batch", "runtime"] if self.runtime == "torch" else ["batch"]
        return {key: value for key, value in super().to_document().items() if key not in unsaid}


def put(spec: object, name: str, value: object) -> None:
    """Set a field of a spec while it checks itself."""
    object.__setattr__(spec, name, value)


def _written(value: Any) -> Any:
    """A value as TOML has it."""
    if isinstance(value, Anytime):
        fields = {key: entry for key, entry in dataclasses.asdict(value).items() if entry is not None}
        return fields | {"radii": list(value.radii)}
    if isinstance(value, Layout):
        return value.to_document()
    if isinstance(value, tuple):
        return list[Any](value)
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
        return tuple[Any, ...](value)
    return value


def _stop(table: dict[str, Any]) -> Anytime:
    try:
        fields: dict[str, Any] = {**table, "radii": tuple(table.get("radii", ()))}
        return Anytime(**fields)
    except InputError:
        raise
    except (TypeError, ValueError, AttributeError):
        raise InputError(f"stop may have radii, relative, beta and skip_incorrect, got {table!r}.") from None
