"""Processes that tests kill: forked from one that has imported what they need, see conftest.py."""

import os
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any, cast

from wulff.cli import main
from wulff.engines import starting


def forked(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """A process that has begun to run a function of a module."""
    context = cast(Any, starting.begun_afresh("forkserver"))
    process: BaseProcess = context.Process(target=target, args=arguments)
    process.start()
    return process


def wulff(*arguments: str) -> None:
    """Run the program and print nothing."""
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (until the process ends)
    main(list(arguments))
