"""Try to break the certificates of a run of views, which are certain: inside of them nobody can."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wulff._typing import IntArray
from wulff.attacks import ViewAscent
from wulff.engines.ray_cluster import spread
from wulff.errors import InputError
from wulff.norms import Patch, Poisoning
from wulff.runs.job import Job, by_torch, prepare
from wulff.runs.outcomes import Outcome, check_same, device_of
from wulff.runs.records import Record
from wulff.runs.run import Run
from wulff.runs.view_spec import ViewSpec
from wulff.smoothing import Enumerated
from wulff.views import Splitting


def attack_views(
    run: Run,
    spec: ViewSpec,
    factors: Sequence[float],
    method: ViewAscent,
    *,
    seed: int,
    limit: int | None,
    architecture: str | None,
    on_cluster: bool,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> list[Outcome]:
    """Attack every certified input of a run at multiples of its radius; see `attack`.

    Perturbed inputs are judged by all of their views, so that up to factor 1 none may break.
    """
    if isinstance(spec.adversary, Poisoning):
        raise InputError(f"there is no attack on training sets, and {run.folder} is against poisoning.")
    job = prepare(dataclasses.replace(spec, architecture=spec.architecture or architecture))
    check_same(run, job)
    job = by_torch(job)
    norm = str(spec.adversary)
    targets = [r for r in run.records[:limit] if r.predict >= 0 and r.radii[norm].radius > 0]
    done, outcomes = 0, list[Outcome]()
    for factor in factors:
        asked = (job, spec, norm, factor, method, seed)
        broken = 0
        for found in _mapped(targets, asked, on_cluster, workers):
            broken += found
            done += 1
            if progress:
                progress(done, len(targets) * len(factors))
        outcomes.append(Outcome(norm, factor, len(targets), broken, 0, 0 if factor <= 1 else None))
    return outcomes


def _mapped(
    targets: list[Record], asked: tuple[Any, ...], on_cluster: bool, workers: int | None
) -> Iterator[bool]:
    if not on_cluster:
        return (_is_broken(target, *asked) for target in targets)
    return (found for _, found in spread(_is_broken, targets, *asked, workers=workers))


def _is_broken(
    record: Record, job: Job, spec: ViewSpec, norm: str, factor: float, method: ViewAscent, seed: int
) -> bool:
    """Whether an attempt leads the label out of the first ones, as all views tell."""
    smoothed = job.smoothed
    assert isinstance(smoothed, Enumerated)
    model = smoothed.model
    if not isinstance(model, nn.Module):
        raise InputError(
            f"attacks follow gradients, and {job.spec.model} is no torch module whose logits have them; "
            "attack runs of weights files, or of a module in python:FILE.py:NAME."
        )
    device = device_of(model)
    x = job.dataset.images[job.places[record.index]].to(device)
    size = _size(spec, record.radii[norm].radius, factor, tuple(x.shape))
    generator = torch.Generator(device).manual_seed(seed + record.index)
    shown = method(model, smoothed.views, x, record.predict, size, generator=generator)
    _check_proposal(spec, shown, x, size)
    return bool((_ahead(smoothed.votes(shown.cpu()), record.predict) >= spec.top).any())


def _size(spec: ViewSpec, radius: float, factor: float, shape: tuple[int, ...]) -> int:
    """The side of a square, or the steps on the grid; the certified one for factor 1."""
    views = spec.views
    steps = round(radius * views.levels) if isinstance(views, Splitting) else int(radius)
    size = int(Fraction(factor) * steps)
    return min(size, max(shape[1:])) if isinstance(spec.adversary, Patch) else size


def _ahead(votes: IntArray, label: int) -> IntArray:
    """How many classes are ahead of a label; at a tie, the smaller ones are."""
    classes = np.arange(votes.shape[1], dtype=np.int64)
    own = votes[:, label : label + 1]
    ahead = (votes > own) | ((votes == own) & (classes < label))
    return np.asarray(ahead.sum(axis=1), dtype=np.int64)


def _check_proposal(spec: ViewSpec, shown: Tensor, x: Tensor, size: int) -> None:
    """Refuse an attack that left its bounds: what it broke there would be no fault of a certificate."""
    views = spec.views
    if isinstance(views, Splitting):
        steps = [(views.steps(one) - views.steps(x)).abs().sum() for one in shown]
        inside = all(int(taken) <= size for taken in steps)
    else:
        inside = all(_side(one != x) <= size for one in shown)
    if not inside or not bool(((shown >= 0) & (shown <= 1)).all()):
        raise InputError("the attack proposed inputs outside [0, 1] or outside its size.")


def _side(changed: Tensor) -> int:
    """The side of the smallest square around all pixels that changed."""
    sides = [0]
    for dim in (1, 2):
        places = changed.any(dim=0).any(dim=2 - dim).nonzero()
        sides.append(int(places.max() - places.min()) + 1 if len(places) else 0)
    return max(sides)
