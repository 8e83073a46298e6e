"""Modules of PyTorch for ONNX Runtime, by the exporter of PyTorch."""

from typing import Any

from wulff.backends.onnx_files import OnnxFunction, open_bytes
from wulff.backends.outputs import Decoder
from wulff.errors import InputError

PACKAGES = ("onnxruntime", "onnx", "onnxscript")
"""What exporting and running need."""


def converted(program: Any) -> OnnxFunction:
    """What ONNX Runtime computes of a `torch.export.ExportedProgram`.

    Raises:
        InputError: A package is missing.
    """
    try:
        import onnxscript  # noqa: F401  pyright: ignore[reportUnusedImport]  (what exports)
    except ImportError:
        raise InputError(
            "the runtime onnxruntime needs the packages onnxruntime, onnx and onnxscript; pip install "
            "'wulff[onnxruntime]'.",
            "runtime",
        ) from None
    from torch import onnx  # imported here: it takes long

    exported = onnx.export(program, dynamo=True, verbose=False)
    assert exported is not None
    content = exported.model_proto.SerializeToString()
    return OnnxFunction(content, Decoder(), open_bytes(content))
