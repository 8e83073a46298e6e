"""Processes that tests kill: forked from a server that has imported what they need, which takes seconds."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from wulff.cli import main

FORKED = multiprocessing.get_context("forkserver")
NEEDED = ["wulff.cli.train", "wulff.runs.in_python", "sklearn.datasets", "scipy.stats"]


def forked(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """A process that has begun to run a function of a module."""
    FORKED.set_forkserver_preload(NEEDED)
    process = FORKED.Process(target=target, args=arguments)
    process.start()
    return process


def wulff(*arguments: str) -> None:
    """Run the program and print nothing."""
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (until the process ends)
    main(list(arguments))
