"""The program `wulff`: its verbs, and how it speaks of errors."""

import io
import os
import re
import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer

import wulff
from wulff import plugins
from wulff._quoting import shown
from wulff.cli.console import say, warn
from wulff.cli.verbs import Verbs
from wulff.errors import InputError, WulffError

# Typer brings its own copy of click or uses the installed one; this is the base of whichever raises.
UsageProblem: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    cls=Verbs,
    help="Certified robustness by randomized smoothing: any noise, any norm.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _load_plugins(context: typer.Context, modules: list[str] | None) -> list[str]:
    """Load plugins before the verb's own options are read: those that are installed, then those given."""
    if context.resilient_parsing:  # the shell asks for completions
        return modules or []
    for name in plugins.installed():
        try:
            plugins.load([name])
        except InputError as error:
            warn(f"{error} It is installed with a package; mend or uninstall that.")
    plugins.load(modules or [])
    return modules or []


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE",
            callback=_load_plugins,
            help="Import a module that registers noises, certificates, objectives, data sets, architectures "
            "or engines; may be repeated, and stands before the verb.",
        ),
    ] = None,
) -> None:
    if version:
        typer.echo(wulff.__version__)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; bad input gives one line on stderr and exit status 2."""
    threads = os.environ.get("WULFF_THREADS", "1")
    if not (re.fullmatch("[0-9]{1,4}", threads) and 1 <= int(threads) <= 1024):
        raise SystemExit(_refuse(f"WULFF_THREADS must be a number from 1 to 1024, got {shown(threads)}."))
    _name_everything()
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(int(threads))
    warnings.filterwarnings("ignore", module=r"PIL\.")  # an image is read, or refused in one line
    warnings.showwarning = _warn
    try:
        _check_text(sys.argv[1:] if arguments is None else arguments)
        code = app(args=arguments, prog_name="wulff", standalone_mode=False) or 0  # of typer.Exit
    except WulffError as error:
        code = _refuse(str(error))
    except UsageProblem as error:
        code = _refuse(f"{_problem(error)}. See `wulff --help`.")
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
    except ValueError as error:
        if "embedded null" not in str(error):
            raise
        code = _refuse("a path in one of the files holds a zero character, which no path can; mend the file.")
    except (KeyboardInterrupt, typer.Abort):
        code = 130
        typer.echo("\nwulff: interrupted; the same command goes on where it stopped.", err=True)
    raise SystemExit(code)


def _name_everything() -> None:
    """Names of files that are not UTF-8 are printed with escapes instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _check_text(arguments: list[str]) -> None:
    """Refuse what is not UTF-8: what is given is written into files that are."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise InputError(f"{shown(argument)} is not UTF-8; rename the file, or use a link.") from None


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    warn(str(message))


def _problem(error: Any) -> str:
    """What is wrong with an option, with the value that was given."""
    problem: str = error.format_message().replace("Value error, ", "").rstrip(".")
    found: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    value = found[0].get("input") if found else None
    return problem if value is None or repr(value) in problem else f"{problem}, got {shown(value)}"


def _refuse(message: str) -> int:
    say(f"wulff: {' '.join(map(_cut, message.split()))}", err=True)
    return 2


def _cut(word: str) -> str:
    """A word of bearable length: paths and numbers may have thousands of characters."""
    return word if len(word) <= 400 else f"{word[:200]}...{word[-50:]} ({len(word):,} characters)"
