"""Modules of PyTorch run by OpenVINO, in float32 or in 8-bit integers; the only file that imports it."""

import contextlib
import io
import logging
import tempfile
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from wulff.backends.base import rows_of
from wulff.errors import InputError

PACKAGES = ("openvino",)
"""What running needs, in single precision."""


@final
class OpenVinoFunction:
    """A model that OpenVINO compiles for the CPU, anew in every process.

    Args:
        structure: The model as OpenVINO's XML.
        weights: Its weights.
    """

    def __init__(self, structure: bytes, weights: bytes) -> None:
        self.structure, self.weights = structure, weights
        self._request: Any = None

    def __call__(self, batch: Tensor) -> Tensor:
        answer = self._open().infer([rows_of(batch)], share_inputs=True)
        return torch.from_numpy(next(iter(answer.values())).copy()).to(batch.device)

    def _open(self) -> Any:
        """The request that computes, opened by the process that needs it, with its number of threads."""
        if self._request is None:
            openvino = _imported()
            core = openvino.Core()
            model = core.read_model(self.structure, self.weights)
            options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
            self._request = core.compile_model(model, "CPU", options).create_infer_request()
        return self._request

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenVinoFunction, (self.structure, self.weights)


def converted(program: Any) -> OpenVinoFunction:
    """What OpenVINO computes of a `torch.export.ExportedProgram`.

    Raises:
        InputError: OpenVINO is missing.
    """
    return _function(_imported().convert_model(program))


def quantised(program: Any, calibration: Tensor) -> OpenVinoFunction:
    """The same with weights and activations of 8 bits, by post-training quantisation.

    Args:
        program: The module.
        calibration: Noisy training inputs, by which the ranges of activations are chosen.

    Raises:
        InputError: OpenVINO or NNCF is missing.
    """
    openvino = _imported()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            import nncf
    except ImportError:
        raise InputError(
            "the dtype int8 needs the package nncf; pip install 'wulff[openvino]'.", "dtype"
        ) from None
    nncf.set_log_level(logging.ERROR)
    parts = [rows_of(part) for part in list[Tensor](calibration.split(32))]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):  # its bars
        model = nncf.quantize(openvino.convert_model(program), nncf.Dataset(parts), subset_size=len(parts))
    return _function(model)


def _function(model: Any) -> OpenVinoFunction:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        _imported().save_model(model, path, compress_to_fp16=False)
        return OpenVinoFunction(path.read_bytes(), path.with_suffix(".bin").read_bytes())


def _imported() -> Any:
    try:
        import openvino

        return openvino
    except ImportError:
        raise InputError(
            "the runtime openvino needs the package openvino; pip install 'wulff[openvino]'.", "runtime"
        ) from None
