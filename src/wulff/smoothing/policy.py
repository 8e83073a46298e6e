"""How a base classifier is run: device, precision, memory layout, compilation.

All of these belong to the classifier: another precision or compiler is another function, with other labels
for a few noisy inputs in a thousand. A certificate is about the network that was run.
"""

import contextlib
import dataclasses
import os
import shutil
import warnings
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from wulff._checks import flag, instance
from wulff._quoting import shown
from wulff.errors import InputError
from wulff.smoothing.private import private_copy

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
"""Precisions of weights and activations."""

SHORT_NAMES = {"fp32": "float32", "bf16": "bfloat16"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DevicePolicy:
    """How a base classifier is run; what differs in any of these is another classifier.

    Inputs and noise are float32 whatever the policy: their sum is then cast to the dtype of the weights, and
    that cast is part of the classifier.

    Attributes:
        device: Where it runs: `cpu`, `cuda`, `cuda:1`, ...
        dtype: `float32`, or `bfloat16` for weights and activations of 16 bits. `fp32` and `bf16` stand
            for them.
        compile: Whether it goes through `torch.compile`; on a CPU with frozen weights, which needs a C++
            compiler. It is compiled for full batches, to which all others are padded.
        channels_last: Whether images and weights keep the channels of a pixel together.

    Raises:
        InputError: The dtype is not known, the device cannot be used, or there is no C++ compiler.
    """

    device: str = "cpu"
    dtype: str = "float32"
    compile: bool = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        for name in ("device", "dtype"):
            instance(name, getattr(self, name), str, "a name")
        for name in ("compile", "channels_last"):
            flag(name, getattr(self, name))
        object.__setattr__(self, "dtype", full_dtype(self.dtype))
        if self.compile:
            check_compiler(use_device(self.device))

    def apply(self, model: Callable[[Tensor], Tensor]) -> "Deployed":
        """The classifier that is run: a copy of the model, in evaluation mode; the model stays as it is.

        Raises:
            InputError: The model is no `nn.Module`, so that its weights cannot be copied.
        """
        if not isinstance(model, nn.Module):
            raise InputError(
                f"a device policy needs an nn.Module, got {type(model).__name__}; other functions run as "
                "they are, without policy=."
            )
        return Deployed(model, self)

    def identity(self) -> dict[str, Any]:
        """What defines the classifier and its noise, for the record.

        All CPUs count as one. GPUs of another model draw other noise from the same seed, and have other
        kernels: a run is not resumed on them.
        """
        device = use_device(self.device)
        gpu = {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
        return dataclasses.asdict(self) | {"device": device.type} | gpu


class Deployed(nn.Module):
    """A copy of a model, run as a policy says: float32 in, logits or labels out."""

    def __init__(self, model: nn.Module, policy: DevicePolicy) -> None:
        super().__init__()
        self.policy = policy
        self.dtype = DTYPES[policy.dtype]
        self.memory_format = torch.channels_last if policy.channels_last else torch.preserve_format
        module = private_copy(model).to(use_device(policy.device), self.dtype)
        self.module = module.to(memory_format=self.memory_format)  # pyright: ignore[reportCallIssue]
        self._compiled: dict[tuple[object, ...], Callable[[Tensor], Tensor]] = {}
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Nothing: it is always in evaluation mode."""
        return super().train(False)

    def forward(self, batch: Tensor) -> Tensor:
        """The outputs for float32 inputs of shape (rows, ...)."""
        if not self.policy.compile:
            return self._run(batch)
        # Each of these makes PyTorch compile anew, which must never happen under its own limits.
        kind = (batch.shape, batch.is_inference(), torch.is_inference_mode_enabled(), torch.is_grad_enabled())
        if kind in self._compiled:
            return self._compiled[kind](batch)
        with compiling(freezing=batch.device.type == "cpu"):
            self._compiled[kind] = torch.compile(self._run, dynamic=False)
            return self._compiled[kind](batch)

    def _run(self, batch: Tensor) -> Tensor:
        layout = self.memory_format if batch.ndim == 4 else torch.preserve_format
        return cast(Tensor, self.module(batch.to(self.dtype, memory_format=layout)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_compiled": {}}  # machine code stays in its process


def full_dtype(name: str) -> str:
    """The dtype of that name, short or in full; others are refused."""
    full = SHORT_NAMES.get(name, name) if isinstance(name, str) else name
    if not isinstance(full, str) or full not in DTYPES:
        names = " or ".join(f"{full} ({short})" for short, full in SHORT_NAMES.items())
        raise InputError(f"dtype must be {names}, got {shown(name)}.", "dtype")
    return full


def use_device(name: str) -> torch.device:
    """The device of that name; refuses what cannot be used here."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()  # fails for what is not there, or holds no numbers
        return device
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(
            f"cannot use the device {name!r} here; use cpu, or a device that PyTorch finds."
        ) from None


def batch_matters(device_type: str, *, compiled: bool) -> bool:
    """Whether the size of a batch decides the outputs' last digits, and so belongs to the classifier.

    Compiled kernels are made for one size, and a GPU's libraries choose theirs by it. There all batches are
    filled up to the same size.
    """
    return compiled or device_type != "cpu"


def can_compile(device: torch.device) -> bool:
    """Whether models can be compiled for a device: a CPU needs a C++ compiler."""
    return device.type == "cuda" or (device.type == "cpu" and _compiler() is not None)


def check_compiler(device: torch.device) -> None:
    """Refuse to compile for a CPU where there is no C++ compiler."""
    if device.type == "cpu" and not _compiler():
        raise InputError(
            "compiling for a CPU needs a C++ compiler, but none was found; install g++ or clang++ or set "
            "CXX, or leave --compile out."
        )


def _compiler() -> str | None:
    names = [os.environ.get("CXX"), "g++", "clang++", "c++"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


@contextlib.contextmanager
def compiling(*, freezing: bool) -> Generator[None, None, None]:
    """Compilation that works or says why not, in one line.

    Freezing makes constants of the weights, so that they can be folded and packed. PyTorch compiles the same
    code at most eight times, for however many models, and then quietly runs it uncompiled: not here. Its
    warnings are for its own authors.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch._dynamo.config as dynamo  # imported here: they take seconds
        import torch._inductor.config as inductor
        from torch._dynamo.exc import TorchDynamoException
        from torch._inductor.exc import CppCompileError

        limits = cast(
            AbstractContextManager[object],
            dynamo.patch(recompile_limit=2**20, fail_on_recompile_limit_hit=True),
        )
        try:
            with limits, inductor.patch(freezing=freezing):
                yield
        except (TorchDynamoException, CppCompileError) as error:
            first = str(error).strip().partition("\n")[0] or type(error).__name__
            raise InputError(f"the model cannot be compiled here: {first}; leave --compile out.") from error
