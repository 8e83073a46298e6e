"""What is known of how a run's model was trained: from the training's folder, or from what an import said."""

from pathlib import Path

from wulff.errors import InputError
from wulff.runs.run import Run
from wulff.runs.spec import ImportedSpec
from wulff.runs.train import TRAINING, Trained, read_training


def training_noise(run: Run) -> str:
    """The spec string of the noise that the model was trained with.

    Raises:
        InputError: It is not known.
    """
    trained = _trained(run)
    noise = run.spec.training_noise if isinstance(run.spec, ImportedSpec) else trained and trained.spec.noise
    if noise is None:
        raise InputError(f"it is not known with which noise the model of {run.name} was trained.")
    return noise


def training_accuracy(run: Run) -> float:
    """The accuracy on training inputs under noise, at the end of training.

    Raises:
        InputError: It is not known.
    """
    trained = _trained(run)
    known = run.spec.training_accuracy if isinstance(run.spec, ImportedSpec) else None
    accuracy = trained.noisy_accuracy if trained else known
    if accuracy is None:
        raise InputError(f"the training accuracy of the model of {run.name} is not known.")
    return accuracy


def _trained(run: Run) -> Trained | None:
    if isinstance(run.spec, ImportedSpec):
        return None
    model = Path(run.spec.model)
    folder = model if model.is_dir() else model.parent
    return read_training(folder) if (folder / TRAINING).is_file() else None
