"""Requests and answers of the Open Inference Protocol, version 2: JSON, with tensors in it or behind it."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wulff._checks import is_list, is_table
from wulff._quoting import shown
from wulff.errors import InputError
from wulff.serving.rows import columns_of, described, rows_of
from wulff.serving.service import Answer
from wulff.tables import Layout

LENGTH = "inference-header-content-length"
"""The header that says how long the JSON is, where raw tensors follow it."""
NUMBERS = {"FP16": np.dtype("<f2"), "FP32": np.dtype("<f4"), "FP64": np.dtype("<f8")}
_NAMES = {"float64": "FP64", "int64": "INT64"}


class Request:
    """What is asked of a service.

    Attributes:
        x: The inputs, float32 of shape (rows, ...).
        threats: The threats of the radii that are wanted, by name.
        id: What the client calls the request, or None.
        binary: Whether a tensor is wanted behind the JSON, by its name; and for those that are not in it.
    """

    def __init__(self, body: bytes, length: int | None, table: Layout | None = None) -> None:
        head, raw = (body, b"") if length is None else (body[:length], body[length:])
        try:
            document = json.loads(head)
        except (ValueError, RecursionError):
            raise InputError("the request is not JSON; see the Open Inference Protocol, version 2.") from None
        document = _mapping("the request", document)
        self.x = _inputs(document, raw, table)
        parameters = _mapping("parameters", document.get("parameters", {}))
        self.threats = _names(parameters.get("radii", ""))
        self.id = document.get("id")
        if self.id is not None and not isinstance(self.id, str):
            raise InputError(f"id must be a string, got {shown(self.id)}.")
        everything = bool(parameters.get("binary_data_output", False))
        outputs = document.get("outputs", [])
        if not is_list(outputs):
            raise InputError(f"outputs must be a list, got {shown(outputs)}.")
        self.outputs: dict[str, bool] = {}
        for output in [_mapping("an output", each) for each in outputs]:
            wanted = _mapping("parameters", output.get("parameters", {})).get("binary_data", everything)
            self.outputs[str(output.get("name"))] = bool(wanted)
        self.binary = everything


def encode(request: Request, answer: Answer, model: str) -> tuple[bytes, int | None]:
    """The body of an answer, and how long its JSON is where tensors follow.

    Raises:
        InputError: The request asks for an output that there is none of.
    """
    tensors = outputs_of(answer)
    for name in request.outputs:
        if name not in tensors:
            raise InputError(f"outputs are {', '.join(tensors)}, not {shown(name)}.")
    described, raw = [], b""
    for name in request.outputs or tensors:
        values = np.ascontiguousarray(tensors[name])
        entry: dict[str, Any] = {
            "name": name,
            "datatype": _NAMES[values.dtype.name],
            "shape": list(values.shape),
        }
        if request.outputs.get(name, request.binary):
            part = values.astype(values.dtype.newbyteorder("<")).tobytes()
            entry["parameters"] = {"binary_data_size": len(part)}
            raw += part
        else:
            entry["data"] = values.ravel().tolist()
        described.append(entry)
    said = {"seed": str(answer.seed), "n": answer.n, "statement": answer.statement}
    document: dict[str, Any] = {} if request.id is None else {"id": request.id}
    document |= {"model_name": model, "model_version": "1", "parameters": said, "outputs": described}
    head = json.dumps(document).encode()
    return head + raw, len(head) if raw else None


def outputs_of(answer: Answer) -> Mapping[str, np.ndarray]:
    """The tensors of an answer by name.

    The shares of the votes come first: clients that look for scores by class find them.
    """
    tensors = {
        "shares": answer.votes / answer.n,
        "label": answer.label.astype(np.int64),
        "votes": answer.votes.astype(np.int64),
        "p_value": answer.p_value,
        "not_a_number": answer.not_a_number,
    }
    return tensors | {f"radius {name}": radius for name, radius in answer.radii.items()}


def metadata(
    model: str, input_shape: tuple[int, ...], classes: int, table: Layout | None = None
) -> dict[str, Any]:
    """What is said of the model: its inputs and outputs; radii come in addition where they are asked for."""
    rows: dict[str, tuple[str, list[int]]] = {
        "shares": ("FP64", [-1, classes]),
        "label": ("INT64", [-1]),
        "votes": ("INT64", [-1, classes]),
        "p_value": ("FP64", [-1]),
        "not_a_number": ("INT64", [-1]),
    }
    return {
        "name": model,
        "versions": ["1"],
        "platform": "wulff",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, *input_shape]}]
        if table is None
        else described(table),
        "outputs": [{"name": name, "datatype": kind, "shape": shape} for name, (kind, shape) in rows.items()],
    }


def _inputs(document: Mapping[str, Any], raw: bytes, table: Layout | None) -> Tensor:
    """The one tensor of a request; or its columns, where rows of a table are served."""
    if "columns" in document:
        if table is None:
            raise InputError("columns are for models of a table, and this one takes a tensor in inputs.")
        return rows_of(document["columns"], table)
    inputs = document.get("inputs")
    if table is not None:
        if not is_list(inputs) or not inputs:
            raise InputError(
                'give columns, such as {"columns": {"age": [30, 50]}}, or inputs with their names.'
            )
        return rows_of(columns_of([_mapping("an input", each) for each in inputs]), table)
    if not isinstance(inputs, list) or len(inputs) != 1:
        raise InputError("inputs must be a list of one tensor of images or rows.")
    return _tensor(_mapping("inputs[0]", inputs[0]), raw)


def _tensor(entry: Mapping[str, Any], raw: bytes) -> Tensor:
    kind, shape = entry.get("datatype"), entry.get("shape")
    if kind not in NUMBERS:
        raise InputError(
            f"the input must be FP32, FP16 or FP64 in [0, 1], got {shown(kind)}; divide 8-bit pixels by 255."
        )
    if not is_list(shape) or not all(type(n) is int and 0 <= n < 2**31 for n in shape) or not shape:
        raise InputError(f"shape must be a list of sizes, got {shown(shape)}.")
    size = _mapping("parameters", entry.get("parameters", {})).get("binary_data_size")
    if size is not None:
        if size != len(raw) or len(raw) % NUMBERS[kind].itemsize:
            raise InputError(f"binary_data_size is {shown(size)}, but {len(raw)} bytes follow the JSON.")
        values = np.frombuffer(raw, NUMBERS[kind])
    else:
        try:
            values = np.asarray(entry.get("data"), dtype=np.float64)
        except (ValueError, TypeError, RecursionError, OverflowError):
            raise InputError("data must be numbers, flat or nested as the shape says.") from None
    if values.size != np.prod(shape, dtype=object):
        raise InputError(f"the shape {shape} has {np.prod(shape, dtype=object)} numbers, got {values.size}.")
    with np.errstate(over="ignore"):  # what is infinite then is refused with the inputs
        return torch.from_numpy(values.reshape(shape).astype(np.float32))


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not is_table(value):
        raise InputError(f"{name} must be a JSON object, got {shown(value)}.")
    return value


def _names(text: Any) -> list[str]:
    """The threats in a parameter such as `l2,l1-box`; parameters of the protocol are single values."""
    if not isinstance(text, str):
        raise InputError(f"radii must be names such as 'l2,l1-box', got {shown(text)}.")
    return [name.strip() for name in text.split(",") if name.strip()]
