"""Plugins: modules of other packages that register noises, certificates, objectives, data sets, engines.

A Python program needs no more than to import them. The command line imports those of `--plugin MODULE`, and
those that installed packages name as entry points of the group `wulff.plugins`.
"""

import functools
import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Iterable

from wulff._quoting import shown
from wulff.errors import InputError

__all__ = [
    "GROUP",
    "installed",
    "load",
    "loaded",
]

GROUP = "wulff.plugins"
"""The group of entry points; the value of each is a module."""

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_loaded: list[str] = []


def load(modules: Iterable[str]) -> None:
    """Import modules that register what they define; the working directory is looked in last.

    Raises:
        InputError: A module is missing, fails, or registers what there is already.
    """
    for name in modules:
        if not _MODULE.fullmatch(name):
            raise InputError(
                f"a plugin is the name of a module, as in package.module, got {shown(name)}; "
                "a file is given without .py, from the folder that it is in."
            )
        if name not in _loaded:
            _import(name)
            _loaded.append(name)


def require(modules: Iterable[str]) -> None:
    """Import the plugins that a file names, if they are installed; what lies in the working directory is not.

    A file may be from anybody, and so may the modules beside it: those only its reader can ask for.

    Raises:
        InputError: One cannot be loaded.
    """
    for name in modules:
        if name in _loaded:
            continue
        if not _MODULE.fullmatch(name) or _package(name) in sys.stdlib_module_names:
            raise InputError(f"{shown(name)} is not the name of a plugin.")
        if not _is_installed(_package(name)):
            raise InputError(
                f"the plugin {name} is not installed; install it, or give it before the verb: "
                f"`wulff --plugin {name} ...`, and in Python `import {name}`."
            )
        load([name])


def installed() -> list[str]:
    """The modules that installed packages name as plugins."""
    return list(_named_on(tuple(sys.path)))


@functools.cache
def _named_on(_path: tuple[str, ...]) -> tuple[str, ...]:
    """They are looked for once: that reads a file of every package."""
    return tuple(sorted({entry.module for entry in importlib.metadata.entry_points(group=GROUP)}))


def loaded() -> tuple[str, ...]:
    """The plugins that `load` has imported, which worker processes import too."""
    return tuple(_loaded)


def _package(name: str) -> str:
    return name.partition(".")[0]


def _is_installed(package: str) -> bool:
    """Whether Python finds a package, and elsewhere than in the working directory."""
    if package in sys.modules:
        return True
    found = importlib.util.find_spec(package)
    if found is None:
        return False
    places = list(found.submodule_search_locations or [found.origin or ""])
    return all(os.path.dirname(os.path.abspath(place)) != os.getcwd() for place in places)


def _import(name: str) -> None:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)  # stays: the module may import its neighbours later, and workers look there too
    try:
        importlib.import_module(name)
    except InputError as error:
        raise InputError(f"the plugin {name} cannot be loaded: {error}") from None
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"the plugin {name} cannot be loaded: {why.rstrip('.')}; `python -c 'import {name}'` must work."
        ) from None
