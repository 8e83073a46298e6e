"""Opt-in downloads: resumed where they stopped, and kept only if their checksum is the published one."""

import dataclasses
import hashlib
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from wulff.datasets.locations import home
from wulff.errors import InputError

CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class Source:
    """One file of a data set on the web, with the MD5 that its authors published."""

    url: str
    md5: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


def _sources(base: str, files: dict[str, str]) -> tuple[Source, ...]:
    return tuple(Source(base + name, md5) for name, md5 in files.items())


SOURCES: dict[str, tuple[Source, ...]] = {
    "mnist": _sources(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
    ),
    "fashion-mnist": _sources(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
    "cifar10": _sources(
        "https://www.cs.toronto.edu/~kriz/", {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}
    ),
    "svhn": _sources(
        "http://ufldl.stanford.edu/housenumbers/",
        {
            "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
            "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
        },
    ),
}
"""What can be downloaded."""


def download(name: str, progress: Callable[[str, int], None] | None = None) -> Path:
    """Get a data set from its authors' or a mirror's site into the folder in which `load` looks for it.

    Files that are there already are kept; a file that is there in part is finished.

    Args:
        name: A data set in `SOURCES`.
        progress: Called with a file's name and the bytes of it that are there.

    Raises:
        InputError: The data set cannot be downloaded, the site does not answer, or a checksum is wrong.
    """
    if name not in SOURCES:
        raise InputError(f"{name!r} cannot be downloaded; there is {', '.join(SOURCES)}.")
    folder = home() / name
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES[name]:
        file = folder / source.name
        if not file.exists():
            _fetch(source, file, progress)
        if file.name.endswith(".tar.gz"):
            with tarfile.open(file) as archive:
                archive.extractall(folder, filter="data")
    return folder


def _fetch(source: Source, file: Path, progress: Callable[[str, int], None] | None) -> None:
    part = file.with_name(f"{file.name}.part")
    there = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(source.url, headers={"Range": f"bytes={there}-"} if there else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer, part.open("ab") as output:
            if answer.status != 206:  # the site sends the whole file
                output.truncate(0)
            while chunk := answer.read(CHUNK):
                output.write(chunk)
                if progress:
                    progress(file.name, output.tell())
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: nothing is missing
            raise InputError(f"{source.url} answers {error.code} {error.reason}; try again later.") from None
    except OSError as error:
        raise InputError(
            f"{source.url} cannot be read: {error}; run the same command again to go on from there."
        ) from None
    digest = hashlib.md5(usedforsecurity=False)
    with part.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != source.md5:
        part.unlink()
        raise InputError(
            f"{source.url} has the MD5 {digest.hexdigest()}, not the published {source.md5}; "
            "it was deleted. Try again, or get the data elsewhere."
        )
    part.replace(file)
