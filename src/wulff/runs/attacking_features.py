"""Attacks on runs whose noise hides or replaces features, or has scales: one input after the other."""

import torch
from torch import Tensor, nn

from wulff.attacks import FeatureSearch
from wulff.attacks.features import changes_of, distance, norm_of, units_of
from wulff.errors import InputError
from wulff.noises import Ablation, Mixed, Noise, Replacement
from wulff.norms import Norm, Threat, parse_threat
from wulff.runs.job import Job
from wulff.runs.outcomes import Judge, device_of
from wulff.runs.records import Record

POOL = 256
"""Inputs of the data set whose values hidden coordinates may be given."""


def is_of_features(noise: Noise) -> bool:
    """Whether an adversary of this noise changes features, rather than pixels in [0, 1]."""
    return isinstance(noise, Replacement) or noise.scales is not None


def attacked_features(
    batch: list[Record], job: Job, threat: str, factor: float, method: FeatureSearch, judge: Judge
) -> list[int]:
    """The smoothed labels of perturbed inputs, -1 where `predict` abstains."""
    model, against = job.smoothed.model, parse_threat(threat)
    device = device_of(model) if isinstance(model, nn.Module) else torch.device("cpu")
    pool = torch.stack([job.dataset.images[i] for i in range(min(POOL, len(job.dataset)))]).to(device)
    shown: list[Tensor] = []
    for record in batch:
        x, radius = (
            job.dataset.images[job.places[record.index]].to(device),
            factor * record.radii[threat].radius,
        )
        generator = torch.Generator(device).manual_seed(judge.seed + record.index)
        found = method(model, job.noise, x, record.predict, against, radius, pool=pool, generator=generator)
        _check_proposal(job.noise, found, x, against, radius)
        shown.append(found.cpu())
    index = [record.index for record in batch]
    return job.sampled.predict(
        torch.stack(shown), judge.n, judge.alpha, seed=judge.seed, index=index
    ).tolist()


def _check_proposal(noise: Noise, shown: Tensor, x: Tensor, threat: Threat, radius: float) -> None:
    """Refuse an attack that left its bounds: what it broke there would be no fault of a certificate."""
    units, changed = units_of(noise, threat, x), shown != x
    others = (changed & (units == 0)).flatten()
    if isinstance(noise, Mixed):
        count = int(others[list(noise.columns)].sum())
        fixed = bool(others[noise.numeric(x.numel())].any())
    else:
        channels = noise.channels if isinstance(noise, Ablation) else 1
        count, fixed = int(others.view(channels, -1).any(dim=0).sum()), not isinstance(noise, Replacement)
        fixed = fixed and count > 0
    far = threat != Norm.L0 and radius > 0 and distance(shown, x, units, norm_of(threat)) >= radius
    if shown.shape != x.shape or count > changes_of(threat, radius) or fixed or far:
        raise InputError("the attack changed more coordinates than it may, immutable ones, or too far.")
