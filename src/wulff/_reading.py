"""Files that others made: damage is one line, and what a file declares is checked before it is read."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from wulff._quoting import plain
from wulff.errors import InputError, WulffError

LIMIT_VARIABLE = "WULFF_READ_LIMIT"
"""The environment variable with the gigabytes of memory that one file may need."""
DEFAULT_LIMIT = 4.0
DAMAGE = (ValueError, RecursionError)
"""What TOML, JSON and UTF-8 that are damaged, or nested without end, make their readers raise."""
AGAIN = "get the file again"


@contextlib.contextmanager
def reading(file: str | Path, kind: str, remedy: str = AGAIN) -> Generator[None]:
    """Turn whatever a decoder raises for a file into one InputError.

    Decoders raise nearly anything for wrong bytes, so that everything counts as damage; but a file that is
    missing or a folder is told apart, and one whose
    rights forbid it raises PermissionError, which names it.

    Args:
        file: What is read.
        kind: What it should be, e.g. `.npz file`.
        remedy: What to do about damage.
    """
    try:
        yield
    except (WulffError, PermissionError):  # a file whose rights forbid it is not damaged
        raise
    except FileNotFoundError:
        raise InputError(f"no {kind} at {file}; check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{file} is a folder, not a {kind}; check the path.") from None
    except MemoryError:
        raise InputError(f"there is not enough memory to read {file}; give a smaller {kind}.") from None
    except OSError as error:
        if error.errno is not None:
            raise InputError(f"{file} cannot be read: {error.strerror}; check path and disk.") from None
        raise InputError(f"{file} is not a readable {kind}: {reason(error)}; {remedy}.") from None
    except Exception as error:
        raise InputError(f"{file} is not a readable {kind}: {reason(error)}; {remedy}.") from None


def reason(error: Exception) -> str:
    """The first line of an error, short and without a full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return plain(lines[0][:200]).rstrip(".") if lines else type(error).__name__


def read_limit() -> float:
    """How many bytes of memory one file may need: $WULFF_READ_LIMIT in gigabytes, by default 4.

    Raises:
        InputError: The variable holds no positive number.
    """
    text = os.environ.get(LIMIT_VARIABLE, "")
    try:
        gigabytes = float(text) if text else DEFAULT_LIMIT
    except ValueError:
        gigabytes = 0.0
    if not gigabytes > 0:
        raise InputError(f"{LIMIT_VARIABLE} must be a positive number of gigabytes, got {text!r}.")
    return gigabytes * 1e9


def check_declared(file: str | Path, size: int) -> None:
    """Refuse a file that says that it needs more memory than allowed, before any of it is read.

    Args:
        file: The file.
        size: The bytes of memory that its content needs when it is in use.

    Raises:
        InputError: It is more than the limit.
    """
    limit = read_limit()
    if size > limit:
        raise InputError(
            f"{file} would take {size / 1e9:.3g} GB of memory, more than the limit of {limit / 1e9:g} GB; "
            f"take fewer or smaller inputs, or set {LIMIT_VARIABLE} to the gigabytes to allow."
        )
