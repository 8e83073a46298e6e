"""Result folders of the code of Yang et al. 2020: NumPy arrays, one entry or row for each input."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from wulff import noises
from wulff._typing import FloatArray
from wulff.certificates import certified_radius
from wulff.datasets.array_files import read_npy
from wulff.errors import InputError
from wulff.norms import Norm
from wulff.runs.finished import store_finished
from wulff.runs.records import CertifiedRadius, Record
from wulff.runs.run import Run
from wulff.runs.spec import versions
from wulff.stats import ABSTAIN

NEEDED = ("preds", "labels", "prob_lb")


def import_folder(
    folder: Path, store: str | Path, norm: Norm | str, noise: str | None, about: dict[str, Any]
) -> Run:
    """Read preds.npy, labels.npy and prob_lb.npy; radii are computed anew from the probabilities.

    The folder's own radii (radius_l1.npy, ...) were evaluated in float32, some by formulas outside their
    range, and without abstention; so they are kept as printed numbers only. `prob_lb` is a Clopper-Pearson
    bound in float32, rounded to nearest: it is lowered by one unit in the last place. The training
    accuracy is taken from acc_train.npy, and args.pkl is never opened: it could run code.

    Args:
        folder: Where the arrays are.
        store: The run folder to make.
        norm: The norm of the radii.
        noise: The noise with its dimension, e.g. `uniform(sigma=0.5, dim=3072)`.
        about: More entries for the spec.

    Raises:
        InputError: An array is missing or does not fit, or the noise is not given; nothing is written.
    """
    norm = Norm.parse(norm)
    if noise is None or noises.parse(noise).dim is None:
        raise InputError(
            f"radii of {folder} are computed anew from its probabilities; give the noise with its dimension, "
            "e.g. --noise 'uniform(sigma=0.5, dim=3072)'."
        )
    law = noises.parse(noise)
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
    run: dict[str, Any] = {"task": "import", "inputs": len(records), "norms": [str(norm)], "noise": str(law)}
    if (folder / "acc_train.npy").exists():
        run["training_accuracy"] = float(_array(folder, "acc_train").flat[0])
    files = [folder / f"{name}.npy" for name in NEEDED]
    hashes = {file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    document = {"run": run | about, "hashes": hashes, "versions": versions(), "engine": {"file": str(folder)}}
    return store_finished(store, document, records)


def _array(folder: Path, name: str) -> FloatArray:
    file = folder / f"{name}.npy"
    if not file.exists():
        raise InputError(f"{folder} has no {name}.npy; it must hold {', '.join(NEEDED)} as .npy files.")
    array = read_npy(file)
    if array.dtype.kind not in "fiu" or array.size == 0 or not np.isfinite(array).all():
        raise InputError(f"{file} must hold finite numbers.")
    return array
