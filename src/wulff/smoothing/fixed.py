"""The base classifier as a fixed function, whatever its owner does while votes are counted.

A certificate is about one function f. A module is not one: its dropout is active until somebody calls eval(),
and another thread may train it. So votes are counted with a private copy in evaluation mode, made for each
call, since its owner may have trained it in between. Other callables cannot be copied: the modules that they
use must be in evaluation mode. A model that changes while votes are counted is refused.
"""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from wulff.errors import InputError, WulffError
from wulff.smoothing.policy import Deployed
from wulff.smoothing.private import CHANGED, content, is_training, modules_in, private_copy, state


class Fixed:
    """A base classifier that nobody else changes, or that is refused where somebody does.

    Args:
        model: f. A module is copied, and its inputs are cast to the type of its weights; a `Deployed` one is
            such a copy; other callables are watched.
        name: What it is called in messages.

    Raises:
        InputError: A module cannot be copied, or a callable uses one in training mode.
    """

    def __init__(self, model: Callable[[Tensor], Tensor], name: str = "the model") -> None:
        self._name = name
        copied = isinstance(model, nn.Module) and not isinstance(model, Deployed)
        self._run = private_copy(model) if copied else model  # type: ignore[arg-type]  (a module)
        self._modules = modules_in(self._run, hooks=False)
        mine = {id(module) for module in self._modules}
        self._others = [module for module in modules_in(self._run) if id(module) not in mine]
        self._watched = [*self._modules, *(modules_in(model, hooks=False) if copied else ())]
        self._state = state(self._watched)
        copies = copied or isinstance(model, Deployed)
        self._theirs = self._others if copies else [*self._modules, *self._others]
        self._content = content(self._theirs)
        self._dtype = _dtype(model) if copied else None
        self._check_modes()

    def __call__(self, batch: Tensor) -> Tensor:
        """The model's answers.

        Raises:
            InputError: The model fails, or a module of it is in training mode; out of memory is passed on.
        """
        batch = batch if self._dtype is None else batch.to(self._dtype)
        # Hooks may look at modules in training mode, such as the original, as long as they do not run them.
        watch = _only_evaluating() if any(map(is_training, self._others)) else contextlib.nullcontext()
        with watch, _failing_in_one_line(self._name, batch):
            output = self._run(batch)
        self._check_modes()
        return output

    def check(self, *, at_the_end: bool = False) -> None:
        """Refuse what has changed since the start; to be called before votes are handed out.

        Args:
            at_the_end: Whether to look at all numbers of modules that are not copied: what is written to
                `weight.data` leaves no other trace.

        Raises:
            InputError: The model, or the copy, was written to.
        """
        if state(self._watched) != self._state or (at_the_end and content(self._theirs) != self._content):
            raise InputError(CHANGED)

    def _check_modes(self) -> None:
        for module in self._modules:
            _refuse_training(module)


def _dtype(model: object) -> torch.dtype | None:
    """The type of numbers that a module computes with: its inputs are cast to it, as a part of f."""
    weights = (w for module in modules_in(model, hooks=False) for w in _weights(module))
    return next((weight.dtype for weight in weights if weight.is_floating_point()), None)


def _weights(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters(recurse=False)
    yield from module.buffers(recurse=False)


def _refuse_training(module: nn.Module) -> None:
    if is_training(module):
        raise InputError(
            f"the model runs a {type(module).__name__} in training mode, in which votes are no fixed "
            "function of their inputs; call eval() on every module that it uses."
        )


@contextlib.contextmanager
def _failing_in_one_line(name: str, batch: Tensor) -> Generator[None, None, None]:
    """What a model raises, which is other people's code, as a refusal of it."""
    try:
        yield
    except (WulffError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if "can't allocate memory" in str(error):  # as PyTorch says it of a CPU
            raise
        first = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        shape = tuple(batch.shape[1:])
        raise InputError(
            f"{name} fails on inputs of shape {shape}: {type(error).__name__}: {first}."
        ) from error


@contextlib.contextmanager
def _only_evaluating() -> Generator[None, None, None]:
    """Refuse every module that this thread runs in training mode, whoever calls it."""
    thread = threading.get_ident()

    def before(module: nn.Module, args: object) -> None:
        if threading.get_ident() == thread:
            _refuse_training(module)

    handle = register_module_forward_pre_hook(before)
    try:
        yield
    finally:
        handle.remove()


@contextlib.contextmanager
def evaluating(model: Callable[[Tensor], Tensor], name: str = "the model") -> Generator[Fixed, None, None]:
    """The model as a fixed function: in evaluation mode, and without gradients for its weights.

    Raises:
        InputError: It cannot be made one, fails, or was changed meanwhile.
    """
    fixed = Fixed(model, name)
    yield fixed
    fixed.check(at_the_end=True)


def check_fixed(model: object) -> None:
    """Refuse modules that are no fixed function of one input, whatever the mode.

    Raises:
        InputError: A batch normalisation has no running statistics, or weights do not exist yet.
    """
    named: list[tuple[str, nn.Module]] = list(model.named_modules()) if isinstance(model, nn.Module) else []
    names = {id(module): f" {name!r}" for name, module in named}
    for module in modules_in(model):
        kind = type(module).__name__ + names.get(id(module), "")
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None:
            raise InputError(
                f"the {kind} has no running statistics, so that votes would depend on what else is in a "
                "batch; set track_running_stats=True and train."
            )
        if any(nn.parameter.is_lazy(weight) for weight in _weights(module)):
            raise InputError(f"the {kind} has no weights yet; run the model on an input first.")
