"""A second program that checks the proofs: what a run claims, proven again in ball arithmetic.

It imports nothing of wulff but the names of its errors: noises, norms, records and inequalities are read and
written here a second time, so that a fault in the prover cannot hide in the checker. It trusts that the noise
was drawn from its law, that votes were counted as recorded, and python-flint.
"""

import importlib
from typing import TYPE_CHECKING

from wulff.errors import InputError

if TYPE_CHECKING:
    from wulff.verify.reading import read_law
    from wulff.verify.records import Finding, verify_run
    from wulff.verify.rows import radius

__all__ = ["Finding", "radius", "read_law", "verify_run"]

_MODULE_OF = {"Finding": "records", "radius": "rows", "read_law": "reading", "verify_run": "records"}


def __getattr__(name: str) -> object:
    """A part of the checker: until one is used, python-flint need not be there."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import flint  # noqa: F401
    except ImportError:
        raise InputError("the checker needs python-flint; install wulff[verify].") from None
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
