"""Ready networks with their own normalisation and class names: timm and transformers."""

import json
from pathlib import Path
from typing import Any

from torch import nn

from wulff.backends.base import Classifier, first_line, identity_of_module
from wulff.backends.functions import DecodedModule
from wulff.backends.outputs import Decoder
from wulff.errors import InputError
from wulff.models.normalize import Normalize


def load_timm(name: str) -> Classifier:
    """The network of that name of timm, with its published weights.

    Raises:
        InputError: timm is missing or does not know the name, or the weights cannot be had.
    """
    try:
        import timm  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError) as error:  # a torchvision of another torch raises the latter
        raise InputError(
            f"timm:{name} needs the package timm and what it needs ({first_line(error)}); pip install "
            "'wulff[timm]' with the torchvision that belongs to your torch."
        ) from None
    try:
        net = timm.create_model(name, pretrained=True).eval()
    except Exception as error:  # timm and the hub raise whatever fails
        raise InputError(f"timm cannot load {name!r} with its weights: {first_line(error)}.") from None
    config: Any = net.pretrained_cfg
    module = nn.Sequential(Normalize(config["mean"], config["std"]), net)
    names = config.get("label_names") or None
    return Classifier(
        function=module,
        num_classes=int(config["num_classes"]),
        class_names=tuple(names) if names else None,
        input_shape=tuple(config["input_size"]),
        identity=identity_of_module(module),
    )


def load_hugging_face(name: str) -> Classifier:
    """The image classifier in a folder, or of that name on the hub, of the package transformers.

    Raises:
        InputError: transformers is missing, or there is no such image classifier.
    """
    try:
        import transformers
    except ImportError:
        raise InputError(f"hf:{name} needs the package transformers; pip install 'wulff[hf]'.") from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        net = transformers.AutoModelForImageClassification.from_pretrained(name, trust_remote_code=False)
    except Exception as error:  # of the hub, of the files, of the network's own code
        raise InputError(f"transformers cannot load {name!r}: {first_line(error)}.") from None
    mean, std = _statistics(name)
    config = net.config
    size = config.image_size if isinstance(config.image_size, list | tuple) else (config.image_size,) * 2
    classes = len(config.id2label)
    module = nn.Sequential(Normalize(mean, std), DecodedModule(net.eval(), Decoder()))
    return Classifier(
        function=module,
        num_classes=classes,
        class_names=tuple(str(config.id2label[label]) for label in range(classes)),
        input_shape=(int(config.num_channels), *map(int, size)),
        identity=identity_of_module(module),
    )


def _statistics(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and the standard deviation in a model's preprocessor, for pixels in [0, 1]."""
    from transformers.utils.hub import cached_file

    try:
        file = cached_file(name, "preprocessor_config.json")
        settings = json.loads(Path(str(file)).read_text())
    except (OSError, ValueError):
        raise InputError(
            f"{name} has no preprocessor_config.json, which says how inputs are normalised; save the model's "
            "image processor beside it."
        ) from None
    if not settings.get("do_normalize", True):
        return (0.0,), (1.0,)
    return tuple(settings["image_mean"]), tuple(settings["image_std"])
