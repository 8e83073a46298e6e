"""The reference of the command line, from the commands themselves: the words are those of `--help`."""

from typing import Any

import typer

from wulff.cli.examples import EXAMPLES
from wulff.cli.verbs import GROUPS, load

HEAD = """# Command line

These are the words of `wulff VERB --help`. `wulff --plugin MODULE VERB ...` loads a module with noises,
certificates and others of your own; `wulff --install-completion` lets your shell complete verbs and options.
Bad input gives one line on stderr and exit status 2.
"""


def page() -> str:
    """The page's text."""
    parts = [HEAD]
    for title, verbs in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [_command(verb, load(verb)) for verb in verbs]
    return "\n".join(parts)


def _command(path: str, command: Any, level: int = 3) -> str:
    """A command with its arguments, options and example; or the commands below it."""
    heading = f"{'#' * level} wulff {path}\n"
    if commands := getattr(command, "commands", None):
        return "\n".join(
            [heading, *(_command(f"{path} {name}", one, level + 1) for name, one in commands.items())]
        )
    context = typer.Context(command, info_name=f"wulff {path}")
    usage = " ".join(["wulff", path, *command.collect_usage_pieces(context)])
    records = [param.get_help_record(context) for param in command.get_params(context)]
    rows = [f"| `{name}` | {_cell(words)} |" for name, words in filter(None, records) if name != "--help"]
    table = ["| argument or option | |", "|---|---|", *rows, ""] if rows else []
    example = f"```sh\n{EXAMPLES[path]}\n```\n" if path in EXAMPLES else ""
    return "\n".join([heading, _text(command.help), f"```text\n{usage}\n```\n", example, *table])


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("<", "&lt;")


def _text(words: str | None) -> str:
    return (words or "").replace("\b", "").replace("<", "&lt;") + "\n"
