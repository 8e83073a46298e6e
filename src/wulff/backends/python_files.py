"""Models that a user's own Python code makes: `python:FILE.py:NAME` and `python:package.module:NAME`."""

import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
from torch import nn

from wulff.backends.base import Classifier, first_line, identity_of_module
from wulff.backends.functions import DecodedModule
from wulff.errors import InputError
from wulff.models import weights

_WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name of a state dict."""


def load_object(source: str) -> Any:
    """What a name in a Python file or module stands for, made by calling it if it is a factory.

    A class or function that needs no arguments is called; a module, an estimator or any other function is
    returned as it is. Code in the file is run: it is the user's own.

    Args:
        source: `FILE.py:NAME` or `package.module:NAME`.

    Raises:
        InputError: The file, module or name is missing, a class needs arguments, or the code fails.
    """
    place, colon, name = source.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise InputError(f"python:{source} does not name an object; write python:FILE.py:NAME.")
    module = _file_module(Path(place)) if place.endswith(".py") else _named_module(place)
    if not hasattr(module, name):
        defined = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise InputError(f"{place} defines no {name!r}; it has {', '.join(defined[:8]) or 'no callables'}.")
    found = getattr(module, name)
    if inspect.isclass(found) and not _is_factory(found):
        raise InputError(
            f"{name} in {place} is a class whose arguments nobody gives; write a function without arguments "
            f"that returns {name}(...), and name that."
        )
    if not _is_factory(found):
        return found
    try:
        return found()
    except (Exception, SystemExit) as error:
        raise InputError(f"{name}() in {place} fails: {_said(error)}.") from error


def _is_factory(found: Any) -> bool:
    if isinstance(found, nn.Module) or not (inspect.isclass(found) or inspect.isroutine(found)):
        return False
    try:
        parameters = inspect.signature(found).parameters.values()
    except ValueError:  # some functions written in C
        return False
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(p.default is not p.empty for p in parameters if p.kind not in variadic)


def _file_module(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"there is no file {path}.")
    full = path.resolve()
    name = f"wulff_user_{path.stem}_{hashlib.sha256(str(full).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, full)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(full.parent))  # so that it can import its neighbours
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InputError(f"{path} fails: {_said(error)}.") from error
    finally:
        sys.path.remove(str(full.parent))
    cloudpickle.register_pickle_by_value(module)  # worker processes do not know the file
    return module


def _named_module(name: str) -> ModuleType:
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(f"cannot import {name}: {first_line(error)}; write python:FILE.py:NAME.") from None
    except (Exception, SystemExit) as error:
        raise InputError(f"{name} fails: {_said(error)}.") from error
    finally:
        sys.path.remove("")


def _said(error: BaseException) -> str:
    """What user's code raised, in one line."""
    if isinstance(error, SystemExit):
        return "it ends the process; keep what a script does under `if __name__ == '__main__':`"
    return f"{type(error).__name__}: {first_line(error)}"


def filled(classifier: Classifier, path: Path, source: str) -> Classifier:
    """A classifier whose module has the state dict in a file; its identity is that of these weights.

    Raises:
        InputError: It is no module, or the weights are missing or do not fit.
    """
    module = classifier.function
    if isinstance(module, DecodedModule):
        module = module.module
    if not isinstance(module, nn.Module):
        raise InputError(f"weights are for modules, and {source} is none.", "weights")
    state, _ = weights.read(path)
    own = module.state_dict()
    for wrapper in _WRAPPERS:
        if all(key.startswith(wrapper) and key not in own for key in state):
            state = {key.removeprefix(wrapper): value for key, value in state.items()}
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        last = str(error).strip().splitlines()[-1].strip()
        raise InputError(f"the weights at {path} do not fit the model: {last}", "weights") from None
    return dataclasses.replace(classifier, identity=identity_of_module(module))
