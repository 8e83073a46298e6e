"""The reference of Python: a page for each package, from the docstrings of its public names."""

import importlib
import inspect

import griffe

import wulff

PACKAGES = [name for name in wulff.__all__ if inspect.ismodule(getattr(wulff, name))]


def pages() -> dict[str, str]:
    """The pages by their paths in the site."""
    return {"reference/wulff.md": _first_page()} | {f"reference/{name}.md": _page(name) for name in PACKAGES}


def undocumented() -> list[str]:
    """Public names without a docstring."""
    source = griffe.load("wulff", search_paths=[inspect.getfile(wulff).rpartition("/wulff/")[0]])
    return [
        f"{module.__name__}.{name}"
        for module in (wulff, *(importlib.import_module(f"wulff.{package}") for package in PACKAGES))
        for name in module.__all__
        if not name.startswith("__")
        and not source[f"{module.__name__}.{name}".removeprefix("wulff.")].docstring
    ]


def _page(package: str) -> str:
    """Everything that a package offers; constants come last."""
    module = importlib.import_module(f"wulff.{package}")
    parts = [f"# wulff.{package}", inspect.cleandoc(module.__doc__ or "")]
    names = sorted(module.__all__, key=lambda name: not callable(getattr(module, name)))
    return "\n\n".join([*parts, *(f"::: wulff.{package}.{name}" for name in names)]) + "\n"


def _first_page() -> str:
    """What `import wulff` gives: links to the packages, and what no package offers."""
    elsewhere = {
        id(getattr(module, name)): f"wulff.{module.__name__.removeprefix('wulff.')}.{name}"
        for module in (importlib.import_module(f"wulff.{package}") for package in PACKAGES)
        for name in module.__all__
    }
    listed, own = [], []
    for name in wulff.__all__:
        value = getattr(wulff, name)
        summary = inspect.cleandoc(value.__doc__ or "").partition("\n")[0]
        if name in PACKAGES:
            listed.append(f"- [`wulff.{name}`]({name}.md): {summary}")
        elif not name.startswith("__") and id(value) in elsewhere:
            listed.append(f"- [`wulff.{name}`][{elsewhere[id(value)]}]: {summary}")
        else:
            own.append(f"::: wulff.{name}")
    parts = ["# wulff", inspect.cleandoc(wulff.__doc__ or ""), "\n".join(listed), *own]
    return "\n\n".join(parts) + "\n"
