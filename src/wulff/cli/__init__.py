"""The command line: one file per verb; it parses, calls the public API and prints."""

import os
from typing import NoReturn

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; bad input gives one line on stderr and exit status 2."""
    # NumPy's BLAS and PyTorch start as many threads as this says when they are loaded. On a busy machine,
    # threads that wait for each other are up to fifty times slower than one.
    os.environ["OMP_NUM_THREADS"] = os.environ.get("WULFF_THREADS", "1")

    from wulff.cli import app

    app.main(arguments)
