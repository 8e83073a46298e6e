"""Certify a classifier and inputs that are objects in Python: `wulff.certify`."""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from wulff import backends, engines, noises
from wulff._checks import file_path, numbers, whole_number
from wulff._progress import progress_bar
from wulff._quoting import shown
from wulff._warnings import warn
from wulff.backends.denoisers import is_random
from wulff.backends.outputs import writable
from wulff.backends.runtimes import AskedRuntime
from wulff.datasets import UNKNOWN, ClassMap, Dataset, onto_model
from wulff.errors import InputError
from wulff.norms import Adversary
from wulff.runs.classifiers import first_copy, on_runtime, rows_of_table
from wulff.runs.document import NOT_IDENTIFIED, Facts, Made, versions
from wulff.runs.execution import run_job
from wulff.runs.job import Job, check_fits, classifier_of, noise_or_views, with_seed, with_stop
from wulff.runs.journal import stored_run
from wulff.runs.progress import run_progress
from wulff.runs.run import Run
from wulff.runs.spec import IN_PYTHON, Spec
from wulff.runs.trials import check_function, first_answer
from wulff.runs.tuned import INPUTS, runs_in_single_precision, tuned, with_kept_runtime
from wulff.runs.view_spec import ViewSpec, refused_terms
from wulff.smoothing import Bound, DevicePolicy, Estimator, Sampling
from wulff.smoothing.checks import check_images
from wulff.smoothing.classifier import not_a_number
from wulff.stats import Anytime
from wulff.views import Views, is_views


def certify(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    noise: noises.Noise | Views | str,
    norms: Sequence[Adversary | str] | Adversary | str | None = None,
    n0: int = 100,
    n: int = 100_000,
    alpha: float = 1e-3,
    seed: int | None = 0,
    stop: Anytime | None = None,
    bound: Bound = "one-sided",
    estimator: Estimator = "clopper-pearson",
    top: int = 1,
    sampling: Sampling = "float",
    levels: int = 255,
    batch: int | Literal["auto"] = "auto",
    runtime: AskedRuntime = "auto",
    dtype: Literal["float32", "int8"] = "float32",
    calibration: Any = None,
    workers: int = 1,
    engine: engines.Engine | str | None = None,
    store: str | Path | None = None,
    identity: str | None = None,
    class_names: Sequence[str] | None = None,
    class_map: ClassMap | None = None,
    num_classes: int | None = None,
    threshold: float | None = None,
    progress: bool = True,
) -> Run:
    """Certify any classifier on inputs in memory, as a run like those of the command line.

    For each input with a label other than -1, no perturbation with a norm below its radius changes the label
    of the smoothed classifier, with probability at least 1 - alpha over the noise samples. With views it is
    certain: all of them are classified, and what is about samples is refused.

    Args:
        model: Whatever `wulff.backends.adapt` takes: an `nn.Module`, an estimator of scikit-learn, a booster,
            a session of ONNX Runtime, or any function of tensors or arrays. Normalisation is part of it.
        x: Inputs in [0, 1], of shape (inputs, ...), as a tensor or array; of noise with scales, in the units
            of the scales. Or a `wulff.datasets.Dataset`, with its labels and names, whose inputs may stay on
            disk.
        y: Their true labels, or names of classes that the model knows; without them there are labels and
            radii, but no accuracy.
        noise: A noise, or its spec string such as `gaussian(sigma=0.25)`, in the units of the inputs; or
            views such as `bands(width=4)`.
        norms: Against which adversaries: `l1`, `l2`, `linf`, `l1-box`, ...; all from the same votes. Of noise
            with scales `l2-scaled` is in their units. By default `l2`; of views, the one that they are for.
        n0: Samples that choose each label.
        n: Samples that bound its error.
        alpha: The probability, for each input, with which its certificate may be wrong.
        seed: The seed of the noise; None draws one, and records it.
        stop: `wulff.stats.Anytime(...)` stops each input as soon as its votes decide.
        bound: `one-sided`, or `two-sided` to bound the other classes too.
        estimator: `clopper-pearson`, or `randomized-clopper-pearson` for a fixed n.
        top: Among how many of the most likely classes the label has to stay: 5 certifies the first five.
        sampling: `float`, or `exact` for integer noise on inputs that are multiples of 1/levels.
        levels: Grid steps per 1.0, for exact sampling.
        batch: How many noisy copies are classified at once; `auto` takes what is fast for the model, and
            measures it before a long run.
        runtime: What computes the outputs of a module on the CPU: `torch`, `onnxruntime` or `openvino`;
            `auto` is torch, or before a long run the one that is installed and measured to be the fastest.
        dtype: `int8` quantises a module on the CPU by OpenVINO: that network is certified, and the share of
            noisy copies that it labels as the module does is recorded.
        calibration: Training inputs to quantise by, some hundreds; not those that are certified.
        workers: How many processes classify; they decide no number.
        engine: What counts the votes: an engine, or its name such as `ray`, for which `workers` are then.
        store: A folder for the run, which goes on from there when it was interrupted; without it the run
            lives in memory.
        identity: What tells this classifier from others, such as "fraud model 7"; for modules and boosters it
            is a hash of their weights if this is left out.
        class_names: The names of the labels, for models that return names.
        class_map: For a data set: which class of the model is meant by each of its classes.
        num_classes: How many labels there are, for models that return labels.
        threshold: For models that return one score: above it the label is 1. 0 for a logit, 0.5 for a
            probability.
        progress: Whether to show a progress bar.

    Raises:
        InputError: Something is not allowed, or does not fit together; nothing is written.
        RunError: The folder holds another run or is in use, or its votes are those of another classifier.
    """
    if engine is not None and not isinstance(engine, str) and workers != 1:
        raise InputError("workers and engine say the same; leave one of them out.", "workers", "engine")
    if not isinstance(progress, bool):
        raise InputError(f"progress must be True or False, got {shown(progress)}.", "progress")
    counter = engines.choose(engine, workers) if engine is None or isinstance(engine, str) else engine
    classifier = backends.adapt(model, class_names=class_names, threshold=threshold, identity=identity)
    asked = Spec(
        model=f"{IN_PYTHON}: {name_of(model)}",
        dataset=IN_PYTHON,
        n0=n0,
        n=n,
        alpha=alpha,
        seed=seed,
        stop=stop,
        bound=bound,
        estimator=estimator,
        top=top,
        sampling=sampling,
        levels=levels,
        batch=batch,
        class_map=class_map,
        table=x.table if isinstance(x, Dataset) else None,
    )
    denoised = model if isinstance(model, backends.Denoised) else None
    spec = _against(asked, noise, norms, denoised)
    if (dtype == "int8") != (calibration is not None):
        raise InputError(
            "calibration= are the training inputs by which dtype='int8' quantises; give both or neither.",
            *("dtype", "calibration"),
        )
    spec = dataclasses.replace(spec, runtime=runtime, dtype=dtype)
    training = None if calibration is None else _inputs(calibration)
    if isinstance(x, Dataset) and y is not None:
        raise InputError("a data set has its own labels; leave y out.", "y")
    if class_map is not None and not isinstance(x, Dataset):
        raise InputError(
            "class_map is for a data set; for arrays, give y in the model's own labels.", "class_map"
        )
    inputs = dataclasses.replace(x, index=()) if isinstance(x, Dataset) else _inputs(x)
    classifier = backends.for_table(classifier, x.table if isinstance(x, Dataset) else None)
    folder = None if store is None else file_path("store", store)
    stored = None if folder is None else stored_run(folder)
    job = _job(spec, classifier, inputs, y, num_classes, stored, training)
    with progress_bar() if progress else contextlib.nullcontext() as bar:
        update = None if bar is None else run_progress(bar, f"certifying {name_of(model)}", counter)
        run = run_job(job, folder, counter, update)
    if lost := run.not_a_number:
        warn(not_a_number(lost, views=run.views is not None))
    return dataclasses.replace(run, given=inputs if isinstance(inputs, Dataset) else job.dataset)


def name_of(model: Any) -> str:
    """What a model is called in a record: the name of its function or class."""
    if isinstance(model, backends.Denoised):
        return name_of(model.classifier)
    if isinstance(model, backends.Classifier):
        model = model.function
    name = getattr(model, "__qualname__", None) or type(model).__qualname__
    return str(name).rpartition(".")[2]


def _against(
    asked: Spec,
    noise: noises.Noise | Views | str,
    norms: Sequence[Adversary | str] | Adversary | str | None,
    denoised: backends.Denoised | None,
) -> Spec | ViewSpec:
    """What is asked for, with its noise and its adversaries; or the views, for which there are no samples."""
    text = str(noise) if isinstance(noise, noises.Noise | Views) else noise
    several: Any = (norms,) if isinstance(norms, Adversary | str) else norms
    if is_views(text):
        return _of_views(asked, text, several, denoised)
    if denoised is not None:
        asked = dataclasses.replace(
            asked,
            denoiser=f"{IN_PYTHON}: {name_of(denoised.denoiser)}",
            denoiser_pixels=denoised.pixels,
            random_denoiser=denoised.random,
        )
    return dataclasses.replace(asked, noise=text, norms=asked.norms if norms is None else several)


def _of_views(asked: Spec, views: str, norms: Any, denoised: backends.Denoised | None) -> ViewSpec:
    """The same of views; terms of sampling are refused where they are not the defaults."""
    spec = ViewSpec(
        model=asked.model,
        dataset=asked.dataset,
        noise=views,
        batch=asked.batch,
        top=asked.top,
        class_map=asked.class_map,
        table=asked.table,
    )
    usual, known = Spec(model=asked.model), {field.name for field in dataclasses.fields(spec)}
    sampled = [field.name for field in dataclasses.fields(asked) if field.name not in known]
    if strange := [name for name in sampled if getattr(asked, name) != getattr(usual, name)]:
        raise InputError(f"{refused_terms(spec.views, strange)}.", *strange)
    if denoised is not None:
        raise InputError(f"a denoiser is for noise, and {views} are views; give the classifier itself.")
    spec.check_norms(spec.norms if norms is None else norms)
    return spec


def _job(
    spec: Spec | ViewSpec,
    classifier: backends.Classifier,
    x: Tensor | Dataset,
    y: Any,
    num_classes: int | None,
    stored: Made | None,
    training: Tensor | None,
) -> Job:
    """The job of certifying these inputs; everything is checked, and nothing written."""
    function, device = classifier.function, _device(classifier.function)
    inputs = x.images if isinstance(x, Dataset) else x
    assert spec.noise is not None
    views = spec.views if isinstance(spec, ViewSpec) else None
    noise = noise_or_views(spec, inputs[0].numel())
    copy = first_copy(noise, inputs[:1]).to(device)
    answer = first_answer("the model", function, copy)
    if not is_random(function):
        check_function("the model", function, copy, rows_of_table(x) if isinstance(x, Dataset) else None)
    classes = _classes(classifier, answer, num_classes)
    names = classifier.class_names
    own_units = isinstance(noise, noises.Noise) and noise.own_units
    if isinstance(x, Dataset):
        found, dataset = x, onto_model(x, classes, names, spec.class_map)
    else:
        labels = _labels(y, len(inputs), classes, names)
        found = dataset = Dataset(IN_PYTHON, inputs, labels, classes, class_names=names, pixels=not own_units)
    spec, agreement = with_kept_runtime(spec, stored), dict[str, Any]()
    if spec.runtimes:
        function, agreement = on_runtime(function, spec, noise, inputs[:INPUTS], training)
        device = torch.device("cpu")
    plain = device.type == "cpu" and runs_in_single_precision(function)
    module = function if plain and isinstance(function, torch.nn.Module) else None
    spec = dataclasses.replace(spec, device=device.type if module is None else "cpu")
    spec = with_stop(spec, dataset)
    tuning = tuned(spec, module, inputs[:INPUTS], len(inputs), noise, stored)
    spec = tuning.fill(spec)
    if tuning.function is not None:
        function, module = tuning.function, None
    filled = with_seed(spec, stored)
    facts = Facts(
        inputs=len(dataset),
        of=len(dataset),
        dim=inputs[0].numel(),
        shape=None if views is None else dataset.input_shape,
        classes=classes,
        labelled=dataset.labelled,
        class_names=dataset.class_names,
        gpu=torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        hashes={"weights": classifier.identity or NOT_IDENTIFIED, "data": found.sha256()},
        versions=versions((*classifier.libraries, *spec.runtimes)),
        engine=tuning.measured | agreement,
    )
    policy = None if module is None or spec.policy == DevicePolicy() else spec.policy
    smoothed = classifier_of(filled, function, classes, policy)
    check_fits(filled, smoothed, dataset)
    return Job(filled, dataset, smoothed, facts)


def _inputs(x: Any) -> Tensor:
    """The inputs as float32 in memory; pixels of 8 bits are refused with a remedy."""
    if not isinstance(x, Tensor):
        x = writable(numbers("x", x, "fiub"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of, a data set refuses
        x = check_images(x)
    return x.cpu().to(torch.float32).contiguous()


def _labels(y: Any, inputs: int, classes: int, names: Sequence[str] | None) -> Tensor:
    """True labels as integers; names of classes are looked up."""
    if y is None:
        return torch.full((inputs,), UNKNOWN)
    values = y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
    if values.shape != (inputs,):
        raise InputError(f"y must hold one label for each of {inputs} inputs, got {values.shape}.", "y")
    # Classes that an estimator calls 1, 2, 3 are looked up by these names, not taken for places.
    if values.dtype.kind in "OUS" or (names is not None and _are_numbers(names)):
        if names is None:
            raise InputError(
                f"y holds names such as {shown(values[0])}, and the model does not know them; give "
                "class_names=[...] in the order of the labels, or labels from 0.",
                "y",
            )
        places = {name: place for place, name in enumerate(names)}
        if unknown := [value for value in values.tolist() if str(value) not in places]:
            known = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise InputError(f"y holds {shown(unknown[0])}, which is no class of the model: {known}.", "y")
        return torch.tensor([places[str(value)] for value in values.tolist()])
    if values.dtype.kind not in "iub":
        raise InputError(f"y must hold integers from 0, or names of classes, got {values.dtype}.", "y")
    wrong = np.flatnonzero((values < 0) | (values >= classes))
    if len(wrong):
        raise InputError(
            f"y must hold labels from 0 to {classes - 1}, since the model has {classes} classes, got "
            f"{int(values[wrong[0]])} for input {wrong[0]}.",
            "y",
        )
    return torch.from_numpy(values.astype(np.int64))


def _are_numbers(names: Sequence[str]) -> bool:
    return all(name.lstrip("-").replace(".", "", 1).isdigit() for name in names)


def _classes(classifier: backends.Classifier, answer: Tensor, num_classes: int | None) -> int:
    """How many labels there are, as far as model and user say."""
    given = None if num_classes is None else whole_number("num_classes", num_classes, most=10**6)
    if answer.ndim == 2:
        known = answer.shape[1]
        if classifier.class_names is not None and len(classifier.class_names) != known:
            raise InputError(
                f"the model has {known} classes, got {len(classifier.class_names)} class_names.",
                "class_names",
            )
    else:
        known = classifier.num_classes
    if given is not None and known is not None and given != known:
        raise InputError(f"num_classes is {given}, but the model has {known} classes.", "num_classes")
    if (classes := given or known) is None:
        raise InputError("the model returns labels; say how many there are: num_classes=.", "num_classes")
    return classes


def _device(function: Callable[[Tensor], Tensor]) -> torch.device:
    """Where a module has its weights; other functions are given inputs on the CPU."""
    if isinstance(function, torch.nn.Module):
        for tensor in (*function.parameters(), *function.buffers()):
            return tensor.device
    return torch.device("cpu")
