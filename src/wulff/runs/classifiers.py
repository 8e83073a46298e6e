"""The base classifier that a spec names: weights of wulff's own architectures, or a model from elsewhere."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wulff import backends, datasets, models
from wulff._quoting import shown
from wulff._warnings import warn
from wulff.backends.denoisers import is_random, wants_sigma
from wulff.backends.python_files import load_object
from wulff.backends.runtimes import exported
from wulff.errors import InputError
from wulff.noises import Noise, Replacement
from wulff.runs.document import NOT_IDENTIFIED
from wulff.runs.spec import RunSpec, SampledSpec, sampled_noise
from wulff.runs.trials import ROWS, check_function, first_answer
from wulff.runs.view_spec import ViewSpec, enumerated_views
from wulff.runs.vote_spec import VoteSpec
from wulff.smoothing.audit import some_copies
from wulff.smoothing.batch_size import rate
from wulff.smoothing.private import private_copy
from wulff.smoothing.samplers import trial_copy
from wulff.smoothing.tuning import has_int8
from wulff.views import Views, is_views, parse


@dataclasses.dataclass(frozen=True)
class Base:
    """A base classifier with what a run records of it.

    Attributes:
        function: An `nn.Module`, or another function from a batch to logits or labels.
        num_classes: The number of labels.
        class_names: Their names, where it knows them.
        identity: A hash of its weights, what the user says it is, or `NOT_IDENTIFIED`.
        architecture: Its name, for weights of wulff's own architectures.
        noise: The noise that it was trained with, where that is known.
        normalisation: What is done to its inputs first.
        libraries: The packages that compute its outputs, but for torch.
    """

    function: backends.Function
    num_classes: int
    identity: str
    architecture: str | None = None
    noise: str | None = None
    normalisation: str = "none"
    libraries: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None

    @property
    def module(self) -> nn.Module | None:
        """The classifier, where it can be moved, cast and compiled."""
        return self.function if isinstance(self.function, nn.Module) else None


def load_base(spec: RunSpec, dataset: datasets.Dataset) -> Base:
    """The classifier that a spec names, checked against the inputs.

    Raises:
        InputError: It is missing, or does not fit the data set.
    """
    return _from_elsewhere(spec, dataset) if backends.is_spec(spec.model) else _from_weights(spec, dataset)


def _from_weights(spec: RunSpec, dataset: datasets.Dataset) -> Base:
    for name in ("weights", "threshold", "identity"):
        if getattr(spec, name) is not None:
            raise InputError(
                f"{name} is for models from elsewhere, such as python:FILE.py:NAME, got {spec.model!r}.", name
            )
    fallback = None
    if spec.architecture is not None:
        shape = classified_shape(_copies(spec, None), dataset)
        fallback = models.Description(spec.architecture, shape, dataset.num_classes)
    _refuse_other_files(spec.model)
    model = models.load(spec.model, fallback, normalisation=spec.normalisation)
    found = model.description
    views = _views(spec, found.noise)
    if views is None and spec.noise is None and found.noise is not None:
        sampled_noise(found.noise)  # a training on views is refused for that, not for its channels
    if views is not None and is_views(found.noise):
        views.check_training(parse(found.noise or ""))
    copies = _copies(spec, found.noise)
    if found.input_shape != classified_shape(copies, dataset):
        raise _other_shape("the model", found.input_shape, dataset, copies)
    timm = found.architecture.startswith("timm:")
    return Base(
        function=model.module,
        num_classes=found.num_classes,
        identity=model.sha256,
        architecture=found.architecture,
        noise=found.noise,
        normalisation=model.normalisation,
        libraries=("timm",) if timm else (),
        class_names=found.class_names,
    )


COPIES = 256
"""On so many noisy copies a runtime is compared with the module itself."""
CALIBRATION = 256
"""By so many noisy training inputs a network is quantised."""
_PREFIXES = {".onnx": "onnx", ".skops": "sklearn", ".ubj": "xgboost", ".json": "xgboost", ".txt": "lightgbm"}
"""Which spec reads a file, by its suffix."""
_PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".sav")


def _refuse_other_files(model: str) -> None:
    """Refuse files that hold no weights, and name the spec that reads them."""
    suffix = Path(model).suffix.lower()
    if suffix == ".py":
        raise InputError(
            f"{model} is a Python file; say which of its names is the model: python:{model}:NAME."
        )
    if suffix in _PREFIXES:
        raise InputError(f"{model} holds no weights of torch; to read it, give {_PREFIXES[suffix]}:{model}.")
    if suffix in _PICKLES:
        raise InputError(
            f"{model} is a pickle, which can run any code when it is read, and is not read; save an "
            "estimator with skops.io.dump(model, 'model.skops') for sklearn:model.skops, a network with "
            "torch.save(model.state_dict(), 'weights.pt')."
        )


def _from_elsewhere(spec: RunSpec, dataset: datasets.Dataset) -> Base:
    if spec.architecture is not None:
        raise InputError(
            f"architecture is for weights files, got {spec.architecture!r} with {spec.model!r}.",
            "architecture",
        )
    if spec.normalisation is not None:
        models.Normalisation.parse(spec.normalisation).check(dataset.input_shape)
    classifier = backends.load(
        spec.model,
        threshold=spec.threshold,
        identity=spec.identity,
        weights=spec.weights,
        normalisation=spec.normalisation,
    )
    classifier = backends.for_table(classifier, dataset.table)
    copies = _copies(spec, None)
    wanted, given = classifier.input_shape, classified_shape(copies, dataset)
    flat = wanted is not None and len(wanted) == 1 and math.prod(wanted) == math.prod(given)
    if wanted is not None and wanted != given and not flat:
        raise _other_shape(spec.model, wanted, dataset, copies)
    classes, x = spec.classes or classifier.num_classes, first_copy(copies, dataset.images[:1])
    answer = first_answer(spec.model, classifier.function, x)
    check_function(spec.model, classifier.function, x, rows_of_table(dataset))
    if answer.ndim == 2:
        if spec.classes is not None and spec.classes != answer.shape[1]:
            raise InputError(
                f"{spec.model} returns {answer.shape[1]} logits, but classes = {spec.classes}.", "classes"
            )
        classes = answer.shape[1]
    if classes is None:
        raise InputError(
            f"{spec.model} returns labels, and does not say of how many classes; give classes.", "classes"
        )
    names = classifier.class_names
    return Base(
        function=classifier.function,
        num_classes=classes,
        identity=classifier.identity or NOT_IDENTIFIED,
        normalisation=classifier.normalisation or "none",
        libraries=classifier.libraries,
        class_names=names if names and len(names) == classes else None,
    )


def _other_shape(
    model: str, wanted: tuple[int, ...], dataset: datasets.Dataset, copies: Views | Noise | None
) -> InputError:
    has, given = f"{dataset.name} has", classified_shape(copies, dataset)
    if isinstance(copies, Views | Replacement):
        what = "views" if isinstance(copies, Views) else "copies"
        has = f"the {what} {copies} of {dataset.name} have"
    return InputError(f"{model} takes inputs of shape {wanted}, but {has} {given}.", "dataset")


def _views(spec: RunSpec, trained: str | None) -> Views | None:
    """The views of a run, as it says or the weights do; None for a run that samples noise."""
    if not isinstance(spec, ViewSpec):
        return None
    named = spec.noise or trained
    if named is None:
        raise InputError(f"{spec.model} does not say which views it was trained on; give noise.", "noise")
    return enumerated_views(named)


def _copies(spec: RunSpec, trained: str | None) -> Views | Noise | None:
    """What makes the copies of an input that are classified; None where nobody says it."""
    named = spec.noise or trained
    views = _views(spec, trained)
    return views if views is not None or named is None else sampled_noise(named)


def classified_shape(copies: Views | Noise | None, dataset: datasets.Dataset) -> tuple[int, ...]:
    """The shape of what the classifier is given: of one input, of one view, or of one copy of it."""
    if isinstance(copies, Views):
        return copies.view_shape(dataset.input_shape)
    return dataset.input_shape if copies is None else copies.copy_shape(dataset.input_shape)


def first_copy(copies: Views | Noise | None, x: Tensor) -> Tensor:
    """What the classifier is tried out on, of one input of shape (1, ...): itself, a view, or some copy."""
    if isinstance(copies, Views):
        return copies.views(x[0], torch.zeros(1, dtype=torch.int64))
    return x if copies is None else trial_copy(copies, x)


def rows_of_table(dataset: datasets.Dataset) -> Tensor | None:
    """The first rows of a table, on which a model is tried out: noise without units would spoil them."""
    return None if dataset.table is None else dataset.images[: 2 * ROWS]


def on_runtime(
    function: backends.Function,
    spec: VoteSpec,
    noise: Noise | Views,
    x: Tensor,
    training: Tensor | None = None,
) -> tuple[backends.Function, dict[str, Any]]:
    """The classifier as the runtime of a spec computes it, and what is recorded of it.

    For int8 that is another classifier: the share of noisy copies on which its label is that of single
    precision is recorded.

    Args:
        function: The classifier.
        spec: The spec.
        noise: The noise, in the dimension of the inputs, or the views.
        x: The first inputs, on noisy copies of which the outputs are compared.
        training: Inputs to quantise by; by default the training split of the data set.

    Raises:
        InputError: It is no module, cannot be exported, or its outputs differ there.
    """
    if spec.runtime in ("torch", "auto"):
        return function, {}
    if not isinstance(function, nn.Module) or is_random(function):
        raise InputError(
            f"the runtime {spec.runtime} is for torch modules that draw no random numbers, got {spec.model}; "
            "leave the runtime out.",
            "runtime",
        )
    module = private_copy(function).to("cpu", torch.float32).eval()
    noisy = some_copies(x.cpu(), noise, COPIES, seed=0)
    if spec.dtype != "int8":
        return exported(module, noisy, spec.runtime), {}
    if isinstance(noise, Views | Replacement):
        raise InputError(
            f"the dtype int8 is for noise that is added, got {noise}; leave the dtype out.", "dtype"
        )
    images = datasets.load(spec.dataset, "train", table=spec.table).images if training is None else training
    small = exported(module, noisy, spec.runtime, _noisy_training_inputs(images, noise))
    with torch.inference_mode():
        agreement = float((small(noisy).argmax(1) == module(noisy).argmax(1)).double().mean())
        if not has_int8():
            ratio = rate(small, noisy) / rate(exported(module, noisy, spec.runtime), noisy)
            warn(
                f"this processor has no instructions for int8, which runs at {ratio:.2g} times the speed of "
                "float32."
            )
    return small, {"agreement": agreement}


def _noisy_training_inputs(images: Tensor | datasets.Streamed, noise: Noise) -> Tensor:
    """Up to so many training inputs, from all over the set, each with noise of its own."""
    places = range(0, len(images), max(1, len(images) // CALIBRATION))[:CALIBRATION]
    x = torch.stack([images[place] for place in places])
    return x + noise.sample(tuple(x.shape), generator=torch.Generator().manual_seed(0))


def denoised(base: Base, spec: SampledSpec, noise: Noise, x: Tensor) -> Base:
    """The classifier behind the denoiser that a spec names, if it names one.

    Args:
        base: The classifier.
        spec: The spec.
        noise: The noise, in the dimension of the inputs; its sigma is what a denoiser may ask for.
        x: One input, on which the denoiser is tried out.

    Raises:
        InputError: There is no such denoiser, or it does not denoise.
    """
    if spec.denoiser is None or spec.denoiser_pixels is None:
        return base
    kind, _, place = spec.denoiser.partition(":")
    if kind != "python" or not place:
        raise InputError(f"denoiser must be python:FILE.py:NAME, got {shown(spec.denoiser)}.", "denoiser")
    found = load_object(place)
    if not callable(found):
        raise InputError(f"{spec.denoiser} is no module or function, but {type(found).__name__}.", "denoiser")
    if isinstance(noise, Replacement):
        raise InputError(f"there is nothing to denoise after {noise}; leave out denoiser.", "denoiser")
    if wants_sigma(found) and noise.scales is not None:
        raise InputError(
            f"{spec.denoiser} takes (x, sigma), and {noise} has a size for each coordinate; give one of x "
            "alone.",
            "denoiser",
        )
    if wants_sigma(found) and not math.isfinite(noise.sigma):
        raise InputError(
            f"{spec.denoiser} takes (x, sigma), and {noise} has no finite sigma; give one of x alone.",
            "denoiser",
        )
    both = backends.Denoised(
        found,
        base.function,
        spec.denoiser_pixels,
        sigma=noise.sigma if wants_sigma(found) else None,
        random=spec.random_denoiser,
    )
    function = both.joined(base.function)
    first_answer(f"{spec.denoiser} before {spec.model}", function, x)
    known = None if base.identity == NOT_IDENTIFIED else base.identity
    identity = (spec.identity and known) or both.identity(known) or NOT_IDENTIFIED
    return dataclasses.replace(base, function=function, identity=identity)
