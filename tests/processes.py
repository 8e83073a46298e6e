"""Processes that tests start and kill: forked from one that has imported what they need, see conftest.py."""

import os
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
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


class Program:
    """The program in a process of its own, which prints into two files of a folder."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.files = folder / "stdout", folder / "stderr"
        for file in self.files:
            file.write_text("")
        self.process = forked(_printing, self.files, arguments)

    def first_line(self) -> str:
        """What it says first, as soon as it does."""
        while self.process.is_alive() and "\n" not in self.files[0].read_text():
            time.sleep(0.01)
        return self.files[0].read_text().partition("\n")[0]

    def ended(self) -> tuple[int | None, str, str]:
        """Its exit code, and what it has printed, when it has ended."""
        self.process.join(60)
        out, err = (file.read_text() for file in self.files)
        return self.process.exitcode, out, err


def _printing(files: tuple[Path, Path], arguments: tuple[str, ...]) -> None:
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY), number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    main(list(arguments))
