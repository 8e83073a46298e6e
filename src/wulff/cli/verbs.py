"""The verbs by what they are for. To list them, their modules are read and not loaded."""

import ast
import importlib
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from wulff.cli.verb import Verb

GROUPS = {
    "Radii, plans and limits": ["radius", "noises", "plan", "advise", "limits"],
    "Models": ["quickstart", "download", "train"],
    "Runs": ["certify", "predict", "recertify", "merge", "sweep", "import"],
    "Reports": ["report", "compare", "ls", "plot"],
    "Checks": ["verify", "attack", "audit"],
    "Deployment": ["serve"],
}

_MODULES = {"import": "import_log"}


def summary(verb: str) -> str:
    """The first line of a verb's help, without loading what the verb needs."""
    name = _MODULES.get(verb, verb)
    module = ast.parse(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    if name in functions:
        return (ast.get_docstring(functions[name]) or "").partition("\n")[0]
    words = (ast.get_docstring(module) or "").partition(": ")[2]  # `wulff plot`: figures of ...
    return words[:1].upper() + words[1:]


def load(verb: str) -> Any:
    """The command of a verb, or its group of commands."""
    name = _MODULES.get(verb, verb)
    module = importlib.import_module(f"wulff.cli.{name}")
    if hasattr(module, "app"):
        return typer.main.get_group(module.app)  # also where there is one command in it
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(verb, cls=Verb)(getattr(module, name))
    return typer.main.get_command(alone)


class Verbs(TyperGroup):
    """The verbs as commands of the program."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [verb for verbs in GROUPS.values() for verb in verbs]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return load(cmd_name) if cmd_name in self.list_commands(ctx) else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, verbs in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(verb, summary(verb)) for verb in verbs])
