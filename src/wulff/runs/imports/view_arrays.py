"""Published results of views, which were all counted: folders of arrays, one row for each input.

The code of Levine & Feizi 2021 stores labels, predicted labels and radii in float32. A radius is K/levels for
a whole number K of views, and that is what it is taken for.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wulff._quoting import shown
from wulff._typing import FloatArray, IntArray
from wulff._warnings import warn
from wulff.errors import InputError
from wulff.runs.document import Facts, versions
from wulff.runs.execution import store_finished
from wulff.runs.imports.array_folders import array, find, numbers_of_inputs
from wulff.runs.records import CertifiedRadius, Record
from wulff.runs.run import Run
from wulff.runs.spec import ImportedSpec
from wulff.runs.verdicts import EXACT
from wulff.stats import ABSTAIN
from wulff.views import Splitting, Views, label_and_slack

NEAR = 0.01
"""Radii in units of 1/levels are whole numbers, but for the rounding of float32."""


def import_views(
    folder: Path, store: str | Path, norms: Sequence[str], views: Views, about: ImportedSpec
) -> Run:
    """Read labels with counts of all views by class, or with predicted_labels and radius_l1.

    Args:
        folder: Where the arrays are, as .npy files or as numbers in text.
        store: The run folder to make.
        norms: The norm of the radii, if it was given.
        views: The views.
        about: What else is known.

    Raises:
        InputError: An array is missing or does not fit; nothing is written.
    """
    if not isinstance(views, Splitting):
        raise InputError(f"published logs of views are of splitting, got {views}.", "noise")
    if set(norms) - {views.threat}:
        raise InputError(
            f"{views} certifies against {views.threat}, got {norms[0]}; leave the norm out.", "norm"
        )
    if about.n is not None or about.alpha is not None:
        raise InputError(
            f"all {views.splits} views were counted, so that there is no n and no alpha; leave them out.",
            *("n", "alpha"),
        )
    names = ["labels", *(["counts"] if find(folder, "counts") else ["predicted_labels", "radius_l1"])]
    labels = _whole(folder, "labels", 0)
    predicted, slack = _of_counts(folder, views) if "counts" in names else _of_radii(folder, views)
    if len(predicted) != len(labels):
        raise InputError(f"{folder} has labels of {len(labels)} inputs, and results of {len(predicted)}.")
    printed = array(folder, "radius_l1") if "radius_l1" in names else None
    seconds = float(array(folder, "time_per").flat[0]) if find(folder, "time_per") else 0.0
    index = numbers_of_inputs(folder, len(labels))
    records = [
        Record(
            index=int(index[i]),
            label=int(labels[i]),
            predict=int(predicted[i]),
            seconds=seconds,
            radii={
                views.threat: CertifiedRadius(
                    radius=views.reach(int(slack[i]), (1,)).radius,
                    method=EXACT if printed is None else "published",
                    tight=False,
                    published=None if printed is None else max(float(printed[i]), 0.0),
                )
            },
        )
        for i in range(len(labels))
    ]
    files = [file for name in (*names, "idx") if (file := find(folder, name)) is not None]
    hashes = {file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    facts = Facts(inputs=len(records), hashes=hashes, versions=versions(), engine={"file": str(folder)})
    return store_finished(store, dataclasses.replace(about, norms=(views.threat,)), facts, records)


def _of_counts(folder: Path, views: Splitting) -> tuple[IntArray, IntArray]:
    """Labels, and how many views may change, by exact counts."""
    votes = _whole(folder, "counts", 0)
    if votes.ndim != 2 or (votes.sum(axis=1) > views.splits).any():
        raise InputError(
            f"{folder}: counts must have shape (inputs, classes) and add up to {views.splits} at most, the "
            f"views of {views}."
        )
    return label_and_slack(votes)


def _of_radii(folder: Path, views: Splitting) -> tuple[IntArray, IntArray]:
    """The same by published radii; where they are negative, nothing is certified."""
    predicted, radii = _whole(folder, "predicted_labels", ABSTAIN), array(folder, "radius_l1")
    if radii.shape != predicted.shape:
        raise InputError(f"{folder} has {len(predicted)} predicted_labels, and {len(radii)} radii.")
    steps = radii.astype(np.float64) * views.levels
    whole = steps.round().astype(np.int64)
    strange = radii[(np.abs(steps - whole) > NEAR) | (whole > views.splits // 2)]
    if strange.size:
        raise InputError(
            f"{folder}: radii must be multiples of 1/{views.levels} and at most those of {views.splits // 2} "
            f"of the {views.splits} views of {views}, got {shown(float(strange[0]))}."
        )
    below = np.flatnonzero(whole < 0)
    if len(below):
        warn(
            f"{len(below):,} radii of {folder} are negative, first of row {below[0]}: they are 0 in the run, "
            "where nothing is certified."
        )
    return predicted, np.maximum(np.where(predicted == ABSTAIN, 0, whole), 0)


def _whole(folder: Path, name: str, least: int) -> IntArray:
    values: FloatArray = array(folder, name)
    wrong = values[(values < least) | (values % 1 != 0)]
    if wrong.size:
        raise InputError(f"{folder}: {name} must be whole numbers from {least}, got {wrong.flat[0]:g}.")
    return values.astype(np.int64)
