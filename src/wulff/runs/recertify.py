"""Certificates anew from stored counts: another alpha, other norms, fewer samples; no model is needed."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from wulff import datasets, noises
from wulff._typing import IntArray
from wulff.errors import InputError
from wulff.norms import Norm
from wulff.runs.records import CertifiedRadius, sparse
from wulff.runs.run import Run
from wulff.smoothing import EstimationCounts, SelectionCounts, certify_counts
from wulff.stats import Anytime, check_alpha, check_sample_size


def recertify(
    run: Run,
    *,
    norms: Sequence[Norm | str] | None = None,
    alpha: float | None = None,
    n: int | None = None,
    method: str | None = None,
    seed: int = 0,
) -> Run:
    """The run that the same votes give at another alpha, against other norms, or with fewer of them.

    Args:
        run: A certification with stored counts.
        norms: By default those of the run.
        alpha: By default that of the run.
        n: How many of the n votes to use. A random subset of independent samples is a sample of that size,
            so that the certificates are as valid as those of a run with this n.
        method: One theorem, by its registry name.
        seed: Decides which votes the subset has.

    Returns:
        A run that lies in no folder of its own; `folder` is that of the votes.

    Raises:
        InputError: The run has no counts, or not of the kind that can be used again.
    """
    spec = run.spec
    if spec.get("task") != "certify" or not all("estimation" in r.counts or r.n == 0 for r in run.records):
        raise InputError(f"{run.folder} holds no counts of a certification to compute others from.")
    if spec.get("bound", "one-sided") != "one-sided":
        raise InputError(f"{run.folder} has two-sided bounds, which are not computed anew.")
    stop = Anytime(**spec["stop"]) if "stop" in spec else None
    alpha = check_alpha(spec["alpha"] if alpha is None else alpha)
    targets = [Norm.parse(norm) for norm in (norms or spec["norms"])]
    noise = run_noise(run)
    labels = [label for record in run.records for votes in record.counts.values() for label in votes]
    classes = max(labels, default=0) + 1
    selection = _dense(run, "selection", classes)
    estimation = _dense(run, "estimation", classes)
    sizes = np.array([record.n or 0 for record in run.records], dtype=np.int64)
    if n is not None and n != spec["n"]:
        if stop is not None or not 1 <= check_sample_size(n) <= spec["n"]:
            raise InputError(f"n must lie between 1 and the fixed n of the run, got {n}.")
        estimation, sizes = _thinned(run, estimation, sizes, n, seed), np.full_like(sizes, n)
    records = [dataclasses.replace(record, radii={}) for record in run.records]
    for norm in targets:
        proof = certify_counts(
            SelectionCounts(selection, spec["n0"]),
            EstimationCounts(estimation, sizes),
            noise,
            norm=norm,
            alpha=alpha,
            seed=int(spec["seed"]),
            method=method,
            stop=stop,
        )
        for i, record in enumerate(records):
            found = CertifiedRadius(float(proof.radius[i]), str(proof.method[i]), bool(proof.tight[i]))
            counts = {**record.counts, "estimation": sparse(estimation[i])}
            records[i] = dataclasses.replace(
                record,
                predict=int(proof.label[i]),
                n=int(sizes[i]),
                error=float(proof.error[i]),
                counts=counts,
                radii={**record.radii, str(norm): found},
            )
    changed = {**spec, "alpha": alpha, "n": n or spec["n"], "norms": [str(norm) for norm in targets]}
    return Run(run.folder, {**run.document, "run": changed}, records)


def run_noise(run: Run) -> noises.Noise:
    """The noise of a run, with its dimension.

    Raises:
        InputError: The run does not say its noise, or its data set is not there to tell the dimension.
    """
    if "noise" not in run.spec:
        raise InputError(f"{run.folder} does not say its noise; import the log with --noise.")
    noise = noises.parse(run.spec["noise"])
    if noise.dim is not None:
        return noise
    if "dataset" not in run.spec:
        raise InputError(f"{run.folder} does not say the dimension of its inputs; give dim= in its noise.")
    return noise.in_dim(_input_size(run.spec["dataset"]))


@functools.cache
def _input_size(dataset: str) -> int:
    return datasets.load(dataset).images[0].numel()


def _dense(run: Run, phase: str, classes: int) -> IntArray:
    votes = np.zeros((len(run.records), classes), dtype=np.int64)
    for row, record in enumerate(run.records):
        for label, count in record.counts.get(phase, {}).items():
            votes[row, label] = count
    return votes


def _thinned(run: Run, votes: IntArray, sizes: IntArray, n: int, seed: int) -> IntArray:
    """Votes of n of the samples of each input, drawn without replacement."""
    thinned = np.zeros_like(votes)
    for row, record in enumerate(run.records):
        generator = np.random.Generator(np.random.Philox(key=[seed, record.index]))
        # Outputs that are not a number voted for no class; they are one more colour in the urn.
        urn = np.append(votes[row], sizes[row] - votes[row].sum())
        thinned[row] = generator.multivariate_hypergeometric(urn, n, method="marginals")[:-1]
    return thinned
