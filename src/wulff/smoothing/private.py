"""Private copies of modules, and the modules that a callable uses."""

import contextlib
import copy
import dis
import functools
import hashlib
import inspect
import types
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from wulff.errors import InputError

MOST_OBJECTS = 10_000
"""Modules are looked for in so many objects around a callable, the nearest first."""

CHANGED = (
    "the model changed while votes were counted, so that they are not those of one classifier; give a copy "
    "that nothing else trains or runs: copy.deepcopy(model)."
)


def private_copy(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode, without gradients for its weights, that nobody else changes.

    Raises:
        InputError: The model cannot be copied, or was changed meanwhile.
    """
    theirs = modules_in(model)
    before = state(theirs)
    try:
        with torch.inference_mode(False), torch.no_grad():
            # Old-style weight_norm keeps weights that are computed from others: they leave their graph.
            tensors = [t for module in theirs for t in vars(module).values() if isinstance(t, Tensor)]
            memo = {id(tensor): tensor.detach().clone() for tensor in tensors if not tensor.is_leaf}
            private = copy.deepcopy(model, memo)
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(
            f"the model cannot be copied ({reason}), but votes need a copy that nobody changes; call "
            "model.eval() and give the function `lambda x: model(x)` instead."
        ) from error
    if state(theirs) != before:
        raise InputError(CHANGED)
    with contextlib.suppress(NotImplementedError):  # exported programs have no modes
        private.eval()
    shared = {id(module) for module in theirs}  # by way of functions, which are not copied
    for module in modules_in(private):
        if id(module) not in shared:
            if is_training(module):
                module.training = False
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)
    return private


def is_training(module: nn.Module) -> bool:
    """Whether a module is in training mode; frozen TorchScript has no modes."""
    return getattr(module, "training", False)


def state(modules: Sequence[nn.Module]) -> list[tuple[object, ...]]:
    """Where the weights of modules are, and how often they were written: the same if nothing changes."""
    found: list[tuple[object, ...]] = []
    for module in modules:
        caches = getattr(module, "_non_persistent_buffers_set", ())
        found += [(id(child),) for child in module.children()]
        found += [_written(parameter) for parameter in module.parameters(recurse=False)]
        found += [
            _written(buffer) for name, buffer in module.named_buffers(recurse=False) if name not in caches
        ]
    return found


def content(modules: Sequence[nn.Module]) -> bytes:
    """A digest of all weights of modules, and of the buffers that are stored with them."""
    digest = hashlib.blake2b()
    for module in modules:
        caches = getattr(module, "_non_persistent_buffers_set", ())
        named = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in named:
            if name not in caches and tensor.layout == torch.strided and tensor.device.type != "meta":
                flat = tensor.detach().contiguous().reshape(-1).cpu()
                digest.update(flat.view(torch.uint8).numpy().data)
    return digest.digest()


def _written(tensor: Tensor) -> tuple[object, ...]:
    place = tensor.data_ptr() if tensor.layout == torch.strided else None
    return place, tensor.dtype, None if tensor.is_inference() else tensor._version


def modules_in(model: object, *, hooks: bool = True) -> list[nn.Module]:
    """The modules that a callable uses: itself, those in its attributes, and those that functions refer to.

    Args:
        model: The callable.
        hooks: Whether those count that only the forward hooks of modules refer to.
    """
    found: list[nn.Module] = []
    seen: dict[int, object] = {}  # keeps what it has seen, so that no other object gets its id
    waiting = deque([model])
    while waiting:
        item = waiting.popleft()
        if id(item) in seen or isinstance(item, _PLAIN):
            continue
        if isinstance(item, nn.Module):
            found.append(item)
        elif len(seen) - len(found) > MOST_OBJECTS:
            continue
        seen[id(item)] = item
        waiting.extend(_parts_of_module(item, hooks) if isinstance(item, nn.Module) else _parts(item))
    return found


_PLAIN = (Tensor, str, bytes, int, float, type(None), type, types.ModuleType, types.BuiltinFunctionType)


def _parts(item: Any) -> Iterable[object]:
    """The objects that another one is made of, as far as modules may be among them."""
    if isinstance(item, dict):
        return cast(dict[object, object], item).values()
    if isinstance(item, list | tuple | set | frozenset | deque):
        return cast(Iterable[object], item)
    if isinstance(item, functools.partial):
        return item.func, item.args, item.keywords
    if isinstance(item, types.MethodType):
        return item.__self__, item.__func__
    if isinstance(item, types.FunctionType):
        return _parts_of_function(item)
    if _is_library(type(item)):
        return ()
    return [*getattr(item, "__dict__", {}).values(), inspect.getattr_static(type(item), "__call__", None)]


def _parts_of_module(module: nn.Module, hooks: bool) -> Iterator[object]:
    yield inspect.getattr_static(type(module), "forward", None)
    for name, value in vars(module).items():
        if not name.endswith("_hooks") or (hooks and name in ("_forward_hooks", "_forward_pre_hooks")):
            yield value


def _is_library(definition: Any) -> bool:
    return str(definition.__module__).partition(".")[0] in ("torch", "numpy")


def _parts_of_function(function: types.FunctionType) -> Iterator[object]:
    if _is_library(function):
        return
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # not assigned yet
            yield cell.cell_contents
    for name in _global_names(function.__code__):
        yield function.__globals__.get(name)


def _global_names(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)
