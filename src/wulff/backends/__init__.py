"""Base classifiers from elsewhere: each library in one file, imported when it is used.

`adapt` takes whatever a user has in Python, `load` what the command line names. Both return a `Classifier`.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from wulff._checks import FINITE, file_path, instance, real_number, sequence_of
from wulff.backends.base import Classifier, Function, identity_of_module
from wulff.backends.denoisers import Denoised
from wulff.backends.functions import CallableFunction, DecodedModule
from wulff.backends.normalising import normalised
from wulff.backends.outputs import Decoder
from wulff.backends.scikit_learn import is_estimator, load_skops, of_estimator
from wulff.errors import InputError
from wulff.models.normalize import Normalisation
from wulff.tables import Layout

PREFIXES = ("python", "onnx", "timm", "hf", "sklearn", "xgboost", "lightgbm", "http", "https")
"""What a model's spec can begin with, before a colon; anything else is a file or folder of weights."""


def adapt(
    model: Any,
    *,
    class_names: Sequence[str] | None = None,
    threshold: float | None = None,
    identity: str | None = None,
) -> Classifier:
    """Any model that Python can hold, as a base classifier.

    Args:
        model: An `nn.Module`, a scikit-learn estimator, a booster of XGBoost or LightGBM, an
            `onnxruntime.InferenceSession`, any callable on tensors or numpy arrays that returns logits,
            probabilities, one score for two classes, labels, or names of classes; or any of these behind a
            denoiser, as `Denoised(denoiser, model)`.
        class_names: The names of the labels, for models that do not know them.
        threshold: For models that return one score: above it the label is 1. 0 for a logit, 0.5 for a
            probability.
        identity: What tells this classifier from others, in words; modules and boosters have a hash.

    Raises:
        InputError: The model is none of these.
    """
    names = _names(class_names, threshold, identity)
    if isinstance(model, Classifier):
        return model
    if isinstance(model, Denoised):
        plain = adapt(model.classifier, class_names=names, threshold=threshold)
        known = identity or model.identity(plain.identity)
        return dataclasses.replace(plain, function=model.joined(plain.function), identity=known)
    if isinstance(model, nn.Module):
        plain = names is None and threshold is None
        module = model if plain else DecodedModule(model, Decoder(names, threshold))
        return Classifier(
            function=module,
            num_classes=None if names is None else len(names),
            class_names=names,
            identity=identity or identity_of_module(model),
        )
    origin = type(model).__module__.partition(".")[0]
    if origin == "onnxruntime":
        from wulff.backends.onnx_files import of_session

        return of_session(model, names, threshold, identity)
    if origin in ("xgboost", "lightgbm") and type(model).__name__ == "Booster":
        if origin == "xgboost":
            from wulff.backends.xgboost_models import of_booster

            return of_booster(model, identity)
        from wulff.backends.lightgbm_models import of_lightgbm

        return of_lightgbm(model, identity)
    if is_estimator(model):
        return of_estimator(model, identity)
    if not callable(model):
        raise InputError(
            "a model must be a module, an estimator, a booster, a session of ONNX Runtime or a function, got "
            f"{type(model).__name__}."
        )
    return Classifier(
        function=CallableFunction(model, Decoder(names, threshold)),
        num_classes=None if names is None else len(names),
        class_names=names,
        identity=identity,
    )


def for_table(classifier: Classifier, table: Layout | None) -> Classifier:
    """The classifier for rows of a table: estimators and boosters get the columns that they were trained on.

    Other functions get inputs as they are, in which categories are whole numbers.

    Raises:
        InputError: It was trained on other columns.
    """
    on_table = getattr(classifier.function, "on_table", None)
    if table is None or on_table is None:
        return classifier
    return dataclasses.replace(classifier, function=on_table(table))


def is_spec(source: str) -> bool:
    """Whether a model is named by a spec such as `onnx:FILE`, not by a file or folder of weights."""
    return isinstance(source, str) and source.partition(":")[0] in PREFIXES and ":" in source


def load(
    source: str,
    *,
    class_names: Sequence[str] | None = None,
    threshold: float | None = None,
    identity: str | None = None,
    weights: str | Path | None = None,
    normalisation: str | None = None,
) -> Classifier:
    """The classifier that a spec names: `python:FILE.py:NAME`, `onnx:FILE`, `sklearn:FILE.skops`, ...

    Args:
        source: The spec, which begins with one of `PREFIXES`.
        class_names: The names of the labels, for models that do not know them.
        threshold: For models that return one score: above it the label is 1.
        identity: What tells this classifier from others, in words, for models without a hash.
        weights: A file with a state dict for the module that `python:FILE.py:NAME` gives.
        normalisation: What is done to inputs before the model sees them: `none`, `imagenet`, `cifar10` or
            MEAN/STD. Left out, it is what timm and transformers know of their networks, and none for others.

    Raises:
        InputError: There is no such model, its package is missing, or something does not fit.
        RunError: A server cannot be reached.
    """
    kind, _, rest = instance("source", source, str, "text such as 'onnx:FILE'").partition(":")
    names = _names(class_names, threshold, identity)
    if kind not in PREFIXES or not rest:
        raise InputError(f"unknown model {source!r}; it begins with {', '.join(PREFIXES)}, and a colon.")
    given = None if normalisation is None else Normalisation.parse(normalisation)
    if weights is not None and kind != "python":
        raise InputError(
            f"weights are for the module of python:FILE.py:NAME, and {source} has its own.", "weights"
        )
    if kind == "hf":
        from wulff.backends.ready_networks import load_hugging_face

        return load_hugging_face(rest, given)
    classifier = _load(kind, rest, source, names, threshold, identity)
    if weights is not None:
        from wulff.backends.python_files import filled

        classifier = filled(classifier, file_path("weights", weights), source)
    return normalised(classifier, given, source)


def _load(
    kind: str,
    rest: str,
    source: str,
    names: tuple[str, ...] | None,
    threshold: float | None,
    identity: str | None,
) -> Classifier:
    """The classifier of a kind, as it is."""
    if kind == "python":
        from wulff.backends.python_files import load_object

        return adapt(load_object(rest), class_names=names, threshold=threshold, identity=identity)
    if kind == "onnx":
        from wulff.backends.onnx_files import load_onnx

        return load_onnx(Path(rest), names, threshold)
    if kind in ("http", "https"):
        from wulff.backends.endpoints import load_endpoint

        return load_endpoint(source, names, threshold, identity)
    return _LOADERS[kind](rest)


def _names(
    class_names: Sequence[str] | None, threshold: float | None, identity: str | None
) -> tuple[str, ...] | None:
    """The names of the labels; refuses them, and what else is said of a model, where they are none."""
    if threshold is not None:
        real_number("threshold", threshold, *FINITE)
    if identity is not None:
        instance("identity", identity, str, "text")
    if class_names is None:
        return None
    return tuple(map(str, sequence_of("class_names", class_names, (str, int), "['cat', 'dog']")))


def _load_timm(name: str) -> Classifier:
    from wulff.backends.ready_networks import load_timm

    return load_timm(name)


def _load_skops(path: str) -> Classifier:
    return load_skops(Path(path))


def _load_xgboost(path: str) -> Classifier:
    from wulff.backends.xgboost_models import load_xgboost

    return load_xgboost(Path(path))


def _load_lightgbm(path: str) -> Classifier:
    from wulff.backends.lightgbm_models import load_lightgbm

    return load_lightgbm(Path(path))


_LOADERS = {
    "timm": _load_timm,
    "sklearn": _load_skops,
    "xgboost": _load_xgboost,
    "lightgbm": _load_lightgbm,
}

__all__ = [
    "PREFIXES",
    "Classifier",
    "Denoised",
    "Function",
    "adapt",
    "for_table",
    "identity_of_module",
    "is_spec",
    "load",
]
