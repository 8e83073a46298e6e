"""What a run looked at: its inputs, and the first noisy copy of each that voted."""

import torch
from torch import Tensor

from wulff import datasets
from wulff.errors import InputError
from wulff.runs.run import Run
from wulff.runs.spec import ImportedSpec, PredictSpec
from wulff.smoothing import Phase, stream
from wulff.smoothing.sampling import sampler
from wulff.smoothing.streams import BLOCK


def inputs(run: Run) -> datasets.Dataset:
    """The inputs of a run, loaded again from the data set that its spec names.

    Raises:
        InputError: The run is of an imported log, or its data set is not there, or is not the same any more.
    """
    spec, known = run.spec, run.facts.hashes.get("data")
    if isinstance(spec, ImportedSpec) or known is None:
        raise InputError(f"{run.name} does not say where its inputs are.")
    dataset = datasets.load(spec.dataset).slice(spec.slice)
    if dataset.sha256() != known:
        raise InputError(f"the inputs of {run.name} in {spec.dataset} have changed since it was made.")
    return dataset


def noisy_copy(run: Run, index: int, x: Tensor) -> Tensor:
    """The first noisy copy of an input that the run counted, where it ran on a CPU; else one like it.

    Args:
        run: A certification or prediction.
        index: The input's position in its data set.
        x: The input.
    """
    spec, noise, cpu = run.spec, run.noise, torch.device("cpu")
    if isinstance(spec, ImportedSpec) or noise is None or spec.seed is None:
        raise InputError(f"{run.name} does not say which noise its inputs had.")
    phase = Phase.PREDICTION if isinstance(spec, PredictSpec) else Phase.ESTIMATION
    copies = x.new_empty(BLOCK, *x.shape)
    source = sampler(noise.in_dim(x.numel()), spec.grid, cpu)
    source.fill(copies, x, stream(cpu, spec.seed, index, phase, 0))
    return copies[0]
