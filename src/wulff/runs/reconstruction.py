"""Counts that were not recorded: inferred from published radii, or projected to larger samples.

They serve figures that ask "what if", and every figure that uses them says so: nothing is certified by them.
"""

import dataclasses

import numpy as np
from scipy import special, stats

from wulff._checks import whole_number
from wulff.errors import InputError
from wulff.noises import Gaussian
from wulff.norms import Norm
from wulff.runs.records import Record
from wulff.runs.run import Run, check_run
from wulff.runs.spec import Spec
from wulff.stats import ABSTAIN, error_upper_bound


def has_counts(run: Run) -> bool:
    """Whether the votes of every input are stored."""
    return bool(check_run(run).records) and isinstance(run.spec, Spec)


def reconstruct(run: Run) -> Run:
    """An imported log with the votes that its rounded radii suggest.

    A Gaussian l2 radius r at alpha and n was computed from the error bound 1 - Φ(r / sigma), and that from a
    number of misses; here, from the one whose radius is nearest to the printed one. Abstained inputs get
    evenly split votes.

    Raises:
        InputError: The log was imported without its noise, n or alpha, or the noise is not Gaussian.
    """
    noise, n, alpha = check_run(run).noise, run.spec.n, run.alpha
    if noise is None or n is None or alpha is None or str(Norm.L2) not in run.norms:
        raise InputError(
            f"{run.name} has no counts; to infer them, import its l2 log with --noise, --n and --alpha."
        )
    if not isinstance(noise, Gaussian):
        raise InputError(f"votes can be inferred from radii for gaussian noise only, not for {noise}.")
    printed = run.radii(Norm.L2, as_published=True)
    # The bound of m misses is at least the error from here on; the printed radius belongs to m or to m - 1.
    most = stats.binom.ppf(alpha, n, special.ndtr(-printed / noise.sigma)).astype(int)
    fewer = np.maximum(most - 1, 0)
    above, below = (-noise.sigma * special.ndtri(error_upper_bound(m, n, alpha)) for m in (fewer, most))
    misses = np.where(np.abs(above - printed) < np.abs(below - printed), fewer, most)
    records: list[Record] = []
    for record, missed in zip(run.records, misses.tolist(), strict=True):
        label = record.label if record.predict == ABSTAIN else record.predict
        missed = n - n // 2 if record.predict == ABSTAIN else missed
        votes = {label: n - missed, label + 1: missed}
        counts = {"selection": {label: 1}, "estimation": votes}
        radii = {str(Norm.L2): record.radii[str(Norm.L2)]}
        records.append(dataclasses.replace(record, n=n, counts=counts, radii=radii))
    spec = Spec(
        model=run.name,
        noise=f"gaussian(sigma={noise.sigma!r})",
        n0=1,
        n=n,
        alpha=alpha,
        norms=(str(Norm.L2),),
    )
    classes = max(label for record in records for label in record.counts["estimation"]) + 1
    facts = dataclasses.replace(run.facts, dim=1, classes=classes)
    return dataclasses.replace(run, spec=spec, records=records, facts=facts)


def project(run: Run, n: int) -> Run:
    """The run as if n samples of each input had voted in the same shares; misses are rounded up."""
    n, records = whole_number("n", n), []
    for record in check_run(run).records:
        votes, size = record.counts["estimation"], record.n or 1
        scaled = {label: count * n // size for label, count in votes.items()}
        counts = {**record.counts, "estimation": scaled}
        records.append(dataclasses.replace(record, n=n, counts=counts))
    return dataclasses.replace(run, spec=dataclasses.replace(run.spec, n=n), records=records)
