"""Files that are the old ones or the whole new ones, whenever a process ends or a disk fills.

Nothing is written through a link: whoever else may write to a folder cannot have another file changed.
"""

import contextlib
import errno
import io
import os
import secrets
import stat
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from filelock import FileLock, Timeout

from wulff.errors import InputError, RunError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

LOCK = ".lock"
_OWN = os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@contextlib.contextmanager
def replacing(path: str | Path) -> Generator[BinaryIO]:
    """A file beside `path` to write to, which takes its place when the block ends without an error.

    It has the rights of the file that it replaces, or else those of any new file.

    Raises:
        InputError: The path is a link, or no file.
        OSError: The file cannot be written; it names the path, and the old file is as it was.
    """
    path = Path(path)
    refuse_link(path)
    old = path.stat() if path.exists() else None
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise InputError(f"{path} is not a file; give another name to write to.")
    if old is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    beside = path.with_name(f".wulff-{secrets.token_hex(6)}.new")
    try:
        descriptor = os.open(beside, _OWN | os.O_RDWR | os.O_EXCL, 0o666)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    raw = _Raw(descriptor, "wb")
    file = io.BufferedWriter(raw)
    try:
        yield file
        file.flush()
        os.fsync(descriptor)
        if old is not None:
            os.chmod(beside, stat.S_IMODE(old.st_mode))
        os.replace(beside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        cause = raw.error or error
        if isinstance(cause, OSError) and cause.filename in (None, beside, str(beside)):
            raise OSError(cause.errno, cause.strerror, str(path)) from error
        raise
    finally:
        with contextlib.suppress(OSError):  # what could not be written was said above
            file.close()


def write(path: str | Path, content: str | bytes) -> None:
    """Write a whole file; see `replacing`."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def appending(path: Path) -> io.FileIO:
    """A file to append to, without a buffer; made where it does not exist.

    Raises:
        InputError: The path is a link, or no file.
    """
    refuse_link(path)
    file = io.FileIO(
        os.open(path, _OWN | os.O_RDWR | os.O_APPEND | getattr(os, "O_NONBLOCK", 0), 0o666), "a+b"
    )
    file.name = str(path)  # errors name it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InputError(f"{path} is not a file; remove it.")
    return file


def write_all(file: io.FileIO, content: bytes) -> None:
    """Write to a file without a buffer, which takes a part where the disk has no more room."""
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[file.write(rest) or 0 :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(file.name)) from None


def refuse_link(path: Path) -> None:
    """Raise InputError where a path that is to be written is a link."""
    if path.is_symlink():
        raise InputError(f"{path} is a link, which is never written through; remove it.")


@contextlib.contextmanager
def made(folder: Path) -> Generator[None]:
    """A folder, made where there is none; what was made is removed if the block fails and leaves it empty."""
    new = absent(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        remove_made(new)
        raise


def absent(folder: Path) -> list[Path]:
    """Those of a folder and the ones that it lies in which are not there, the innermost first."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def remove_made(folders: list[Path]) -> None:
    """Remove folders that were made, the innermost first, if that one is empty but for its lock."""
    with contextlib.suppress(OSError):
        if folders and {path.name for path in folders[0].iterdir()} <= {LOCK}:
            (folders[0] / LOCK).unlink(missing_ok=True)
            for path in folders:
                path.rmdir()


def claim(folder: Path) -> FileLock:
    """Lock a folder for this process, and remove what a killed one has left half-written there.

    Raises:
        RunError: Another process has the folder.
        InputError: The lock, or a half-written file, is a link.
    """
    try:
        lock = locked(folder / LOCK, timeout=0)
    except Timeout:
        raise RunError(f"{folder} is being written by another process; wait for it to end.") from None
    try:
        remove_left(folder)
    except BaseException:
        lock.release()
        raise
    return lock


def locked(path: Path, timeout: float = -1) -> FileLock:
    """The lock at a path, which this process has now; by default it waits for another to let it go."""
    refuse_link(path)
    lock = FileLock(path)
    lock.acquire(timeout=timeout)
    return lock


def remove_left(folder: Path) -> None:
    """Remove what a killed process has left half-written in a folder that this process has locked."""
    for left in sorted(folder.glob(".*.new")):
        refuse_link(left)
        left.unlink()


class _Raw(io.FileIO):
    """A file that remembers why it could not be written; some writers raise something else then."""

    error: OSError | None = None

    def write(self, content: "Buffer", /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            self.error = error
            raise

    def fileno(self) -> int:
        """Refused: what is written past this object could fail without a reason."""
        raise io.UnsupportedOperation("write to this file through its methods")
