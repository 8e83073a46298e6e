"""Modules of PyTorch run by ONNX Runtime: exported, opened, and compared with the module itself."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from wulff.backends.base import first_line
from wulff.backends.onnx_files import OnnxFunction, open_bytes
from wulff.backends.outputs import Decoder
from wulff.errors import InputError

NEAR = 1e-3
"""By how much outputs may differ from the module's, as a part of the largest: only near ties move then."""


def exported(module: nn.Module, noisy: Tensor) -> OnnxFunction:
    """A module as a function that ONNX Runtime computes, in single precision on the CPU.

    Args:
        module: The module, in evaluation mode.
        noisy: Noisy copies of inputs, on which both must agree.

    Raises:
        InputError: A package is missing, the module cannot be exported, or the outputs differ.
    """
    try:
        import onnxscript  # noqa: F401  pyright: ignore[reportUnusedImport]  (what exports)
    except ImportError:
        raise InputError(
            "the runtime onnxruntime needs the packages onnxruntime, onnx and onnxscript; pip install "
            "'wulff[onnxruntime]'.",
            "runtime",
        ) from None
    try:
        with _quiet(), torch.no_grad():
            free = ({0: torch.export.Dim("rows", min=1)},)
            program = torch.onnx.export(module, (noisy[:2],), dynamic_shapes=free, dynamo=True, verbose=False)
            assert program is not None
            content = program.model_proto.SerializeToString()
    except Exception as error:  # of the module's code, or of what it uses
        raise InputError(
            f"the model cannot be exported for onnxruntime: {first_line(error)}; leave the runtime out.",
            "runtime",
        ) from None
    function = OnnxFunction(content, Decoder(), open_bytes(content))
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
            "onnxruntime computes other outputs than the model itself; leave the runtime out.", "runtime"
        )
    return function


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter tells its own authors."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
