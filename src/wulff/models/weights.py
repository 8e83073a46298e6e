"""Weights on disk: safetensors with their architecture, or a state dict read with weights_only=True."""

import dataclasses
import hashlib
import json
import pickle
import struct
import warnings
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from wulff import _files
from wulff.errors import InputError
from wulff.models.checkpoints import inner_state

FILE_NAME = "weights.safetensors"
DAMAGE = (
    *(SafetensorError, RuntimeError, OSError, EOFError, ValueError, LookupError),
    *(TypeError, AttributeError, AssertionError, struct.error),
)
"""What torch and safetensors raise for files with wrong bytes in them."""


@dataclasses.dataclass(frozen=True)
class Description:
    """What is needed to rebuild a model, and how it was trained.

    Attributes:
        architecture: Its name in `wulff.models`.
        input_shape: The shape of one input.
        num_classes: The number of logits.
        noise: The spec string of the noise it was trained with, if any.
    """

    architecture: str
    input_shape: tuple[int, ...]
    num_classes: int
    noise: str | None = None


def save(path: Path, model: nn.Module, description: Description) -> None:
    """Write weights and description as safetensors."""
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    metadata = {"wulff": json.dumps(dataclasses.asdict(description))}
    _files.write(path, safetensors.torch.save(state, metadata))


def read(path: Path) -> tuple[dict[str, Tensor], Description | None]:
    """The state dict in a file, and its description if the file has one.

    Raises:
        InputError: The file is missing, damaged, or would need pickled code to be run.
        PermissionError: Its rights forbid to read it.
    """
    if not path.is_file():
        raise InputError(
            f"no weights at {path}; give a .safetensors or .pt file, or the folder of a training."
        )
    with path.open("rb"):
        pass  # a file whose rights forbid it is not damaged
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
                text = (file.metadata() or {}).get("wulff")
            return state, _description(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickle protocols: the file is read, or refused
            state = torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGE as error:
        raise InputError(
            f"the weights at {path} are damaged or cannot be read: {_first_line(error)}"
        ) from None
    except pickle.UnpicklingError:
        raise InputError(
            f"the weights at {path} are damaged or hold more than tensors, which wulff does not run; "
            "save model.state_dict() instead."
        ) from None
    inner = inner_state(state)
    if inner is None:
        raise InputError(f"{path} must hold a state dict of tensors; save model.state_dict().")
    return inner, None


def sha256(path: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _description(text: str | None) -> Description | None:
    if text is None:
        return None
    fields = json.loads(text)
    return Description(**{**fields, "input_shape": tuple(fields["input_shape"])})


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
