"""How worker processes begin: afresh, since a fork of a process with running threads may hang."""

import multiprocessing
import sys
from multiprocessing.context import BaseContext
from typing import Literal

Start = Literal["spawn", "forkserver"]

PRELOADED = ["wulff.engines.processes"]
"""What is loaded once for all workers that are forked; a program may add to it before the first begins."""


def begun_afresh(start: Start | None = None) -> BaseContext:
    """The context of processes that share nothing with this one.

    Args:
        start: `forkserver` forks them from a process that has loaded PyTorch and done nothing else; with
            `spawn` each loads it, which takes seconds. By default the former on Linux, where that is safe.
    """
    context = multiprocessing.get_context(start or ("forkserver" if sys.platform == "linux" else "spawn"))
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(PRELOADED)
    return context
