"""Result folders of the code of Yang et al. 2020: NumPy arrays, one entry or row for each input."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from wulff import noises
from wulff._typing import FloatArray
from wulff.certificates import certified_radius
from wulff.datasets.array_files import read_npy
from wulff.errors import InputError
from wulff.norms import Norm
from wulff.runs.document import Facts, versions
from wulff.runs.execution import store_finished
from wulff.runs.records import CertifiedRadius, Record
from wulff.runs.run import Run
from wulff.runs.spec import ImportedSpec
from wulff.stats import ABSTAIN

NEEDED = ("preds", "labels", "prob_lb")


def import_folder(folder: Path, store: str | Path, norm: Norm | str, about: ImportedSpec) -> Run:
    """Read preds.npy, labels.npy and prob_lb.npy; radii are computed anew from the probabilities.

    The folder's own radii (radius_l1.npy, ...) were evaluated in float32, some by formulas outside their
    range, and without abstention; so they are kept as printed numbers only. `prob_lb` is a Clopper-Pearson
    bound in float32, rounded to nearest: it is lowered by one unit in the last place. The training
    accuracy is taken from acc_train.npy, and args.pkl is never opened: it could run code.

    Args:
        folder: Where the arrays are.
        store: The run folder to make.
        norm: The norm of the radii.
        about: What else is known: the noise with its dimension, e.g. `uniform(sigma=0.5, dim=3072)`.

    Raises:
        InputError: An array is missing or does not fit, or the noise is not given; nothing is written.
    """
    norm = Norm.parse(norm)
    law = None if about.noise is None else noises.parse(about.noise)
    if law is None or law.dim is None:
        raise InputError(
            f"radii of {folder} are computed anew from its probabilities; give the noise with its dimension, "
            "e.g. --noise 'uniform(sigma=0.5, dim=3072)'."
        )
    shares, labels, probability = (_array(folder, name) for name in NEEDED)
    if shares.ndim != 2 or labels.shape != shares.shape[:1] or probability.shape != labels.shape:
        raise InputError(
            f"the arrays of {folder} do not fit: preds must have shape (inputs, classes), labels and prob_lb "
            "(inputs,)."
        )
    outside = probability[~((probability >= 0) & (probability <= 1))]
    if outside.size:
        raise InputError(f"{folder}: prob_lb must lie in [0, 1], got {outside[0]}.")
    wrong = labels[~np.isin(labels, range(shares.shape[1]))]
    if wrong.size:
        raise InputError(
            f"{folder}: labels must be whole numbers from 0 to {shares.shape[1] - 1}, as preds has "
            f"{shares.shape[1]} columns, got {wrong[0]}."
        )
    lowered = np.nextafter(probability.astype(np.float32), np.float32(0)).astype(np.float64)
    # Where two classes share the lead, it is not known which of them prob_lb is about.
    tied = (shares == shares.max(axis=1, keepdims=True)).sum(axis=1) > 1
    error = np.where(tied, 1.0, np.maximum(1 - lowered, 2.0**-53))
    proof = certified_radius(law, error, norm)
    predicted = np.where(proof.method == "abstain", ABSTAIN, shares.argmax(axis=1))
    file = folder / f"radius_{norm}.npy"
    printed = _array(folder, file.stem) if file.exists() else None
    if printed is not None and printed.shape != labels.shape:
        raise InputError(f"{file} has {len(printed)} radii for {len(labels)} inputs.")
    records = [
        Record(
            index=i,
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
    if (folder / "acc_train.npy").exists():
        accuracy = float(_array(folder, "acc_train").flat[0])
    spec = dataclasses.replace(about, norms=(str(norm),), training_accuracy=accuracy)
    files = [folder / f"{name}.npy" for name in NEEDED]
    hashes = {file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    facts = Facts(inputs=len(records), hashes=hashes, versions=versions(), engine={"file": str(folder)})
    return store_finished(store, spec, facts, records)


def _array(folder: Path, name: str) -> FloatArray:
    file = folder / f"{name}.npy"
    if not file.exists():
        raise InputError(f"{folder} has no {name}.npy; it must hold {', '.join(NEEDED)} as .npy files.")
    array = read_npy(file)
    if array.dtype.kind not in "fiu" or array.size == 0 or not np.isfinite(array).all():
        raise InputError(f"{file} must hold finite numbers.")
    return array
