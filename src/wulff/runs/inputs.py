"""What a run looked at: its inputs, and the first noisy copy of each that voted."""

import torch
from torch import Tensor

from wulff import datasets
from wulff.errors import InputError
from wulff.runs.recertify import run_noise
from wulff.runs.run import Run
from wulff.smoothing import Phase, stream
from wulff.smoothing.streams import BLOCK


def inputs(run: Run) -> datasets.Dataset:
    """The inputs of a run, loaded again from the data set that its spec names.

    Raises:
        InputError: The run is of an imported log, or its data set is not there, or is not the same any more.
    """
    if "dataset" not in run.spec or "data" not in run.document.get("hashes", {}):
        raise InputError(f"{run.name} does not say where its inputs are.")
    dataset = datasets.load(run.spec["dataset"]).slice(run.spec["slice"])
    if dataset.sha256() != run.document["hashes"]["data"]:
        raise InputError(f"the inputs of {run.name} in {run.spec['dataset']} have changed since it was made.")
    return dataset


def noisy_copy(run: Run, index: int, x: Tensor) -> Tensor:
    """The first noisy copy of an input that the run counted, where it ran on a CPU; else one like it.

    Args:
        run: A certification or prediction.
        index: The input's position in its data set.
        x: The input.
    """
    noise = run_noise(run)
    phase = Phase.PREDICTION if run.spec["task"] == "predict" else Phase.ESTIMATION
    generator = stream(torch.device("cpu"), int(run.spec["seed"]), index, phase, 0)
    block = noise.draw(x.new_empty(BLOCK, *x.shape), generator)
    return block[0] * noise.scale + x
