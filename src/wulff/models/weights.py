"""Weights on disk: safetensors with their architecture, or a state dict read with weights_only=True."""

import argparse
import contextlib
import dataclasses
import hashlib
import json
import math
import os
import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor, nn

from wulff import _files
from wulff._checks import is_list
from wulff._quoting import shown
from wulff._reading import check_declared, reading
from wulff.errors import InputError
from wulff.models.checkpoints import inner_state

FILE_NAME = "weights.safetensors"
MOST_CLASSES = 1_000_000
"""No network could have an output for each of more."""


@dataclasses.dataclass(frozen=True)
class Description:
    """What is needed to rebuild a model, and how it was trained.

    Attributes:
        architecture: Its name in `wulff.models`.
        input_shape: The shape of one input.
        num_classes: The number of logits.
        noise: The spec string of the noise it was trained with, if any.
        class_names: The names of its classes, if they have some.
        columns: For rows of a table, how many values each column has, and 0 for a column of numbers: these
            are standardised first, and categories get a number for each value.
    """

    architecture: str
    input_shape: tuple[int, ...]
    num_classes: int
    noise: str | None = None
    class_names: tuple[str, ...] | None = None
    columns: tuple[int, ...] | None = None


def save(path: Path, model: nn.Module, description: Description) -> None:
    """Write weights and description as safetensors."""
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    fields = dataclasses.asdict(description)
    for name in ("class_names", "columns"):
        if fields[name] is None:
            del fields[name]
    metadata = {"wulff": json.dumps(fields)}
    _files.write(path, safetensors.torch.save(state, metadata))


def read(path: Path) -> tuple[dict[str, Tensor], Description | None]:
    """The state dict in a file, and its description if the file has one.

    Raises:
        InputError: The file is missing, damaged, would need pickled code to be run, or needs more memory than
            allowed.
        PermissionError: Its rights forbid to read it.
    """
    if not os.path.isfile(path):  # unlike `Path.is_file` it takes a name of any length
        raise InputError(
            f"no weights at {path}; give a .safetensors or .pt file, or the folder of a training."
        )
    with reading(path, "file of weights"):
        with path.open("rb") as opened:  # a file whose rights forbid it is not damaged
            check_declared(path, os.fstat(opened.fileno()).st_size)
        if path.suffix == ".safetensors":
            tensors: Any = safe_open(path, framework="pt")
            with tensors as file:
                state: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
                text = dict[str, str](file.metadata() or {}).get("wulff")
            return state, None if text is None else _description(path, text)
    content = _unpickled(path)
    inner = inner_state(content)
    if inner is None:
        raise InputError(
            f"{path} must hold a state dict of tensors{_what_else(content)}; save model.state_dict()."
        )
    return inner, None


def metadata(path: Path) -> Description | None:
    """The description in a .safetensors file, without its weights; None where it has none, or is damaged.

    What is wrong with a file is for `read` to say.
    """
    try:
        with cast(Any, safe_open(path, framework="pt")) as file:
            described: dict[str, str] = file.metadata() or {}
        text = described.get("wulff")
        return None if text is None else _description(path, text)
    except Exception:  # safetensors has errors of its own kinds
        return None


def _unpickled(path: Path) -> object:
    """What `torch.save` wrote, if that is tensors and plain values; torch's errors advise to run the rest."""
    with reading(path, "file of weights"):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_declared(path, sum(entry.file_size for entry in archive.infolist()))
                if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                    raise InputError(
                        f"{path} is a program of TorchScript, which wulff does not run; save the "
                        "state_dict() of the model that it was made from."
                    )
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_harmless()):
            warnings.simplefilter("ignore")  # of other pickle protocols: the file is read, or refused
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+) was not|class '?([\w.]+)", str(error))
        what = f" ({_place(path, named[1] or named[2])})" if named else ""
        raise InputError(
            f"the weights at {path} are damaged or hold more than tensors{what}, which wulff does not run; "
            "save model.state_dict() instead."
        ) from None
    except Exception:
        raise InputError(
            f"the weights at {path} are damaged, or no file of torch.save; get the file again."
        ) from None


def _place(path: Path, named: str) -> str:
    """What a file names that is not run, and the last text before it, which is its key in a dictionary."""
    key = None
    with contextlib.suppress(Exception), zipfile.ZipFile(path) as archive:
        entry = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        for code, argument, _ in pickletools.genops(archive.read(entry)):
            if code.name == "GLOBAL" and str(argument).replace(" ", ".") == named:
                break
            key = argument if code.name.endswith("UNICODE") else key
        else:
            key = None
    return shown(named) if key is None else f"{shown(named)} at {shown(key)}"


def _harmless() -> list[Any]:
    """Numbers and arrays of numpy, and arguments of a command line, which often lie beside weights."""
    scalar, reconstruct = np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0]
    named = [
        (function, f"numpy.{core}.multiarray.{name}")
        for function, name in ((scalar, "scalar"), (reconstruct, "_reconstruct"))
        for core in ("core", "_core")
    ]
    kinds = {type(np.dtype(code)) for code in np.typecodes["All"] if code != "O"}
    return [*named, np.dtype, np.ndarray, *kinds, argparse.Namespace]


def _what_else(content: object) -> str:
    """What is in the place of a state dict."""
    if not isinstance(content, Mapping):
        return f", got {type(content).__name__}"
    state = cast(Mapping[Any, Any], content)
    for key, value in state.items():
        if not isinstance(value, Tensor):
            return f", but {shown(key)} is {type(value).__name__}"
    return ", got none"


def sha256(path: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _description(path: Path, text: str) -> Description:
    """The description in a file, checked: whatever built the model from it would believe it."""
    fields = json.loads(text)
    most = min(MOST_CLASSES, path.stat().st_size)  # each class has a weight at least
    names = [field.name for field in dataclasses.fields(Description)]
    if not isinstance(fields, dict) or not set(names[:3]) <= set(fields) <= set(names):
        raise ValueError(f"its description must have {', '.join(names)}, got {shown(fields)}")
    found = Description(**fields)
    for name, allowed, good in (
        ("architecture", "a name", isinstance(found.architecture, str)),
        ("input_shape", "positive whole numbers", _is_shape(found.input_shape)),
        (
            "num_classes",
            f"a whole number from 1 to {most}",
            _is_count(found.num_classes, most),
        ),
        ("noise", "a noise", found.noise is None or isinstance(found.noise, str)),
        ("class_names", "a name for each class", _are_names(found.class_names, found.num_classes)),
        ("columns", "a number for each coordinate", _are_columns(found.columns, found.input_shape)),
    ):
        if not good:
            raise ValueError(f"{name} must be {allowed}, got {shown(fields[name])}")
    check_declared(path, 64 * math.prod(found.input_shape))  # a net has many numbers for each of an input
    class_names = None if found.class_names is None else tuple(found.class_names)
    columns = None if found.columns is None else tuple(found.columns)
    return dataclasses.replace(
        found, input_shape=tuple(found.input_shape), class_names=class_names, columns=columns
    )


def _are_names(value: object, count: int) -> bool:
    if value is None:
        return True
    if not isinstance(value, list):
        return False
    names = cast("list[object]", value)
    return len(names) == count and all(isinstance(name, str) for name in names)


def _are_columns(value: object, shape: object) -> bool:
    if value is None:
        return True
    if not is_list(value) or not is_list(shape) or shape != [len(value)]:
        return False
    return all(count == 0 or _is_count(count, 2**24) for count in value)


def _is_count(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_shape(value: object) -> bool:
    return is_list(value) and bool(value) and all(_is_count(side, 2**31) for side in value)
