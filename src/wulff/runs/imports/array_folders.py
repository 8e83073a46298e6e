"""Arrays in a folder, as .npy files or as numbers in text."""

from pathlib import Path

import numpy as np

from wulff._quoting import shown
from wulff._reading import check_declared, reading
from wulff._typing import FloatArray
from wulff.datasets.array_files import read_npy
from wulff.errors import InputError

NEEDED = ("preds", "labels", "prob_lb")
ENDINGS = (".npy", ".txt", ".csv")


def numbers_of_inputs(folder: Path, inputs: int) -> FloatArray:
    """Which inputs they are: those of idx, or the first ones."""
    if find(folder, "idx") is None:
        return np.arange(inputs, dtype=np.float64)
    index = array(folder, "idx")
    if index.shape != (inputs,) or (index < 0).any() or (index % 1 != 0).any() or len(set(index)) < inputs:
        raise InputError(f"{folder}: idx must hold {inputs} different whole numbers of at least 0.")
    return index


def find(folder: Path, name: str) -> Path | None:
    """The file of an array; None where there is none."""
    files = [file for ending in ENDINGS if (file := folder / f"{name}{ending}").is_file()]
    if len(files) > 1:
        raise InputError(f"{folder} has {files[0].name} and {files[1].name}; leave one of them out.")
    return files[0] if files else None


def array(folder: Path, name: str) -> FloatArray:
    """The numbers in the file of an array; refused where it is missing, or holds something else."""
    file = find(folder, name)
    if file is None:
        raise InputError(
            f"{folder} has no {name}.npy; it must hold {', '.join(NEEDED)} as .npy files or text; or counts "
            "and labels; of views also predicted_labels, labels and radius_l1."
        )
    found = read_npy(file) if file.suffix == ".npy" else _text(file)
    if found.dtype.kind not in "fiu" or found.size == 0 or not np.isfinite(found).all():
        raise InputError(f"{file} must hold finite numbers.")
    return found


def _text(file: Path) -> FloatArray:
    """Numbers in lines, separated by commas, tabs or spaces."""
    with reading(file, "file of numbers"):
        check_declared(file, 25 * file.stat().st_size)
        lines = file.read_text(encoding="utf-8-sig").replace(",", " ").splitlines()
    rows = [line.split() for line in lines if line.strip()]
    if len({len(row) for row in rows}) > 1:
        raise InputError(f"{file} must have as many numbers in each line.")
    try:
        found = np.array([[float(cell) for cell in row] for row in rows])
    except ValueError as error:
        raise InputError(f"{file} must hold numbers: {shown(str(error))}.") from None
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found
