"""Models in the ONNX format, run by ONNX Runtime; the only file that imports it."""

import glob
import hashlib
from pathlib import Path
from typing import Any, cast, final

import numpy as np
from torch import Tensor

from wulff.backends.base import Classifier, first_line, rows_of
from wulff.backends.outputs import Decoder
from wulff.errors import InputError

_DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


@final
class OnnxFunction:
    """A session of ONNX Runtime on one thread, made anew in every process.

    Args:
        source: The path or the bytes of the model; None where only the session is known.
        decoder: How the outputs are read.
        session: The open session.
    """

    def __init__(self, source: Path | bytes | None, decoder: Decoder, session: Any) -> None:
        self.source = source
        self.decoder = decoder
        self.session = session
        (self.input, *_) = self.session.get_inputs()
        self.output = _best_output(self.session.get_outputs())
        first = (self.input.shape or [None])[0]
        self.rows = first if isinstance(first, int) else None  # a batch of another size is refused

    def __call__(self, batch: Tensor) -> Tensor:
        x = rows_of(batch).astype(_DTYPES[self.input.type], copy=False)
        wanted: list[Any] = self.input.shape or []
        if len(wanted) == 2 and x.ndim > 2:
            x = x.reshape(len(x), -1)
        if self.rows is None:
            return self.decoder(self._run(x), len(x), batch.device)
        # A model exported for one size of batch: the last one is filled up with copies of its first row.
        parts = []
        for start in range(0, len(x), self.rows):
            part = x[start : start + self.rows]
            missing = self.rows - len(part)
            full = np.concatenate([part, np.repeat(part[:1], missing, axis=0)]) if missing else part
            parts.append(np.asarray(self._run(full))[: len(part)])
        return self.decoder(np.concatenate(parts), len(x), batch.device)

    def _run(self, x: np.ndarray) -> Any:
        (answer,) = self.session.run([self.output.name], {self.input.name: x})
        return answer

    def __reduce__(self) -> tuple[Any, ...]:
        if self.source is None:
            raise TypeError("a session of unknown origin; make it of a path or of bytes")
        return _reopened, (self.source, self.decoder)


def _reopened(source: Path | bytes, decoder: Decoder) -> OnnxFunction:
    return OnnxFunction(source, decoder, _open(source))


def of_session(
    session: Any,
    class_names: tuple[str, ...] | None = None,
    threshold: float | None = None,
    identity: str | None = None,
) -> Classifier:
    """An open `onnxruntime.InferenceSession` as a base classifier.

    Raises:
        InputError: It has several inputs, or one that takes no numbers.
    """
    # What a session was made of is not part of its interface; without it, it cannot go to other processes.
    path, content = getattr(session, "_model_path", None), getattr(session, "_model_bytes", None)
    source = content if path is None else Path(path)
    return _classifier(source, session, Decoder(class_names, threshold), identity)


def load_onnx(
    path: Path, class_names: tuple[str, ...] | None = None, threshold: float | None = None
) -> Classifier:
    """The model in an .onnx file, on one thread.

    Raises:
        InputError: The file is missing or damaged, or ONNX Runtime is missing.
    """
    return _classifier(path, _open(path), Decoder(class_names, threshold), None)


def is_session(model: object) -> bool:
    """Whether an object is a session of ONNX Runtime, without importing it."""
    return type(model).__module__.startswith("onnxruntime.") and hasattr(model, "get_inputs")


def _classifier(
    source: Path | bytes | None, session: Any, decoder: Decoder, identity: str | None
) -> Classifier:
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _DTYPES:
        found = ", ".join(f"{entry.name}: {entry.type}" for entry in inputs)
        raise InputError(f"an ONNX model needs one input of floating point numbers, got {found}.")
    function = OnnxFunction(source, decoder, session)
    sizes: list[Any] = inputs[0].shape or []
    shape = [size if isinstance(size, int) and size > 0 else None for size in sizes][1:]
    classes: list[Any] = function.output.shape[1:] if function.output.type in _DTYPES else []
    known = len(classes) == 1 and isinstance(classes[0], int) and classes[0] > 1
    return Classifier(
        function=function,
        num_classes=classes[0] if known else None,
        class_names=decoder.class_names,
        input_shape=tuple(shape) if shape and None not in shape else None,  # type: ignore[arg-type]
        identity=identity or (None if source is None else _hash(source)),
        libraries=("onnxruntime",),
    )


def open_bytes(content: bytes) -> Any:
    """A session of the model in these bytes, on one thread."""
    return _open(content)


def _best_output(outputs: list[Any]) -> Any:
    """Logits or probabilities where there are any; else labels."""
    scores = [entry for entry in outputs if entry.type in _DTYPES]
    return (scores or outputs)[0]


def _open(source: Path | bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise InputError("onnx: needs the package onnxruntime; pip install 'wulff[onnx]'.") from None
    options = cast(Any, onnxruntime.SessionOptions())
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers have one thread each
    options.log_severity_level = 4
    if isinstance(source, Path) and not source.is_file():
        raise InputError(f"there is no file {source}.")
    what = source if isinstance(source, bytes) else str(source)
    try:
        return onnxruntime.InferenceSession(what, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has a class for every kind of damage
        name = "the model" if isinstance(source, bytes) else str(source)
        raise InputError(f"{name} is no model that ONNX Runtime can run: {first_line(error)}.") from None


def _hash(source: Path | bytes) -> str:
    """The hash of a model, and of the files beside it that carry its name (weights stored apart)."""
    digest = hashlib.sha256()
    if isinstance(source, bytes):
        digest.update(source)
    else:
        for file in sorted(source.parent.glob(f"{glob.escape(source.name)}*")):
            digest.update(file.read_bytes())
    return f"sha256:{digest.hexdigest()}"
