"""One verb: what its arguments are called in Python is written as its options where it is refused."""

import re
from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand, TyperGroup

from wulff.cli.examples import EXAMPLES
from wulff.errors import InputError


class Verb(TyperCommand):
    """A command whose refusals name options: `--dim` where Python says `dim`."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise InputError(as_options(str(error), error.parameters, option_names(self))) from None

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if example := EXAMPLES.get(ctx.command_path.partition(" ")[2]):
            with formatter.section("Example"):
                formatter.write_text(example)


class Group(TyperGroup):
    """A verb with verbs of its own, whose summaries are shown whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, (command.help or "").partition("\n")[0]) for name, command in self.commands.items()]
            )


def option_names(command: Any) -> dict[str, str]:
    """The options of a command by the names of their parameters."""
    found = {
        param.name: max(param.opts, key=len) for param in command.params if param.param_type_name == "option"
    }
    return {name.rstrip("_"): option for name, option in found.items()}


def as_options(message: str, parameters: Iterable[str], options: dict[str, str]) -> str:
    """The message with parameters, such as dim or levels=16, written as options where there are such."""
    for parameter in parameters:
        option = options.get(parameter) or options.get(parameter.removesuffix("s"))
        if option is None:
            continue
        words = parameter.replace("_", "[_ ]")
        named = rf"(?<![\w'’.-])(?:the |a )?{words}(?![\w'’(-])"
        message = re.sub(rf"{named}=(?=\w)", f"{option} ", message)
        message = re.sub(rf"{named}=?", option, message)
    return message
