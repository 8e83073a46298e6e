"""Packages whose public names are loaded when they are first used, so that a verb loads what it needs."""

import importlib
import sys
from collections.abc import Callable, Mapping


def loaded_when_used(
    package: str, names: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The `__getattr__` and the `__dir__` of a package, for the public names of each of its modules.

    Args:
        package: The package's name.
        names: The names, with spaces between, by module, as in an import inside the package: ".curves".
    """
    home = {name: module for module, defined in names.items() for name in defined.split()}

    def look(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(home[name], package), name)
        setattr(sys.modules[package], name, found)
        return found

    return look, lambda: sorted(home)
