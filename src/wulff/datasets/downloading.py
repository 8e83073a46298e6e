"""Opt-in downloads: resumed where they stopped, and kept only if their checksum is the published one."""

import contextlib
import gzip
import hashlib
import http.client
import io
import os
import re
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Generator
from pathlib import Path

from wulff import _files
from wulff.datasets.locations import home
from wulff.datasets.sources import SOURCES, Source
from wulff.errors import InputError

CHUNK = 1 << 20
NOTHING_MISSING = 416
"""How a site answers a request for what follows after the end of a file."""

Progress = Callable[[str, int], None]


def download(name: str, progress: Progress | None = None) -> Path:
    """Get a data set from its authors' or a mirror's site into the folder in which `load` looks for it.

    Files that are there already are kept; a file that is there in part is finished. Where another process
    gets the same data set, its end is waited for.

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
    # What is there already can lie on a disk that is read-only.
    lock = _files.locked(home() / f".{name}.lock") if os.access(folder, os.W_OK) else None
    try:
        for source in SOURCES[name]:
            file = folder / source.name
            if not file.exists():
                _fetch(source, file, progress)
            elif _md5(file) != source.md5:
                raise InputError(
                    f"{file} is not the published file: its MD5 differs; delete it to get it again."
                )
            if file.name.endswith(".tar.gz"):
                _unpack(file, folder)
    finally:
        if lock is not None:
            lock.release()
    return folder


def _fetch(source: Source, file: Path, progress: Progress | None) -> None:
    """Get a file, or what is missing of it."""
    path = file.with_name(f"{file.name}.part")
    with _files.appending(path) as part:
        there = part.seek(0, io.SEEK_END)
        if source.size is not None and there > source.size:
            part.truncate(0)
            there = 0
        if there != source.size:
            _receive(source, there, part, progress)
    found = _md5(path)
    if found != source.md5:
        path.unlink()
        raise InputError(
            f"{source.url} has the MD5 {found}, not the published {source.md5}; "
            "it was deleted. Try again, or get the data elsewhere."
        )
    os.replace(path, file)


def _receive(source: Source, there: int, part: io.FileIO, progress: Progress | None) -> None:
    """Get what follows after the bytes that are there, or everything where the site sends only that."""
    try:
        with _told(source):
            headers = {"Range": f"bytes={there}-"} if there else {}
            answer = urllib.request.urlopen(urllib.request.Request(source.url, headers=headers), timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == NOTHING_MISSING and there:
            return
        raise InputError(
            f"{source.url} answers {error.code} {_words(error.reason)}; try again later."
        ) from None
    with answer:
        if _first_byte(answer, there) != there:
            part.truncate(0)
            if there and answer.status == 206:  # a part that was not asked for
                return _receive(source, 0, part, progress)
            there = 0
        announced = answer.headers.get("Content-Length") or ""
        whole = there + int(announced) if re.fullmatch(r"[0-9]{1,18}", announced) else None
        while chunk := _read(source, answer):
            there += len(chunk)
            if source.size is not None and there > source.size:
                part.truncate(0)
                raise InputError(
                    f"{source.url} sends more than the {source.size:,} bytes that were published; it was "
                    "deleted. Try again later, or get the data elsewhere."
                )
            _files.write_all(part, chunk)
            if progress:
                progress(source.name, there)
    whole = source.size if whole is None else whole
    if whole is not None and there < whole:
        raise InputError(
            f"{source.url} cannot be read: it broke off after {there:,} of {whole:,} bytes; run the same "
            "command again to go on from there."
        )


def _first_byte(answer: http.client.HTTPResponse, asked: int) -> int:
    """At which byte of the file an answer begins; a part is the one asked for where nothing else is said."""
    if answer.status != 206:
        return 0
    said = re.fullmatch(r"bytes ([0-9]{1,18})-.*", answer.headers.get("Content-Range") or f"bytes {asked}-")
    return int(said[1]) if said else -1


def _read(source: Source, answer: http.client.HTTPResponse) -> bytes:
    with _told(source):
        return answer.read(CHUNK)


@contextlib.contextmanager
def _told(source: Source) -> Generator[None]:
    """One line for whatever goes wrong on the net."""
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a redirect to no address
        raise InputError(
            f"{source.url} cannot be read: {_words(error)}; run the same command again to go on from there."
        ) from None


def _words(said: object) -> str:
    """What a site said, as one line that a terminal can print."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(said)).split()) or type(said).__name__


def _unpack(file: Path, folder: Path) -> None:
    """Unpack an archive; every file is there whole or not at all, and nothing leaves the folder."""
    try:
        with tarfile.open(file) as archive:
            for entry in archive:
                member = tarfile.data_filter(entry, str(folder))
                content = archive.extractfile(member) if member.isreg() else None
                target = folder / member.name
                if content is not None:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if not (target.is_file() and target.stat().st_size == member.size):
                        with _files.replacing(target) as output:
                            shutil.copyfileobj(content, output, CHUNK)
                elif not member.isdir():
                    raise InputError(f"{file} holds the link {member.name!r}; get the data elsewhere.")
    except tarfile.FilterError as error:
        raise InputError(f"{file} must stay in its folder, but: {_words(error)}.") from None
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(f"{file} cannot be unpacked: {_words(error)}; delete it to get it again.") from None


def _md5(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
