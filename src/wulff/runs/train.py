"""Train a base classifier on a data set, through interruptions, and keep its weights."""

import dataclasses
import importlib.metadata
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w
import torch
from filelock import FileLock, Timeout

from wulff import datasets, models, noises, training
from wulff.errors import InputError, RunError
from wulff.runs.journal import refuse_other_spec, replace
from wulff.smoothing import use_device

TRAINING = "training.toml"
CHECKPOINT = "checkpoint.pt"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """A training to be made.

    Attributes:
        noise: The spec string of the noise that the smoothed classifier will use.
        dataset: A data set for `wulff.datasets.load` (its train split).
        model: An architecture in `wulff.models`.
        objective: A training method of `wulff.training`, perhaps with hyperparameters.
        schedule: Length, speed and seed.
        slice: Which of the inputs, as a Python slice.
        device: Where the model is trained.
    """

    noise: str
    dataset: str = "digits"
    model: str = "cnn"
    objective: str = "augment"
    schedule: training.Schedule = dataclasses.field(default_factory=training.Schedule)
    slice: str = ":"
    device: str = "cpu"


def train(
    spec: TrainingSpec,
    store: str | Path,
    progress: Callable[[training.Epoch], None] | None = None,
    on_step: Callable[[float], None] | None = None,
) -> Path:
    """Train and write `weights.safetensors` and `training.toml` into the folder; returns the weights' path.

    After every epoch a checkpoint is written. When the process is killed, the same call goes on from there,
    and on a CPU ends with the same weights.

    Args:
        spec: What to do.
        store: The folder; created, or gone on with if it holds a checkpoint of the same spec.
        progress: Called after every epoch, and for the last one that a checkpoint holds.
        on_step: Called after every step with the epochs done, as a fraction.

    Raises:
        InputError: The spec is not allowed, or the folder already holds weights; nothing is written.
        RunError: The folder belongs to another training or process.
    """
    folder = Path(store)
    path = folder / models.weights.FILE_NAME
    if path.exists():
        raise InputError(f"{folder} already holds trained weights; give another folder, or remove it.")
    noise = noises.parse(spec.noise)
    objective = training.parse_objective(spec.objective)
    device = use_device(spec.device)
    dataset = datasets.load(spec.dataset, "train").slice(spec.slice)
    noise.in_dim(dataset.images[0].numel())
    model = models.build(spec.model, dataset.input_shape, dataset.num_classes, spec.schedule.seed)
    document = {
        "training": dataclasses.asdict(spec)
        | {"noise": str(noise), "objective": training.objective_spec(objective)},
        "hashes": {"data": dataset.sha256()},
        "versions": {name: importlib.metadata.version(name) for name in ("wulff", "torch", "numpy")},
    }
    state = training.Training(model.to(device), noise, objective, spec.schedule)
    keeper = _Keeper(folder, document, state)
    keeper.restore()
    if progress and keeper.history:
        progress(keeper.history[-1])
    try:
        for epoch in state.run(dataset.images, dataset.labels, on_step):
            keeper.keep(epoch)
            if progress:
                progress(epoch)
        description = models.Description(spec.model, dataset.input_shape, dataset.num_classes, str(noise))
        temporary = path.with_name(f".{path.name}.new")
        models.weights.save(temporary, model, description)
        keeper.finish()
        temporary.replace(path)
        (folder / CHECKPOINT).unlink()
    finally:
        keeper.release()
    return path


class _Keeper:
    """Keeps a training in its folder: the spec, the latest checkpoint, and how every epoch went."""

    def __init__(self, folder: Path, document: dict[str, Any], state: training.Training) -> None:
        self.folder = folder
        self.document = document
        self.state = state
        self.history: list[training.Epoch] = []
        self.seconds = 0.0
        self._since = time.perf_counter()
        self._lock = FileLock(folder / ".lock")

    def restore(self) -> None:
        """Take up the checkpoint in the folder, if there is one of the same training."""
        if not self.folder.exists():
            return  # it is made when there is something to keep
        self._claim()
        try:
            self._restore()
        except BaseException:
            self.release()
            raise

    def _restore(self) -> None:
        file = self.folder / TRAINING
        if file.exists():
            try:
                stored = tomllib.loads(file.read_text())
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise RunError(f"{file} is damaged: {error}; delete the folder to start again.") from None
            stored["versions"] = self.document["versions"]  # they may change, and the record keeps the latest
            refuse_other_spec(self.folder, {**stored, "result": {}}, {**self.document, "result": {}})
        elif any(not entry.name.startswith(".") for entry in self.folder.iterdir()):
            raise InputError(f"{self.folder} holds no training and is not empty; give another folder.")
        checkpoint = self.folder / CHECKPOINT
        if not checkpoint.exists():
            return
        try:
            kept = torch.load(checkpoint, map_location=self.state.device, weights_only=True)
            self.state.load_state_dict(kept["state"])
            self.history = [training.Epoch(*row) for row in kept["history"]]
            self.seconds = kept["seconds"]
        except Exception:  # torch.load raises whatever a damaged file makes it raise
            raise RunError(f"{checkpoint} is damaged; delete it to start again.") from None

    def keep(self, epoch: training.Epoch) -> None:
        """Write a checkpoint: the old one or the new one is there, whenever the process is killed."""
        if not self._lock.is_locked:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._claim()
        if not (self.folder / TRAINING).exists():
            replace(self.folder / TRAINING, tomli_w.dumps(self.document))
        self.history.append(epoch)
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now
        content = {
            "state": self.state.state_dict(),
            "history": [dataclasses.astuple(epoch) for epoch in self.history],
            "seconds": self.seconds,
        }
        temporary = self.folder / f".{CHECKPOINT}.new"
        torch.save(content, temporary)
        temporary.replace(self.folder / CHECKPOINT)

    def finish(self) -> None:
        """Add how the training went to its record."""
        result = {
            "loss": self.history[-1].loss,
            "noisy_accuracy": self.history[-1].noisy_accuracy,
            "seconds": round(self.seconds, 1),
            "losses": [epoch.loss for epoch in self.history],
            "noisy_accuracies": [epoch.noisy_accuracy for epoch in self.history],
        }
        replace(self.folder / TRAINING, tomli_w.dumps(self.document | {"result": result}))

    def release(self) -> None:
        self._lock.release()

    def _claim(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"{self.folder} is being written by another process; wait for it to end."
            ) from None
