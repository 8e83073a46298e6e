"""`wulff download`: get a data set from the web."""

from typing import Annotated

import typer

from wulff import datasets
from wulff._progress import progress_bar


def download(
    name: Annotated[str, typer.Argument(help=f"A data set: {', '.join(datasets.SOURCES)}.")],
) -> None:
    """Download a data set, or finish a download; its checksums are those that its authors published."""
    typer.echo(fetch(name))


def fetch(name: str) -> str:
    """Download with a bar; returns the folder."""
    with progress_bar() as progress:
        task = progress.add_task(f"downloading {name}", total=None, words="")
        folder = datasets.download(
            name, lambda file, size: progress.update(task, words=f"{file}: {size / 1e6:.0f} MB")
        )
    return str(folder)
