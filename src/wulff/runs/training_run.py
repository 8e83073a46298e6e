"""Train a base classifier on a data set, through interruptions, and keep its weights."""

import dataclasses
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from wulff import datasets, models, training, views
from wulff._checks import file_path, is_table
from wulff._reading import DAMAGE
from wulff.errors import InputError
from wulff.runs.checkpoints import TRAINING, Keeper
from wulff.runs.document import versions
from wulff.runs.folder import FORMAT
from wulff.runs.scalars import Scalars
from wulff.runs.training_parts import train_parts
from wulff.runs.training_spec import TrainingSpec, noise_or_views
from wulff.smoothing.policy import use_device


@dataclasses.dataclass(frozen=True)
class Trained:
    """A training as its folder tells it.

    Attributes:
        spec: What was asked for.
        noisy_accuracy: The accuracy on training inputs under noise, at the end; None before that.
    """

    spec: TrainingSpec
    noisy_accuracy: float | None


def read_training(folder: Path) -> Trained:
    """The training in a folder.

    Raises:
        InputError: Its file cannot be read, or is damaged.
    """
    file = file_path("folder", folder) / TRAINING
    try:
        document = tomllib.loads(file.read_text())
        result: Any = document.get("result", {})
        accuracy = result.get("noisy_accuracy") if is_table(result) else None
        return Trained(TrainingSpec.from_document(document.get("training", {})), accuracy)
    except (OSError, *DAMAGE) as error:
        raise InputError(f"{file} is damaged: {str(error).rstrip('.')}.") from None


def train(
    spec: TrainingSpec,
    store: str | Path,
    progress: Callable[[training.Epoch], None] | None = None,
    on_step: Callable[[float], None] | None = None,
    tensorboard: bool = False,
) -> Path:
    """Train and write `weights.safetensors` and `training.toml` into the folder; returns the weights' path.

    After every epoch a checkpoint is written. When the process is killed, the same call goes on from there,
    and on a CPU ends with the same weights.

    Args:
        spec: What to do.
        store: The folder; created, or gone on with if it holds a checkpoint of the same spec.
        progress: Called after every epoch, and for the last one that a checkpoint holds.
        on_step: Called after every step with the epochs done, as a fraction.
        tensorboard: Write the scalars of every epoch for TensorBoard too.

    Raises:
        InputError: The spec is not allowed, or the folder already holds weights; nothing is written.
        RunError: The folder belongs to another training or process.
    """
    folder = file_path("store", store)
    path = folder / models.weights.FILE_NAME
    if path.exists():
        raise InputError(f"{folder} already holds trained weights; give another folder, or remove it.")
    noise = noise_or_views(spec.noise)
    objective = training.parse_objective(spec.objective)
    device = use_device(training.own_device(spec.device))
    dataset = datasets.load(spec.dataset, "train", table=spec.table).slice(spec.slice)
    if not dataset.labelled:
        raise InputError(f"{spec.dataset} has no true labels to train on; see --unlabelled.", "dataset")
    shape = dataset.input_shape
    if isinstance(noise, views.Views) and dataset.table is not None:
        raise InputError(
            f"on rows of a table the noise has to be one that is sampled, got the views {noise}.", "noise"
        )
    if isinstance(noise, views.Partitions):
        if spec.weights or spec.unlabelled or spec.teacher:
            raise InputError(
                f"{noise} trains each classifier on its own part alone; leave out weights, unlabelled and "
                "teacher.",
                *("weights", "unlabelled", "teacher"),
            )
        return train_parts(spec, noise, dataset, folder, progress)
    if isinstance(noise, views.Views):
        shape = noise.view_shape(shape)
        if isinstance(dataset.images, torch.Tensor):
            noise.check_inputs(dataset.images)
    else:
        shape = noise.copy_shape(shape)
    columns = _columns(dataset, shape)
    model = models.build(spec.model, shape, dataset.num_classes, spec.schedule.seed, columns)
    if columns is not None:
        _fit(model, dataset)
    hashes = {"data": dataset.sha256()}
    if spec.weights is not None:
        hashes["weights"] = models.start_from(model, spec.weights)
    document = {
        "format": FORMAT,
        "training": spec.to_document(),
        "hashes": hashes,
        "versions": versions(),
    }
    if spec.unlabelled is not None or spec.teacher is not None:
        objective = _self_training(spec, objective, dataset, hashes, device)
    state = training.Training(model.to(device), noise, objective, spec.schedule)
    scalars = Scalars(folder) if tensorboard else None
    keeper = Keeper(folder, document, state)
    keeper.restore()
    if progress and keeper.history:
        progress(keeper.history[-1])
    try:
        for epoch in state.run(dataset.images, dataset.labels, on_step):
            if state.rank > 0:
                continue  # the first process keeps what all have trained
            keeper.keep(epoch)
            if scalars:
                scalars.add(epoch)
            if progress:
                progress(epoch)
        if state.rank > 0:
            return path
        names = dataset.class_names
        description = models.Description(spec.model, shape, dataset.num_classes, str(noise), names, columns)
        keeper.finish(lambda: models.weights.save(path, model, description))
    finally:
        keeper.release()
    return path


def _columns(dataset: datasets.Dataset, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """How many values the columns of a table have, 0 for numbers; None for other inputs.

    Raises:
        InputError: Copies of a row have another shape than the row.
    """
    if dataset.table is None:
        return None
    if shape != dataset.input_shape:
        raise InputError(
            "hidden columns of a table need a value of their own that stands for them; give null=-1.", "noise"
        )
    return tuple(len(feature.categories) for feature in dataset.table.features)


def _fit(model: torch.nn.Module, dataset: datasets.Dataset) -> None:
    """Let the first layer of a model know how large the numbers of a table are."""
    encoder = next(module for module in model.modules() if isinstance(module, models.Encoder))
    assert isinstance(dataset.images, torch.Tensor)
    encoder.fit(dataset.images)


def _self_training(
    spec: TrainingSpec,
    base: training.Objective,
    dataset: datasets.Dataset,
    hashes: dict[str, str],
    device: torch.device,
) -> training.Objective:
    """The objective with the pseudo-labels that the teacher gives to unlabelled inputs."""
    if spec.unlabelled is None or spec.teacher is None:
        raise InputError("self-training needs both the unlabelled inputs and the teacher that labels them.")
    teacher = models.load(spec.teacher)
    unlabelled = datasets.load(spec.unlabelled, "train", labelled=False)
    if not isinstance(unlabelled.images, torch.Tensor):
        raise InputError(
            f"the unlabelled inputs of {spec.unlabelled} must fit into memory; give an .npz file."
        )
    shapes = {dataset.input_shape, unlabelled.input_shape, teacher.description.input_shape}
    if len(shapes) > 1 or teacher.description.num_classes > dataset.num_classes:
        raise InputError(
            f"teacher, {spec.unlabelled} and {spec.dataset} need inputs of one shape and the same classes, "
            f"got {sorted(shapes)}, {teacher.description.num_classes} and {dataset.num_classes} classes."
        )
    hashes |= {"teacher": teacher.sha256, "unlabelled": unlabelled.sha256()}
    images = unlabelled.images.to(device)
    labels = training.pseudo_labels(teacher.module.to(device), images)
    return training.SelfTraining(base, images, labels, spec.schedule.augmentation)
