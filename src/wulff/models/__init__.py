"""Architectures, all with normalisation inside, and their weights."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from wulff._checks import file_path
from wulff._reading import reason
from wulff._registry import Registry
from wulff.errors import InputError
from wulff.models import weights
from wulff.models.alexnet import AlexNet
from wulff.models.checkpoints import classes_in, fitted, load_public
from wulff.models.cnn import SmallCNN
from wulff.models.encoder import Encoder
from wulff.models.lenet import LeNet
from wulff.models.mlp import MLP
from wulff.models.normalize import ALLOWED, Normalisation, Normalize, normalisations
from wulff.models.partitioned import Partitioned, read_parts, without_number
from wulff.models.resnet import ResNet, resnet18, resnet20, resnet50, resnet110
from wulff.models.resnet9 import ResNet9
from wulff.models.timm_models import PREFIX, build_timm
from wulff.models.weights import Description
from wulff.models.wide_resnet import WideResNet, wrn40_2

ARCHITECTURES: Registry[Callable[[tuple[int, ...], int], nn.Module]] = Registry(
    "architecture",
    {
        "cnn": SmallCNN,
        "lenet": LeNet,
        "mlp": MLP,
        "alexnet": AlexNet,
        "resnet9": ResNet9,
        "resnet20": resnet20,
        "resnet110": resnet110,
        "resnet18": resnet18,
        "wrn40-2": wrn40_2,
        "resnet50": resnet50,
    },
)
"""Architectures by name; each takes (input shape, number of classes)."""

register = ARCHITECTURES.register
"""A decorator that enters an architecture under a name."""


@dataclasses.dataclass(frozen=True)
class Model:
    """A model read from disk, with what the record of a run needs to know of it.

    Attributes:
        module: The model.
        description: What it is.
        sha256: The hash of its file.
        normalisation: What it does to its inputs first, as its weights or the user say.
    """

    module: nn.Module
    description: Description
    sha256: str
    normalisation: str


def build(
    architecture: str,
    input_shape: tuple[int, ...],
    num_classes: int,
    seed: int = 0,
    columns: tuple[int, ...] | None = None,
) -> nn.Module:
    """A model with random weights that the seed decides.

    Args:
        architecture: A name in `ARCHITECTURES`, or `timm:NAME`.
        input_shape: The shape of one input.
        num_classes: The number of logits.
        seed: Decides the weights.
        columns: For rows of a table, how many values each column has; 0 for a column of numbers.

    Raises:
        InputError: The architecture is not known or cannot take inputs of that shape.
    """
    check_architecture(architecture)
    if columns is not None:
        encoder = Encoder(columns)
        return nn.Sequential(encoder, build(architecture, (encoder.width,), num_classes, seed))
    if (parts := read_parts(architecture)) is not None:
        number, inner = parts
        shape = without_number(input_shape)
        return Partitioned([build(inner, shape, num_classes, seed + i) for i in range(number)])
    if num_classes < 1:
        raise InputError(f"a classifier needs one class at least, got {num_classes}.")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # `torch.manual_seed` would seed GPUs too, for good
        if architecture.startswith(PREFIX):
            return build_timm(architecture.removeprefix(PREFIX), input_shape, num_classes)
        return ARCHITECTURES[architecture](input_shape, num_classes)


def check_architecture(name: str) -> None:
    """Refuse an architecture that does not exist."""
    parts = read_parts(name)
    name = name if parts is None else parts[1]
    if not name.startswith(PREFIX):
        ARCHITECTURES.find(name, f", {PREFIX}NAME, and what a --plugin MODULE brings")


def load(path: str | Path, fallback: Description | None = None, *, normalisation: str | None = None) -> Model:
    """The model whose weights are in a file or in the folder of a training.

    Public checkpoints are read too: their wrappers' names are taken off the keys, and the statistics of a
    normalisation layer go into the model's own. Where a file has none, the user says how inputs are
    normalised: nothing is guessed.

    Args:
        path: A .safetensors file, a file of `torch.save` that holds only tensors and plain values, or a
            folder that holds weights.safetensors.
        fallback: What the model is, for files that do not say it themselves; weights say how many classes.
        normalisation: `none`, `imagenet`, `cifar10` or MEAN/STD, for files without statistics.

    Raises:
        InputError: The weights are missing or damaged, do not fit the architecture, or nobody says how
            inputs are normalised.
    """
    file = _file(file_path("path", path))
    given = None if normalisation is None else Normalisation.parse(normalisation)
    state, own = weights.read(file)
    description = own or fallback
    if description is None:
        raise InputError(f"{file} does not say what model it is for; give --architecture.")
    try:
        if own is None:
            description = _with_classes_of(state, description)
        if not description.architecture.startswith(PREFIX):
            fitted(_skeleton(description), state)  # what does not fit takes no memory
        module = _build(description)
        says = load_public(module, state)
    except InputError as error:
        raise InputError(
            f"the weights at {file} do not fit {description.architecture} for inputs of shape "
            f"{description.input_shape} and {description.num_classes} classes: {str(error).rstrip('.')}."
        ) from None
    module, used = _normalised(module, given, description.input_shape, str(file), says=says)
    return Model(module.eval(), description, weights.sha256(file), str(used))


def trained_noise(path: str | Path) -> str | None:
    """The noise, or the views, of the training whose weights are there; None where they do not say it."""
    file = _file(file_path("path", path))
    if file.suffix != ".safetensors" or not file.is_file():
        return None
    found = weights.metadata(file)
    return None if found is None else found.noise


def _normalised(
    module: nn.Module,
    given: Normalisation | None,
    input_shape: tuple[int, ...],
    file: str,
    *,
    says: bool,
) -> tuple[nn.Module, Normalisation]:
    """A model that normalises as its weights say, else as the user says; nothing is guessed."""
    layers = normalisations(module)
    if given is not None:
        given.check(input_shape)
    if not layers:  # of somebody else's architecture
        given = given or Normalisation.parse("none")
        return (module if str(given) == "none" else nn.Sequential(given.layer(), module)), given
    if says:
        found = Normalisation.of(next(iter(layers.values())))
        if given not in (None, found):
            raise InputError(
                f"the weights at {file} say that inputs are normalised by {found}, got {given}; leave "
                "normalisation out.",
                "normalisation",
            )
        return module, found
    if given is None:
        raise InputError(
            f"the weights at {file} do not say how inputs are normalised; give normalisation={ALLOWED}.",
            "normalisation",
        )
    for layer in layers.values():
        said = given.layer()
        layer.mean.copy_(said.mean.expand_as(layer.mean))
        layer.std.copy_(said.std.expand_as(layer.std))
    return module, given


def _file(path: str | Path) -> Path:
    """The file of weights: itself, or the one in the folder of a training."""
    return Path(path) / weights.FILE_NAME if os.path.isdir(path) else Path(path)


def _build(description: Description) -> nn.Module:
    return build(
        description.architecture,
        description.input_shape,
        description.num_classes,
        columns=description.columns,
    )


def _skeleton(description: Description) -> nn.Module:
    """The model without memory for its weights: a description may ask for more than there is."""
    try:
        with torch.device("meta"):
            return _build(description)
    except (RuntimeError, OverflowError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{description.architecture} is not made for such inputs: {reason(error)}") from None


def _with_classes_of(state: Mapping[str, Tensor], description: Description) -> Description:
    """The description with as many classes as the weights have outputs: data may lack some of them."""
    make = _build if description.architecture.startswith(PREFIX) else _skeleton
    model = make(description)
    classes = classes_in(model, state) or description.num_classes
    return dataclasses.replace(description, num_classes=min(classes, weights.MOST_CLASSES))


def start_from(module: nn.Module, path: str | Path) -> str:
    """Put the weights of a file or of a training's folder into a model that is to be trained further.

    The last layer keeps its own where the file's is for other classes. Returns the file's hash.

    Raises:
        InputError: The weights are missing or damaged, or do not fit.
    """
    file = _file(path)
    state, description = weights.read(file)
    try:
        load_public(module, state, new_head=True)
    except InputError as error:
        of = f", of the architecture {description.architecture}," if description else ""
        raise InputError(f"the weights at {file}{of} do not fit the model: {error}.") from None
    return weights.sha256(file)


__all__ = [
    "ARCHITECTURES",
    "MLP",
    "AlexNet",
    "Description",
    "Encoder",
    "LeNet",
    "Model",
    "Normalisation",
    "Normalize",
    "Partitioned",
    "ResNet",
    "ResNet9",
    "SmallCNN",
    "WideResNet",
    "build",
    "check_architecture",
    "load",
    "register",
    "start_from",
    "trained_noise",
    "weights",
]
