"""What an attack on the certificates of a run achieved, and which classifier it has to be of."""

import dataclasses

import torch
from torch import nn

from wulff.errors import InputError
from wulff.runs.job import Job
from wulff.runs.run import Run
from wulff.smoothing.checks import check_seed
from wulff.stats import check_alpha, check_sample_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judge:
    """How the smoothed classifier's label of a perturbed input is told.

    Attributes:
        n: Fresh noisy copies from which `predict` tells it.
        alpha: With which probability it may be wrong.
        seed: Of this noise, and of the attack.

    Raises:
        InputError: A value is not allowed.
    """

    n: int = 1_000
    alpha: float = 1e-3
    seed: int = 1

    def __post_init__(self) -> None:
        check_sample_size(self.n)
        check_alpha(self.alpha)
        check_seed(self.seed)


USUAL = Judge()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an attack on the certificates of a run achieved at one multiple of their radii.

    Attributes:
        norm: Against which the certificates are.
        factor: The attacks' radius, as a multiple of the certified one.
        attacked: How many certified inputs were attacked.
        broken: On how many of them the smoothed classifier then gave another label, as by `predict`.
        abstained: On how many `predict` abstained, which breaks nothing.
        allowed: The largest number of broken certificates that contradicts nothing. If certificate and
            judgement of every input that was looked at are wrong with the probability that their alpha
            allows, more have at most probability `FALSE_ALARM`. It is 0 where all views are classified, and
            None for a factor above 1, where certificates promise nothing.
    """

    norm: str
    factor: float
    attacked: int
    broken: int
    abstained: int
    allowed: int | None

    @property
    def contradicts(self) -> bool:
        """Whether more certificates broke than their alpha allows."""
        return self.allowed is not None and self.broken > self.allowed


def check_same(run: Run, job: Job) -> None:
    """Refuse a job whose weights or data are not those that the run was made with."""
    for name, stored in run.facts.hashes.items():
        if job.facts.hashes.get(name) != stored:
            raise InputError(
                f"the {name} of {run.folder} are not what they were when it was made; attack needs the same."
            )


def device_of(model: nn.Module) -> torch.device:
    """Where the weights of a model are; the CPU for one without any."""
    weight = next(model.parameters(), None)
    return torch.device("cpu") if weight is None else weight.device
