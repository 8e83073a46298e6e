"""Ready networks with their own normalisation and class names: timm and transformers."""

import importlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from wulff.backends.base import Classifier, first_line, identity_of_module
from wulff.backends.functions import DecodedModule
from wulff.backends.normalising import normalised
from wulff.backends.outputs import Decoder
from wulff.errors import InputError
from wulff.models.normalize import ALLOWED, Normalisation
from wulff.models.timm_models import imported_timm


def load_timm(name: str) -> Classifier:
    """The network of that name of timm, with its published weights.

    Raises:
        InputError: timm is missing or does not know the name, or the weights cannot be had.
    """
    timm = imported_timm(name)
    _silence_the_hub()
    try:
        net = timm.create_model(name, pretrained=True).eval()
    except Exception as error:  # timm and the hub raise whatever fails
        raise InputError(f"timm cannot load {name!r} with its weights: {first_line(error)}.") from None
    config: Any = net.pretrained_cfg
    statistics = Normalisation(tuple(config["mean"]), tuple(config["std"]))
    module = nn.Sequential(statistics.layer(), net)
    names = config.get("label_names") or None
    return Classifier(
        function=module,
        num_classes=int(config["num_classes"]),
        class_names=tuple(names) if names else None,
        input_shape=tuple(config["input_size"]) if config.get("fixed_input_size") else None,
        identity=identity_of_module(module),
        normalisation=str(statistics),
        libraries=("timm",),
    )


def load_hugging_face(name: str, given: Normalisation | None = None) -> Classifier:
    """The image classifier in a folder, or of that name on the hub, of the package transformers.

    Args:
        name: The folder, or the name.
        given: How inputs are normalised, for models whose files do not say it.

    Raises:
        InputError: transformers is missing, there is no such image classifier, or nobody says how its inputs
            are normalised.
    """
    try:
        transformers: Any = importlib.import_module("transformers")  # whose types take pyright half a minute
    except ImportError:
        raise InputError(f"hf:{name} needs the package transformers; pip install 'wulff[hf]'.") from None
    _silence_the_hub()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        net = transformers.AutoModelForImageClassification.from_pretrained(name, trust_remote_code=False)
    except Exception as error:  # of the hub, of the files, of the network's own code
        raise InputError(
            f"transformers cannot load {name!r}: {first_line(error)}; give a name that its hub has, or a "
            "folder that save_pretrained wrote."
        ) from None
    known = _statistics(name)
    if known is None and given is None:
        raise InputError(
            f"{name} has no preprocessor_config.json, which says how inputs are normalised; save the model's "
            f"image processor beside it, or give normalisation={ALLOWED}.",
            "normalisation",
        )
    statistics = known or given
    assert statistics is not None
    config = net.config
    side: int | Sequence[int] = config.image_size
    size = (side, side) if isinstance(side, int) else side
    classes = len(config.id2label)
    module = nn.Sequential(statistics.layer(), DecodedModule(net.eval(), Decoder()))
    classifier = Classifier(
        function=module,
        num_classes=classes,
        class_names=_class_names(config.id2label, classes),
        input_shape=(int(config.num_channels), *map(int, size)),
        identity=identity_of_module(module),
        normalisation=str(statistics),
        libraries=("transformers",),
    )
    return normalised(classifier, given, f"hf:{name}")


def _class_names(labels: dict[int, str], classes: int) -> tuple[str, ...] | None:
    """The names of the classes; None where they have only those that transformers invents: LABEL_0, ..."""
    names = tuple(str(labels[label]) for label in range(classes))
    return None if names == tuple(f"LABEL_{label}" for label in range(classes)) else names


def _silence_the_hub() -> None:
    """Without a line for every try to reach the hub: the last one is the refusal."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def _statistics(name: str) -> Normalisation | None:
    """What a model's preprocessor does to pixels in [0, 1]; None where there is none."""
    from transformers.utils import hub

    try:
        file = hub.cached_file(name, "preprocessor_config.json")
        settings = json.loads(Path(str(file)).read_text())
    except (OSError, ValueError):
        return None
    if not settings.get("do_normalize", True):
        return Normalisation.parse("none")
    return Normalisation(tuple(settings["image_mean"]), tuple(settings["image_std"]))
