"""What is known of how a run's model was trained: from the training's folder, or from what an import said."""

import tomllib
from pathlib import Path
from typing import Any

from wulff.errors import InputError
from wulff.runs.run import Run
from wulff.runs.train import TRAINING


def training_noise(run: Run) -> str:
    """The spec string of the noise that the model was trained with.

    Raises:
        InputError: It is not known.
    """
    if "training_noise" in run.spec:
        return run.spec["training_noise"]
    noise = _training(run).get("training", {}).get("noise")
    if noise is None:
        raise InputError(f"it is not known with which noise the model of {run.name} was trained.")
    return noise


def training_accuracy(run: Run) -> float:
    """The accuracy on training inputs under noise, at the end of training.

    Raises:
        InputError: It is not known.
    """
    if "training_accuracy" in run.spec:
        return run.spec["training_accuracy"]
    accuracy = _training(run).get("result", {}).get("noisy_accuracy")
    if accuracy is None:
        raise InputError(f"the training accuracy of the model of {run.name} is not known.")
    return accuracy


def _training(run: Run) -> dict[str, Any]:
    model = Path(run.spec.get("model", ""))
    file = (model if model.is_dir() else model.parent) / TRAINING
    if "model" not in run.spec or not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is damaged: {error}.") from None
