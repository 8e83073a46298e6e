"""Try to break the certificates of a run: inside their radius, where nobody can, and beyond it."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from wulff._checks import one_of
from wulff.attacks import EOTPGD, Attack, FeatureSearch, ViewAscent, size, to_grid
from wulff.engines.ray_cluster import spread
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.norms import Adversary, Box, Norm, parse_adversary, parse_threat
from wulff.runs.attacking_features import attacked_features, is_of_features
from wulff.runs.attacking_views import attack_views
from wulff.runs.job import Job, by_torch, prepare
from wulff.runs.outcomes import USUAL, Judge, Outcome, check_same, device_of
from wulff.runs.records import Record
from wulff.runs.run import Run, load
from wulff.runs.spec import IN_PYTHON, ImportedSpec, Spec
from wulff.runs.view_spec import ViewSpec, refused_terms
from wulff.stats import ABSTAIN
from wulff.stats import predict as rank_test

FALSE_ALARM = 1e-3
"""With which probability certificates that keep their promise look as if they broke it."""


def attack(
    store: str | Path | Run,
    factors: Sequence[float] = (1.0,),
    *,
    norm: Adversary | str | None = None,
    method: Attack | FeatureSearch | ViewAscent | None = None,
    judge: Judge = USUAL,
    limit: int | None = None,
    batch: int | None = None,
    architecture: str | None = None,
    engine: Literal["local", "ray"] = "local",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Attack every certified input of a run at multiples of its radius.

    Certificates from all views are certain: perturbed inputs are judged by all of theirs, and none may break
    up to factor 1; of the judge only the seed is used.

    Certificates of exact sampling are about inputs on the grid of the noise: perturbations are rounded to it,
    within the radius, and judged by exact sampling.

    Args:
        store: A run of `certify`, or its folder; its weights and data are where they were.
        factors: Multiples of the certified radius; distances stay strictly below it times the factor.
        norm: One of the run's norms; its first by default.
        method: The attack: an `Attack`, by default `EOTPGD()`; of views a `ViewAscent`; of noise that hides
            or replaces features, or has scales, a `FeatureSearch`, which needs no gradients.
        judge: How a perturbed input is judged; the run's own noise is never used again.
        limit: Attack only the certificates among the run's first so many inputs.
        batch: How many noisy copies have their gradients computed at once; by default the batch of the run.
        architecture: For weights that do not say it.
        engine: Where inputs are attacked: in this process, or on a Ray cluster, with the same outcome.
        workers: How many at once on the cluster; by default as many as it has room for.
        progress: Called with how many attacks are done, and how many there are.

    Raises:
        InputError: The run has no certificates against the norm, or its weights or data have changed.
    """
    run = store if isinstance(store, Run) else load(store)
    if not isinstance(run.spec, ImportedSpec) and run.spec.dataset == IN_PYTHON:
        raise InputError(
            f"{run.folder} was made in Python: its model and inputs are not stored, to be attacked."
        )
    if not factors or any(not 0 < factor < float("inf") for factor in factors):
        raise InputError(f"factors must be positive numbers such as 1.5, got {list(factors)}.", "factors")
    one_of("engine", engine, ("local", "ray"))
    if isinstance(run.spec, ViewSpec):
        return _attack_views(
            run, run.spec, factors, norm, method, judge, limit, batch, architecture, engine, workers, progress
        )
    noise = run.terms.noise if isinstance(run.spec, Spec) else None
    features = noise is not None and is_of_features(noise)
    method = _fitting(method, noise, features=features)
    if batch is not None and batch < method.copies:
        raise InputError(
            f"batch must be at least copies = {method.copies}, got {batch}; raise it, or lower copies.",
            "batch",
            "copies",
        )
    wanted = str(parse_adversary(norm)) if norm is not None else next(iter(run.norms), "")
    if not wanted:
        raise InputError(f"{run.folder} has no certificates to attack; make them with `wulff certify`.")
    run.radii(wanted)  # refuses norms that the run does not have
    measure = None if features else _measure(wanted)
    job = _job(run, judge.seed, architecture)
    if not features and not _has_gradients(job):
        raise InputError(
            f"attacks follow gradients, and {job.spec.model} is no torch module whose logits have them; "
            "attack runs of weights files, or of a module in python:FILE.py:NAME."
        )
    if rank_test(np.array([judge.n, 0]), judge.alpha) == ABSTAIN:
        raise InputError(
            f"n = {judge.n} fresh copies cannot decide at alpha {judge.alpha:g}, even if all agree; "
            "give more.",
            "n",
        )
    records = run.records[:limit]
    targets = [record for record in records if record.predict >= 0 and record.radii[wanted].radius > 0]
    done, total = 0, len(targets) * len(factors)
    outcomes: list[Outcome] = []
    for factor in factors:
        batches = _batches(targets, max(1, (batch or job.smoothed.batch) // method.copies))
        asked = (job, wanted, *([] if measure is None else [measure]), factor, method, judge)
        function, found = attacked_features if features else _attacked, dict[int, list[int]]()
        for place, some in _mapped(function, batches, asked, engine, workers):
            found[place] = some
            done += len(some)
            if progress:
                progress(done, total)
        labels = [label for place in sorted(found) for label in found[place]]
        broken = sum(label not in (-1, target.predict) for label, target in zip(labels, targets, strict=True))
        # Wrong certificates are at most binomial among all inputs; among the certified ones alone, they may
        # be more frequent than alpha.
        wrong = min(1.0, (job.spec.alpha or 0.0) + judge.alpha)
        allowed = _most_wrong(len(records), wrong) if factor <= 1 else None
        outcomes.append(Outcome(wanted, factor, len(targets), broken, labels.count(-1), allowed))
    return outcomes


def _most_wrong(inputs: int, wrong: float) -> int:
    """How many of so many certificates are wrong by chance, but for one case in very many."""
    from scipy import stats  # imported here: it takes half a second

    return int(stats.binom.isf(FALSE_ALARM, inputs, wrong))


def _attack_views(
    run: Run,
    spec: ViewSpec,
    factors: Sequence[float],
    norm: Adversary | str | None,
    method: object,
    judge: Judge,
    limit: int | None,
    batch: int | None,
    architecture: str | None,
    engine: str,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> list[Outcome]:
    """`attack_views`, with what is only for noise refused."""
    if norm is not None:
        spec.check_norms([norm])
    method = ViewAscent() if method is None else method
    if not isinstance(method, ViewAscent):
        raise InputError(f"{run.folder} is of views; attack it with a ViewAscent.", "method")
    if batch is not None or (judge.n, judge.alpha) != (USUAL.n, USUAL.alpha):
        raise InputError(f"{refused_terms(spec.views, ['n', 'alpha', 'batch'])}.", "n", "alpha", "batch")
    return attack_views(
        run,
        spec,
        factors,
        method,
        seed=judge.seed,
        limit=limit,
        architecture=architecture,
        on_cluster=engine == "ray",
        workers=workers,
        progress=progress,
    )


def _fitting(
    method: Attack | FeatureSearch | ViewAscent | None, noise: Noise | None, *, features: bool
) -> Attack | FeatureSearch:
    """The attack, which has to be one for the noise of the run."""
    if method is None:
        return FeatureSearch() if features else EOTPGD()
    if isinstance(method, ViewAscent):
        raise InputError("a ViewAscent attacks views, and this run samples noise; give EOTPGD().", "method")
    if features != isinstance(method, FeatureSearch):
        fitting = "FeatureSearch" if features else "EOTPGD"
        raise InputError(f"{type(method).__name__} does not attack {noise}; give {fitting}().", "method")
    return method


def _mapped(
    function: Callable[..., list[int]],
    batches: list[list[Record]],
    asked: tuple[Any, ...],
    engine: str,
    workers: int | None,
) -> Iterator[tuple[int, list[int]]]:
    """The place of each batch, and the labels of its perturbed inputs, as they are done."""
    if engine == "local":
        return ((place, function(batch, *asked)) for place, batch in enumerate(batches))
    job: Job = asked[0]
    model = job.smoothed.model
    on_gpu = isinstance(model, nn.Module) and device_of(model).type == "cuda"
    return spread(function, batches, *asked, workers=workers, gpu_share=float(on_gpu))


def _attacked(
    batch: list[Record],
    job: Job,
    threat: str,
    norm: Norm,
    factor: float,
    method: Attack,
    judge: Judge,
) -> list[int]:
    """The smoothed labels of perturbed inputs, -1 where `predict` abstains."""
    places = {index: place for place, index in enumerate(job.dataset.index)}
    model = job.smoothed.model
    assert isinstance(model, nn.Module)
    device = device_of(model)
    x = torch.stack([job.dataset.images[places[record.index]] for record in batch]).to(device)
    y = torch.tensor([record.predict for record in batch], device=device)
    radius = torch.tensor([factor * record.radii[threat].radius for record in batch], dtype=torch.float64)
    generator = torch.Generator(device).manual_seed(judge.seed + batch[0].index)
    adversary = method(model, job.noise, x, y, norm, radius, generator=generator)
    _check_proposal(method, adversary, x, norm, radius)
    if job.sampled.grid is not None:
        adversary = to_grid(adversary, x, norm, radius, job.sampled.grid.levels)
    index = [record.index for record in batch]
    return job.sampled.predict(adversary.cpu(), judge.n, judge.alpha, seed=judge.seed, index=index).tolist()


def _check_proposal(method: Attack, adversary: Tensor, x: Tensor, norm: Norm, radius: Tensor) -> None:
    """Refuse an attack that left its bounds: what it broke there would be no fault of a certificate."""
    inside = adversary.shape == x.shape and bool(((adversary >= 0) & (adversary <= 1)).all())
    if not inside or not bool((size(adversary.double() - x.double(), norm) < radius.to(x.device)).all()):
        raise InputError(
            f"the attack {type(method).__name__} proposed inputs outside [0, 1] or outside the radius; "
            "project them before they are returned."
        )


def _has_gradients(job: Job) -> bool:
    model = job.smoothed.model
    if not isinstance(model, nn.Module):
        return False
    x = job.dataset.images[:1].to(device_of(model), copy=True).requires_grad_()
    with torch.enable_grad():
        logits = model(x)
    return logits.ndim == 2 and logits.requires_grad


def _measure(threat: str) -> Norm:
    """How perturbations are measured; the attacks stay in the box in any case.

    Raises:
        InputError: No attack is known.
    """
    parsed = parse_threat(threat)
    norm = parsed.norm if isinstance(parsed, Box) else parsed
    if not isinstance(norm, Norm) or norm.p == 0:
        raise InputError(f"there is no attack on changed coordinates, got {threat}; give another --norm.")
    return norm


def _job(run: Run, seed: int, architecture: str | None) -> Job:
    """The run's classifier and data, which must be the ones that it was made with."""
    if not isinstance(run.spec, Spec):
        raise InputError(f"{run.folder} has no certificates to attack; make them with `wulff certify`.")
    if run.spec.seed == seed:
        raise InputError(f"the seed {seed} is the run's own; give another one, for noise that is fresh.")
    spec = dataclasses.replace(
        run.spec,
        seed=seed,
        stop=None,
        levels=run.spec.levels if run.spec.grid is None else run.spec.grid.refined(run.terms.noise).levels,
        architecture=run.spec.architecture or architecture,
        classes=run.facts.classes,
    )
    job = prepare(spec)
    check_same(run, job)
    return by_torch(job)


def _batches(records: list[Record], size: int) -> list[list[Record]]:
    return [records[start : start + size] for start in range(0, len(records), size)]
