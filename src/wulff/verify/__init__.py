"""A second program that checks the proofs: what a run claims, proven again in ball arithmetic.

It imports nothing of wulff but its errors and the loading of what is used: noises, norms, records and
inequalities are read and written here a second time, so that a fault in the prover cannot hide in the
checker. It trusts that the noise was drawn from its law, that votes were counted as recorded, and
python-flint.
"""

from typing import TYPE_CHECKING

from wulff._lazy import loaded_when_used
from wulff.errors import InputError

if TYPE_CHECKING:
    from wulff.verify.reading import read_law
    from wulff.verify.records import Finding, verify_run
    from wulff.verify.rows import radius

__all__ = ["Finding", "radius", "read_law", "verify_run"]

_look, __dir__ = loaded_when_used(
    __name__, {".reading": "read_law", ".records": "Finding verify_run", ".rows": "radius"}
)


def __getattr__(name: str) -> object:
    """A part of the checker: until one is used, python-flint need not be there."""
    try:
        return _look(name)
    except ImportError:
        raise InputError("the checker needs python-flint; install wulff[verify].") from None
