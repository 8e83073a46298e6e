"""Result folders of the code of Yang et al. 2020, and of those after them: arrays, one row for each input."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from wulff import noises
from wulff._typing import FloatArray
from wulff.certificates import certified_radius
from wulff.errors import InputError
from wulff.norms import Threat, parse_threat
from wulff.runs.document import Facts, versions
from wulff.runs.execution import store_finished
from wulff.runs.imports.array_folders import NEEDED, array, find, numbers_of_inputs
from wulff.runs.records import CertifiedRadius, Record
from wulff.runs.run import Run
from wulff.runs.spec import ImportedSpec
from wulff.stats import ABSTAIN, error_upper_bound


def import_folder(folder: Path, store: str | Path, norm: Threat | str, about: ImportedSpec) -> Run:
    """Read preds, labels and prob_lb, or labels and counts; radii are computed anew from the probabilities.

    The folder's own radii (radius_l1.npy, ...) were evaluated in float32, some by formulas outside their
    range, and without abstention; so they are kept as printed numbers only. `prob_lb` is a Clopper-Pearson
    bound in float32, rounded to nearest: it is lowered by one unit in the last place. From `counts`, of one
    sample by class, the bound is computed here, at alpha divided by the number of classes, since the same
    sample chose the label. `idx`, where there is one, says which inputs they are. The training accuracy is
    taken from acc_train, and args.pkl is never opened: it could run code.

    Args:
        folder: Where the arrays are, as .npy files or as numbers in text.
        store: The run folder to make.
        norm: The norm of the radii, perhaps in the box.
        about: What else is known: the noise with its dimension, e.g. `uniform(sigma=0.5, dim=3072)`; for
            counts also alpha, and n where votes are missing.

    Raises:
        InputError: An array is missing or does not fit, or the noise is not given; nothing is written.
    """
    norm = parse_threat(norm)
    law = None if about.noise is None else noises.parse(about.noise)
    if law is None or law.dim is None:
        raise InputError(
            f"radii of {folder} are computed anew from its probabilities; give the noise with its dimension, "
            "e.g. --noise 'uniform(sigma=0.5, dim=3072)'."
        )
    counted = find(folder, "counts") is not None
    labels, votes = array(folder, "labels"), array(folder, "counts" if counted else "preds")
    if votes.ndim != 2 or labels.shape != votes.shape[:1]:
        raise InputError(
            f"the arrays of {folder} do not fit: {'counts' if counted else 'preds'} must have shape (inputs, "
            "classes), labels and prob_lb (inputs,)."
        )
    wrong = labels[~np.isin(labels, range(votes.shape[1]))]
    if wrong.size:
        raise InputError(
            f"{folder}: labels must be whole numbers from 0 to {votes.shape[1] - 1}, as "
            f"{'counts' if counted else 'preds'} has {votes.shape[1]} columns, got {wrong[0]}."
        )
    index = numbers_of_inputs(folder, len(labels))
    error = _from_counts(folder, votes, about) if counted else _from_bounds(folder, votes)
    # Where two classes share the lead, it is not known which of them the bound is about.
    error[(votes == votes.max(axis=1, keepdims=True)).sum(axis=1) > 1] = 1.0
    proof = certified_radius(law, error, norm)
    predicted = np.where(proof.method == "abstain", ABSTAIN, votes.argmax(axis=1))
    file = folder / f"radius_{norm}.npy"
    printed = array(folder, file.stem) if file.exists() else None
    if printed is not None and printed.shape != labels.shape:
        raise InputError(f"{file} has {len(printed)} radii for {len(labels)} inputs.")
    records = [
        Record(
            index=int(index[i]),
            label=int(labels[i]),
            predict=int(predicted[i]),
            seconds=0.0,
            error=float(error[i]),
            radii={
                str(norm): CertifiedRadius(
                    radius=float(proof.radius[i]),
                    method=str(proof.method[i]),
                    tight=bool(proof.tight[i]),
                    published=None if printed is None else max(float(printed[i]), 0.0),
                )
            },
        )
        for i in range(len(labels))
    ]
    accuracy = None
    if find(folder, "acc_train") is not None:
        accuracy = float(array(folder, "acc_train").flat[0])
    spec = dataclasses.replace(about, norms=(str(norm),), training_accuracy=accuracy)
    names = ("counts", "labels", "idx") if counted else (*NEEDED, "idx")
    files = [file for name in names if (file := find(folder, name)) is not None]
    hashes = {file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    facts = Facts(inputs=len(records), hashes=hashes, versions=versions(), engine={"file": str(folder)})
    return store_finished(store, spec, facts, records)


def _from_bounds(folder: Path, shares: FloatArray) -> FloatArray:
    """Upper bounds on errors from published lower bounds on probabilities, lowered by their rounding."""
    probability = array(folder, "prob_lb")
    if probability.shape != shares.shape[:1]:
        raise InputError(
            f"the arrays of {folder} do not fit: preds must have shape (inputs, classes), labels and prob_lb "
            "(inputs,)."
        )
    outside = probability[~((probability >= 0) & (probability <= 1))]
    if outside.size:
        raise InputError(f"{folder}: prob_lb must lie in [0, 1], got {outside[0]}.")
    lowered = np.nextafter(probability.astype(np.float32), np.float32(0)).astype(np.float64)
    return np.maximum(1 - lowered, 2.0**-53)


def _from_counts(folder: Path, votes: FloatArray, about: ImportedSpec) -> FloatArray:
    """Upper bounds on errors from the counts of one sample, which chose the label as well."""
    if about.alpha is None:
        raise InputError(
            f"{folder} has counts; give alpha, with which their bounds may be wrong: --alpha 0.001."
        )
    wrong = votes[(votes < 0) | (votes % 1 != 0)]
    if wrong.size:
        raise InputError(f"{folder}: counts must be whole numbers of at least 0, got {wrong[0]:g}.")
    cast = votes.sum(axis=1)
    n = np.full(len(votes), about.n) if about.n is not None else cast
    if (cast > n).any() or (n < 1).any():
        raise InputError(
            f"{folder}: counts must add up to n, from 1, got {int(cast.max())} of n = {about.n}."
        )
    misses = (n - votes.max(axis=1)).astype(np.int64)
    return np.asarray(error_upper_bound(misses, n.astype(np.int64), about.alpha / votes.shape[1]))
