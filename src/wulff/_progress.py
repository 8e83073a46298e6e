"""A progress bar on stderr, with time passed, time to go, and a few words."""

import contextlib
import importlib.util
import sys
from collections.abc import Generator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column


@contextlib.contextmanager
def progress_bar() -> Generator[Progress]:
    """A bar on stderr; in a notebook it moves where ipywidgets is installed, else there is its last line."""
    # On a narrow terminal words go on in a second line, and numbers stay whole.
    whole, wrapped = Column(no_wrap=True), Column(no_wrap=False)
    columns = (
        TextColumn("{task.description}", markup=False, table_column=wrapped),
        BarColumn(bar_width=24),
        MofNCompleteColumn(table_column=whole),
        TimeElapsedColumn(table_column=whole),
        TimeRemainingColumn(table_column=whole),
        TextColumn("{task.fields[words]}", markup=False, table_column=wrapped),
    )
    in_notebooks = None if importlib.util.find_spec("ipywidgets") else False
    # Kernels of notebooks ask for colours, which would be taken for a terminal that can move its cursor.
    terminal = None if sys.stderr.isatty() else False
    console = Console(stderr=True, force_jupyter=in_notebooks, force_terminal=terminal)
    with Progress(*columns, console=console) as progress:
        try:
            yield progress
        except Exception:  # a refusal is one line, without a bar
            for task in progress.tasks:
                progress.update(task.id, visible=False)
            progress.live.transient = True
            progress.console.quiet = not progress.console.is_terminal
            raise
