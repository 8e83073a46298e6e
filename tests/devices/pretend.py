"""A pretend GPU, for machines without one: its tensors say that they are elsewhere, and live in this memory.

Every operation is computed on the CPU, after a check of what a CUDA device would refuse: tensors or
generators of two devices in one operation, and indices on the GPU into a tensor that is not. Whatever would
make the program wait for a GPU is counted in `waits`, by operation and line. Speed, rounding and the random
numbers of a real GPU are not pretended.

`install` changes PyTorch for the whole process and has to come before wulff is imported: use it in a process
of its own. Inference mode becomes `no_grad`, with the same numbers, since tensors of this kind need it.
"""

import collections
import contextlib
import traceback
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretend"
INDEXING = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")
MOVING = ("aten::copy_", "aten::_to_copy")
READ = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal", "aten::_unique2")

waits: collections.Counter[str] = collections.Counter()
"""What would have waited for the GPU, and where; copies to it count unless they are non-blocking."""

_CPUGenerator = torch.Generator
_generators: dict[int, torch.Generator] = {}


class _Generator(_CPUGenerator):
    """A generator of the pretend GPU; it draws what a CPU's would."""

    @property
    def device(self) -> torch.device:  # pyright: ignore[reportIncompatibleVariableOverride]
        return torch.device(NAME, 0)


class _AnyGenerator(_CPUGenerator):
    """`torch.Generator` with one more device."""

    def __new__(cls, device: Any = "cpu") -> torch.Generator:
        if torch.device(device).type != NAME:
            return _CPUGenerator(device)
        generator = _Generator()
        _generators[generator._cdata] = generator  # operations get a bare generator, which is known by this
        return generator


class Elsewhere(Tensor):
    """A tensor of the pretend GPU; `here` is where its numbers are."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> "Elsewhere":
        out = Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=torch.device(NAME, 0),
        )
        out.here = here
        return out

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore[reportAssignmentType]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    @property
    def data(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.detach()

    @data.setter
    def data(self, new: "Elsewhere") -> None:
        Tensor.data.__set__(self, new)  # type: ignore[attr-defined]
        self.here = new.here

    def __getitem__(self, index: Any) -> Tensor:
        index = torch.tensor(index, device=NAME) if isinstance(index, list) else index
        return Tensor.__getitem__(self, index)


class Pretend(TorchDispatchMode):
    """Within this, the device `pretend` exists."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def install() -> None:
    """Make the device known; once in a process, before wulff is imported."""
    _setup_privateuseone_for_python_backend(NAME)
    torch.Generator = _AnyGenerator  # type: ignore[misc]
    torch.inference_mode = lambda mode=True: torch.no_grad() if mode else contextlib.nullcontext()  # type: ignore[misc]
    tensor = torch.tensor

    def tensor_anywhere(data: Any, *, device: Any = None, **options: Any) -> Tensor:
        return tensor(data, **options) if device is None else tensor(data, **options).to(device)

    torch.tensor = tensor_anywhere


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = func._schema.name
    leaves = tree_leaves((args, kwargs))
    far = [leaf for leaf in leaves if isinstance(leaf, Elsewhere)]
    near = [leaf for leaf in leaves if isinstance(leaf, Tensor) and not isinstance(leaf, Elsewhere)]
    generators = [leaf for leaf in leaves if isinstance(leaf, _CPUGenerator)]
    target = kwargs.get("device")
    goes_far = bool(far) if target is None else torch.device(target).type == NAME
    goes_far = isinstance(args[0], Elsewhere) if name == "aten::copy_" else goes_far
    if any((generator._cdata in _generators) != goes_far for generator in generators):
        raise RuntimeError(f"{name} at {_line()}: the generator is on another device")
    if far and near and name not in MOVING:
        _check_devices(name, args, near)
    _count_waits(name, args, kwargs, far, near, goes_far)
    here_args, here_kwargs = tree_map(_here, (args, kwargs))
    if target is not None:
        here_kwargs["device"] = "cpu"
    out = func(*here_args, **here_kwargs)
    if not goes_far:
        return out
    own = {id(tensor.here): tensor for tensor in far}  # what is changed in place stays the same object
    shared = {id(tensor) for tensor in near}

    def elsewhere(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        if id(leaf) in own:
            return own[id(leaf)]
        return Elsewhere(leaf.clone() if id(leaf) in shared else leaf)

    return tree_map(elsewhere, out)


def _here(leaf: Any) -> Any:
    return leaf.here if isinstance(leaf, Elsewhere) else leaf


def _check_devices(name: str, args: Any, near: list[Tensor]) -> None:
    if name in INDEXING:
        if not isinstance(args[0], Elsewhere):
            raise RuntimeError(f"{name} at {_line()}: indices on the GPU into a tensor that is not")
    elif any(tensor.ndim for tensor in near):  # single numbers may come from the CPU
        raise RuntimeError(f"{name} at {_line()}: tensors of two devices")


def _count_waits(
    name: str, args: Any, kwargs: dict[str, Any], far: list[Elsewhere], near: list[Tensor], goes_far: bool
) -> None:
    blocking = not (args[2] if name == "aten::copy_" and len(args) > 2 else kwargs.get("non_blocking"))
    reads = far and name in READ
    moves = name in MOVING and ((near and goes_far and blocking) or (far and not goes_far))
    masks = name in INDEXING and any(index is not None and index.dtype == torch.bool for index in args[1])
    if reads or moves or (name in INDEXING and far and (near or masks)):
        waits[f"{name} at {_line()}"] += 1


def _line() -> str:
    for frame in reversed(traceback.extract_stack()):
        if "/wulff/" in frame.filename and "/tests/" not in frame.filename:
            return f"{frame.filename.rpartition('/wulff/')[2]}:{frame.lineno}"
    return "the test"
