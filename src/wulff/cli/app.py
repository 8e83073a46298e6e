"""The program `wulff`: its verbs, and how it speaks of errors."""

import os
import sys
import warnings
from typing import Annotated, NoReturn

import typer

import wulff
from wulff.cli.console import say, warn
from wulff.cli.verbs import Verbs
from wulff.errors import WulffError

# Typer brings its own copy of click or uses the installed one; this is the base of whichever raises.
UsageProblem: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    cls=Verbs,
    help="Certified robustness by randomized smoothing: any noise, any norm.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(wulff.__version__)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; bad input gives one line on stderr and exit status 2."""
    # On a busy machine, threads that wait for each other are up to fifty times slower than one.
    threads = os.environ.get("WULFF_THREADS", "1")
    if not (threads.isdecimal() and 1 <= int(threads) <= 1024):
        raise SystemExit(_refuse(f"WULFF_THREADS must be a number from 1 to 1024, got {threads!r}."))
    _use_threads(threads)
    warnings.filterwarnings("ignore", module=r"PIL\.")  # an image is read, or refused in one line
    warnings.showwarning = lambda message, *_, **__: warn(str(message))
    try:
        code = app(args=arguments, prog_name="wulff", standalone_mode=False) or 0  # of typer.Exit
    except WulffError as error:
        code = _refuse(str(error))
    except UsageProblem as error:
        code = _refuse(f"{error.format_message().rstrip('.')}. See `wulff --help`.")  # type: ignore[attr-defined]
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            sys.stderr.close()
            raise SystemExit(0) from None
        code = _refuse(
            f"{error.filename or 'system'}: {error.strerror}; check the path, its rights and the disk."
        )
    except (MemoryError, RuntimeError) as error:
        if type(error).__name__ == "OutOfMemoryError":  # PyTorch's, of a GPU
            first = str(error).strip().partition(". ")[0]
            code = _refuse(f"{first}; use a smaller batch, or another device.")
        elif isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            code = _refuse("there is not enough memory; use a smaller batch, or fewer copies.")
        else:
            raise
    except (KeyboardInterrupt, typer.Abort):
        code = 130
        typer.echo("\nwulff: interrupted; the same command goes on where it stopped.", err=True)
    raise SystemExit(code)


def _use_threads(count: str) -> None:
    os.environ["OMP_NUM_THREADS"] = count  # for PyTorch, which is loaded when a verb needs it
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(int(count))


def _refuse(message: str) -> int:
    say(f"wulff: {' '.join(message.split())}", err=True)
    return 2
