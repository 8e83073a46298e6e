"""Train a classifier on each of the disjoint parts of a training set, and keep them as one model.

A part is what has the same hash, and a classifier sees nothing of the others: neither its seed nor the order
of its inputs depends on them. So an example that is inserted or removed changes one classifier at most.
"""

import dataclasses
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch

from wulff import _files, datasets, models, training
from wulff._reading import DAMAGE
from wulff.errors import InputError, RunError
from wulff.models.partitioned import PARTS, Partitioned
from wulff.runs.checkpoints import TRAINING, Keeper
from wulff.runs.document import versions
from wulff.runs.folder import FORMAT
from wulff.runs.journal import refuse_other_document
from wulff.runs.training_spec import TrainingSpec
from wulff.smoothing.policy import use_device
from wulff.views import Partitions, partition

FOLDER = "parts"
"""Where the classifiers of the parts are, by their number."""


def train_parts(
    spec: TrainingSpec,
    views: Partitions,
    dataset: datasets.Dataset,
    folder: Path,
    progress: Callable[[training.Epoch], None] | None,
) -> Path:
    """Train the classifiers one after another; parts that are done are not done again.

    Args:
        spec: What is asked for.
        views: How many parts.
        dataset: The training set.
        folder: Where parts and weights are written.
        progress: Called after every epoch; its number counts those of all parts.

    Raises:
        InputError: A part has no examples, or the inputs do not fit into memory; nothing is written.
        RunError: The folder belongs to another training or process.
    """
    shape = views.view_shape(dataset.input_shape)
    paths: list[Path] = []
    for number, part in enumerate(_parts(dataset, views)):

        def tell(epoch: training.Epoch, before: int = number * spec.schedule.epochs) -> None:
            if progress:
                progress(dataclasses.replace(epoch, number=before + epoch.number))

        home = folder / FOLDER / f"{number:03d}"
        paths.append(_train_part(spec, views, part, number, home, tell))
    members = [models.load(path).module for path in paths]
    joined = Partitioned([member.members[0] for member in members if isinstance(member, Partitioned)])
    named = f"{PARTS}{views.parts}:{spec.model}"
    document = {
        "format": FORMAT,
        "training": spec.to_document(),
        "hashes": {"data": dataset.sha256()},
        "versions": versions(),
        "result": _together([path.parent for path in paths]),
    }
    _files.write(folder / TRAINING, tomli_w.dumps(document))
    path = folder / models.weights.FILE_NAME
    models.weights.save(path, joined, models.Description(named, shape, dataset.num_classes, str(views)))
    return path


def _parts(dataset: datasets.Dataset, views: Partitions) -> Iterator[datasets.Dataset]:
    """The disjoint parts of a training set, each in the order of the whole."""
    images = dataset.images
    if not isinstance(images, torch.Tensor):
        raise InputError(f"{dataset.name} must fit into memory to be partitioned; give an .npz file.")
    of = partition(images, views.parts)
    if not np.bincount(of, minlength=views.parts).all():
        raise InputError(
            f"{views} leaves parts of the {len(dataset)} training examples empty; take fewer parts.", "noise"
        )
    for number in range(views.parts):
        rows = torch.from_numpy(np.flatnonzero(of == number))
        yield datasets.Dataset(dataset.name, images[rows], dataset.labels[rows], dataset.num_classes)


def _train_part(
    spec: TrainingSpec,
    views: Partitions,
    part: datasets.Dataset,
    number: int,
    folder: Path,
    tell: Callable[[training.Epoch], None],
) -> Path:
    """The weights of one part's classifier, which are made if they are not there."""
    path = folder / models.weights.FILE_NAME
    document = {
        "format": FORMAT,
        "training": spec.to_document(),
        "part": {"number": number, "examples": len(part)},
        "hashes": {"data": part.sha256()},
        "versions": versions(),
    }
    if path.exists():
        _check_stored(folder, document)
        return path
    shape, architecture = views.view_shape(part.input_shape), f"{PARTS}1:{spec.model}"
    schedule = dataclasses.replace(spec.schedule, seed=spec.schedule.seed + number)
    network = models.build(architecture, shape, part.num_classes, schedule.seed)
    device = use_device(training.own_device(spec.device))
    objective = training.parse_objective(spec.objective)
    state = training.Training(network.to(device), views, objective, schedule)
    keeper = Keeper(folder, document, state)
    keeper.restore()
    try:
        for epoch in state.run(part.images, part.labels):
            keeper.keep(epoch)
            tell(epoch)
        described = models.Description(architecture, shape, part.num_classes, str(views))
        keeper.finish(lambda: models.weights.save(path, network, described))
    finally:
        keeper.release()
    return path


def _check_stored(folder: Path, document: dict[str, Any]) -> None:
    """Refuse a finished part of another training, or of other examples."""
    try:
        stored = tomllib.loads((folder / TRAINING).read_text())
    except (OSError, *DAMAGE) as error:
        raise RunError(f"{folder} is damaged: {error}; delete it to train this part again.") from None
    same: dict[str, Any] = {"result": {}, "versions": {}}
    refuse_other_document(folder, stored | same, document | same)


def _together(folders: Sequence[Path]) -> dict[str, float]:
    """How the trainings of all parts ended, on average."""
    results = [tomllib.loads((folder / TRAINING).read_text())["result"] for folder in folders]
    return {name: float(np.mean([one[name] for one in results])) for name in ("loss", "noisy_accuracy")}
