"""The folder of a training: its spec, the latest checkpoint, and how every epoch went."""

import contextlib
import dataclasses
import os
import time
import tomllib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import tomli_w
import torch
from filelock import FileLock

from wulff import _files, training
from wulff._reading import DAMAGE
from wulff.errors import InputError, RunError
from wulff.runs.journal import refuse_other_document, resumable

TRAINING = "training.toml"
CHECKPOINT = "checkpoint.pt"


class Keeper:
    """Keeps a training in its folder: the spec, the latest checkpoint, and how every epoch went."""

    def __init__(self, folder: Path, document: dict[str, Any], state: training.Training) -> None:
        self.folder = folder
        self.document = document
        self.state = state
        self.history: list[training.Epoch] = []
        self.seconds = 0.0
        self._since = time.perf_counter()
        self._lock: FileLock | None = None

    def restore(self) -> None:
        """Take up the checkpoint in the folder, if there is one of the same training."""
        if not self.folder.exists():
            above = next(folder for folder in self.folder.absolute().parents if folder.exists())
            if not (above.is_dir() and os.access(above, os.W_OK)):
                raise InputError(f"{self.folder} cannot be made: {above} is no folder to write to.")
            return  # it is made when there is something to keep
        if self.state.rank == 0:
            self._lock = _files.claim(self.folder)
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
            except DAMAGE as error:
                raise RunError(f"{file} is damaged: {error}; delete the folder to start again.") from None
            # Versions may change, and the record keeps the latest.
            same: dict[str, Any] = {"result": {}, "versions": {}}
            refuse_other_document(self.folder, stored | same, self.document | same)
        elif any(not entry.name.startswith(".") for entry in self.folder.iterdir()):
            raise InputError(f"{self.folder} holds no training and is not empty; give another folder.")
        checkpoint = self.folder / CHECKPOINT
        if not checkpoint.exists():
            return
        try:
            kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
            self.state.load_state_dict(kept["state"])
            self.history = [training.Epoch(*row) for row in kept["history"]]
            self.seconds = kept["seconds"]
        except torch.OutOfMemoryError:
            raise  # of the GPU: the checkpoint is as good as it was
        except Exception:  # torch.load raises whatever a damaged file makes it raise
            raise RunError(f"{checkpoint} is damaged; delete it to start again.") from None

    def keep(self, epoch: training.Epoch) -> None:
        """Write a checkpoint: the old one or the new one is there, whenever the process is killed."""
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = _files.claim(self.folder)
            if any(not entry.name.startswith(".") for entry in self.folder.iterdir()):
                raise RunError(f"{self.folder} was begun by another process meanwhile; give another folder.")
        self.history.append(epoch)
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now
        content = {
            "state": self.state.state_dict(),
            "history": [dataclasses.astuple(epoch) for epoch in self.history],
            "seconds": self.seconds,
        }
        with self._told():
            if not (self.folder / TRAINING).exists():
                _files.write(self.folder / TRAINING, tomli_w.dumps(self.document))
            with _files.replacing(self.folder / CHECKPOINT) as file:
                torch.save(content, file)

    def finish(self, save: Callable[[], None]) -> None:
        """Add how the training went to its record, save the weights, and let the checkpoint go."""
        result = {
            "loss": self.history[-1].loss,
            "noisy_accuracy": self.history[-1].noisy_accuracy,
            "seconds": round(self.seconds, 1),
            "losses": [epoch.loss for epoch in self.history],
            "noisy_accuracies": [epoch.noisy_accuracy for epoch in self.history],
        }
        with self._told():
            _files.write(self.folder / TRAINING, tomli_w.dumps(self.document | {"result": result}))
            save()
            (self.folder / CHECKPOINT).unlink()

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    @contextlib.contextmanager
    def _told(self) -> Generator[None]:
        """One line where the disk is full, or the folder is not there any more."""
        try:
            yield
        except FileNotFoundError:
            raise RunError(
                f"{self.folder} was deleted or moved during the training; start the training again."
            ) from None
        except OSError as error:
            raise RunError(resumable(self.folder, error)) from None
