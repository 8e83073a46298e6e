"""A second program that checks the proofs: what a run claims, proven again in ball arithmetic.

It imports nothing of wulff but the names of its errors: noises, norms, records and inequalities are read and
written here a second time, so that a fault in the prover cannot hide in the checker. It trusts that the noise
was drawn from its law, that votes were counted as recorded, and python-flint.
"""

from wulff.errors import InputError

try:
    import flint  # noqa: F401
except ImportError:
    raise InputError("the checker needs python-flint; install wulff[verify].") from None

from wulff.verify.reading import read_any_law as read_law
from wulff.verify.records import Finding, verify_run
from wulff.verify.rows import radius

__all__ = ["Finding", "radius", "read_law", "verify_run"]
