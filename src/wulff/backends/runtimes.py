"""Modules of PyTorch that another runtime computes: exported, opened, and compared with the module itself."""

import importlib.util
import logging
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from wulff.backends import onnx_export, openvino_models
from wulff.backends.base import Function, first_line
from wulff.errors import InputError

Runtime = Literal["torch", "onnxruntime", "openvino"]
"""What computes a module's outputs."""
AskedRuntime = Literal["auto", Runtime]
"""The same, where `auto` leaves it open."""

NEAR = 1e-3
"""By how much outputs may differ from the module's, as a part of the largest: only near ties move then."""

_CONVERT: dict[Runtime, Callable[[Any], Function]] = {
    "onnxruntime": onnx_export.converted,
    "openvino": openvino_models.converted,
}
_PACKAGES: dict[Runtime, tuple[str, ...]] = {
    "onnxruntime": onnx_export.PACKAGES,
    "openvino": openvino_models.PACKAGES,
}


def installed() -> list[Runtime]:
    """The runtimes but for torch whose packages are there."""
    return [
        name for name, needs in _PACKAGES.items() if all(importlib.util.find_spec(part) for part in needs)
    ]


def exported(
    module: nn.Module, noisy: Tensor, runtime: Runtime, calibration: Tensor | None = None
) -> Function:
    """A module as a function that a runtime computes on the CPU.

    Args:
        module: The module, in evaluation mode.
        noisy: Noisy copies of inputs, on which both must agree.
        runtime: Which one.
        calibration: Noisy training inputs, to quantise to 8 bits by, which gives another network; None for
            single precision.

    Raises:
        InputError: A package is missing, the module cannot be exported, or the outputs differ.
    """
    try:
        with _quiet(), torch.no_grad():
            free = ({0: torch.export.Dim("rows", min=1)},)
            program = torch.export.export(module, (noisy[:2],), dynamic_shapes=free, strict=False)
            if calibration is not None:
                return openvino_models.quantised(program, calibration)
            function = _CONVERT[runtime](program)
    except InputError:
        raise
    except Exception as error:  # of the module's code, or of what it uses
        raise InputError(
            f"the model cannot be exported for {runtime}: {first_line(error)}; leave the runtime out.",
            "runtime",
        ) from None
    with torch.inference_mode():
        expected, found = module(noisy), function(noisy)
    same = expected.shape == found.shape
    if same and expected.is_floating_point():
        difference = float((found - expected).abs().nan_to_num(0.0).max())
        same = difference <= NEAR * float(expected.abs().nan_to_num(0.0, 0.0, 0.0).max())
    elif same:
        same = torch.equal(found, expected)
    if not same:
        raise InputError(
            f"{runtime} computes other outputs than the model itself; leave the runtime out.", "runtime"
        )
    return function


@contextmanager
def _quiet() -> Generator[None]:
    """Without what exporters tell their own authors."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
