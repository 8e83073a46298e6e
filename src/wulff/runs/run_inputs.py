"""What a run looked at: inputs, the first noisy copy of each that voted, and how its model was trained."""

import contextlib
from pathlib import Path

import torch
from torch import Tensor

from wulff import datasets
from wulff.errors import InputError
from wulff.runs.checkpoints import TRAINING
from wulff.runs.run import Run, check_run
from wulff.runs.spec import IN_PYTHON, ImportedSpec, PredictSpec
from wulff.runs.training_run import Trained, read_training
from wulff.runs.view_spec import ViewSpec
from wulff.smoothing import Phase, stream
from wulff.smoothing.samplers import sampler
from wulff.smoothing.streams import BLOCK


def inputs(run: Run) -> datasets.Dataset:
    """The inputs of a run, loaded again from the data set that its spec names.

    Raises:
        InputError: The run is of an imported log, or its data set is not there, or is not the same any more.
    """
    run = check_run(run)
    if run.given is not None:
        return run.given
    spec, known = run.spec, run.facts.data_hash
    if isinstance(spec, ImportedSpec) or known is None:
        raise InputError(f"{run.name} does not say where its inputs are.")
    if spec.dataset == IN_PYTHON:
        raise InputError(f"the inputs of {run.name} were given in Python, and are not stored with it.")
    dataset = datasets.load(spec.dataset, table=spec.table).slice(spec.slice)
    if dataset.sha256() != known:
        raise InputError(f"the inputs of {run.name} in {spec.dataset} have changed since it was made.")
    return dataset


def noisy_copy(run: Run, index: int, x: Tensor) -> Tensor:
    """The first noisy copy of an input that the run counted, where it ran on a CPU, else one like it; of
    views the first one, without the channels that say what is left out.

    Args:
        run: A certification or prediction.
        index: The input's position in its data set.
        x: The input.
    """
    spec, noise, cpu = check_run(run).spec, run.noise, torch.device("cpu")
    if isinstance(spec, ViewSpec):
        return spec.views.views(x, torch.zeros(1, dtype=torch.int64))[0, : x.shape[0]]
    if isinstance(spec, ImportedSpec) or noise is None or spec.seed is None:
        raise InputError(f"{run.name} does not say which noise its inputs had.")
    phase = Phase.PREDICTION if isinstance(spec, PredictSpec) else Phase.ESTIMATION
    noise = noise.in_dim(x.numel())
    copies = x.new_empty(BLOCK, *noise.copy_shape(tuple(x.shape)))
    source = sampler(noise, spec.grid, cpu)
    source.fill(copies, x, stream(cpu, spec.seed, index, phase, 0))
    return copies[0][: len(x)]  # without the channels that ablation doubles


def known_training_noise(run: Run) -> str | None:
    """The spec string of the noise that the model was trained with; None if it is not known.

    The file of a training may be damaged since: its run is as good as before.
    """
    with contextlib.suppress(InputError):
        return _training_noise(run)
    return None


def training_noise(run: Run) -> str:
    """The spec string of the noise that the model was trained with.

    Raises:
        InputError: It is not known.
    """
    noise = _training_noise(run)
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


def _training_noise(run: Run) -> str | None:
    if isinstance(run.spec, ImportedSpec):
        return run.spec.training_noise
    trained = _trained(run)
    return None if trained is None else trained.spec.noise


def _trained(run: Run) -> Trained | None:
    if isinstance(run.spec, ImportedSpec):
        return None
    model = Path(run.spec.model)
    folder = model if model.is_dir() else model.parent
    return read_training(folder) if (folder / TRAINING).is_file() else None
