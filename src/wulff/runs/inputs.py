"""What a run looked at: its inputs, and the first noisy copy of each that voted."""

import torch
from torch import Tensor

from wulff import datasets
from wulff.errors import InputError
from wulff.noises import parse
from wulff.runs.run import Run
from wulff.smoothing import Phase, grid_for, stream
from wulff.smoothing.sampling import sampler
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
    spec, cpu = run.spec, torch.device("cpu")
    grid = grid_for(spec.get("sampling", "float"), spec.get("levels", 1))
    phase = Phase.PREDICTION if spec["task"] == "predict" else Phase.ESTIMATION
    copies = x.new_empty(BLOCK, *x.shape)
    source = sampler(parse(spec["noise"]).in_dim(x.numel()), grid, cpu)
    source.fill(copies, x, stream(cpu, int(spec["seed"]), index, phase, 0))
    return copies[0]
