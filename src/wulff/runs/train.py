"""Train a base classifier on a data set and keep its weights."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import tomli_w

from wulff import datasets, models, noises, training
from wulff.errors import InputError
from wulff.runs.journal import replace

TRAINING = "training.toml"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """A training to be made.

    Attributes:
        noise: The spec string of the noise that the smoothed classifier will use.
        dataset: A name in `wulff.datasets` (its train split), or the path of an .npz file.
        model: An architecture in `wulff.models`.
        objective: A training method in `wulff.training`.
        schedule: Length, speed and seed.
    """

    noise: str
    dataset: str = "digits"
    model: str = "cnn"
    objective: str = "augment"
    schedule: training.Schedule = dataclasses.field(default_factory=training.Schedule)


def train(
    spec: TrainingSpec, store: str | Path, progress: Callable[[training.Epoch], None] | None = None
) -> Path:
    """Train and write `weights.safetensors` and `training.toml` into the folder; returns the weights' path.

    Raises:
        InputError: The spec is not allowed, or the folder already holds weights; nothing is written.
    """
    folder = Path(store)
    path = folder / models.weights.FILE_NAME
    if path.exists():
        raise InputError(f"{folder} already holds trained weights; give another folder, or remove it.")
    if spec.objective not in training.OBJECTIVES:
        known = ", ".join(training.OBJECTIVES)
        raise InputError(f"unknown objective {spec.objective!r}; there is {known}.")
    noise = noises.parse(spec.noise)
    dataset = datasets.load(spec.dataset, "train")
    noise.in_dim(dataset.images[0].numel())
    model = models.build(spec.model, dataset.input_shape, dataset.num_classes, spec.schedule.seed)
    epoch = None
    objective = training.OBJECTIVES[spec.objective]
    for epoch in training.train(model, dataset.images, dataset.labels, noise, objective, spec.schedule):
        if progress:
            progress(epoch)
    assert epoch is not None
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "training": dataclasses.asdict(spec) | {"noise": str(noise)},
        "hashes": {"data": dataset.sha256()},
        "result": {"loss": epoch.loss, "noisy_accuracy": epoch.noisy_accuracy},
    }
    replace(folder / TRAINING, tomli_w.dumps(document))
    description = models.Description(spec.model, dataset.input_shape, dataset.num_classes, str(noise))
    temporary = path.with_name(f".{path.name}.new")
    models.weights.save(temporary, model, description)
    temporary.replace(path)
    return path
