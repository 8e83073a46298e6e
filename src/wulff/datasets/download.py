"""Opt-in downloads: resumed where they stopped, and kept only if their checksum is the published one."""

import hashlib
import http.client
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from wulff.datasets.locations import home
from wulff.datasets.sources import SOURCES, Source
from wulff.errors import InputError

CHUNK = 1 << 20


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
        elif _md5(file) != source.md5:
            raise InputError(f"{file} is not the published file: its MD5 differs; delete it to get it again.")
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
                output.seek(0)
                output.truncate()
            whole = output.tell() + int(answer.headers.get("Content-Length", 0))
            while chunk := answer.read(CHUNK):
                output.write(chunk)
                if progress:
                    progress(file.name, output.tell())
            if output.tell() < whole:
                raise OSError(f"it broke off after {output.tell():,} of {whole:,} bytes")
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: nothing is missing
            raise InputError(f"{source.url} answers {error.code} {error.reason}; try again later.") from None
    except (OSError, http.client.HTTPException) as error:
        raise InputError(
            f"{source.url} cannot be read: {error}; run the same command again to go on from there."
        ) from None
    found = _md5(part)
    if found != source.md5:
        part.unlink()
        raise InputError(
            f"{source.url} has the MD5 {found}, not the published {source.md5}; "
            "it was deleted. Try again, or get the data elsewhere."
        )
    part.replace(file)


def _md5(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
