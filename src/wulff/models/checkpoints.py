"""Public checkpoints: their keys are brought to the names that the architectures here use.

They carry the names of wrappers (`module.` of DataParallel, `1.` of a Sequential after a normalisation
layer, `_orig_mod.` of torch.compile), of other authors' attributes, and sometimes the statistics of a
normalisation layer.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from wulff.errors import InputError
from wulff.models.normalize import normalisations

WRAPPERS = frozenset({"0", "1", "module", "model", "net", "network", "backbone", "_orig_mod"})
STATE_KEYS = ("state_dict", "model_state_dict", "model", "net")
"""Where a training's checkpoint keeps the weights."""

OTHER_NAMES = {"shortcut": "downsample", "convShortcut": "downsample", "linear": "fc", "layer": ""}
MEANS = frozenset({"mean", "means", "mu"})
LOG_DEVIATION = "log_sig"
DEVIATIONS = frozenset({"std", "stds", "sd", "sds", "sigma", LOG_DEVIATION})


FLOATS = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})
INTEGERS = frozenset({torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8})


def inner_state(content: object) -> dict[str, Tensor] | None:
    """The state dict in the content of a file: itself, or one of its entries; None if there is none."""
    seen: set[int] = set()  # content may hold itself
    left = [content]
    while left:
        inner = left.pop()
        if not isinstance(inner, Mapping) or id(inner) in seen:
            continue
        seen.add(id(inner))
        state = cast(Mapping[Any, Any], inner)
        if state and all(isinstance(value, Tensor) for value in state.values()):
            return {str(key): value for key, value in state.items()}
        left += [inner[name] for name in reversed(STATE_KEYS) if name in inner]
    return None


def classes_in(model: nn.Module, state: Mapping[str, Tensor]) -> int | None:
    """How many outputs the last linear layer has in a state dict, if it is there."""
    own = model.state_dict()
    head = _head(model)
    name = f"{head}.weight"
    weights = [value for key, value in state.items() if _own_name(key, own) == name]
    for value in weights:
        _check_numbers(name, value, own[name])
    return weights[0].shape[0] if len(weights) == 1 and weights[0].ndim == 2 else None


def _head(model: nn.Module) -> str:
    """The name of the last linear layer, empty where there is none."""
    modules = cast(Iterable[tuple[str, nn.Module]], model.named_modules())
    return ["", *(name for name, module in modules if isinstance(module, nn.Linear))][-1]


def load_public(model: nn.Module, state: Mapping[str, Tensor], *, new_head: bool = False) -> bool:
    """Load a state dict into a model, whatever wrappers its keys name.

    Statistics of a normalisation layer replace the model's own; where the checkpoint has none, the ones of
    the architecture stay. Arguments and errors are those of `fitted`.

    Returns:
        Whether the state dict says how the model normalises its inputs, or the model does not do it.
    """
    found = fitted(model, state, new_head=new_head)
    model.load_state_dict({**model.state_dict(), **found})
    return all(f"{layer}.mean" in found for layer in normalisations(model))


def fitted(model: nn.Module, state: Mapping[str, Tensor], *, new_head: bool = False) -> dict[str, Tensor]:
    """A state dict with the keys that a model has, which may lie on the device `meta`.

    Args:
        model: Whose keys and shapes are wanted.
        state: The weights by name.
        new_head: Where the last linear layer has another number of outputs, it keeps its own weights.

    Raises:
        InputError: Keys are missing or left over, or shapes differ; the message names one of them.
    """
    own = model.state_dict()
    layers = normalisations(model)
    statistics = {f"{layer}.{last}" for layer in layers for last in ("mean", "std")}
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        name = _own_name(key, own) or _statistic(key, statistics)
        if name is None or name in found:
            raise InputError(f"the key {key!r} belongs to no layer of the model")
        _check_numbers(key, value, own[name])
        if key.rpartition(".")[2] == LOG_DEVIATION:
            value = value.exp()
        if name in statistics and value.numel() in (1, own[name].numel()):
            value = value.reshape(-1).expand(own[name].numel()).reshape(own[name].shape)
        if value.shape != own[name].shape:
            if (
                new_head
                and name.rpartition(".")[0] == _head(model)
                and value.shape[1:] == own[name].shape[1:]
            ):
                value = own[name]
            else:
                raise InputError(f"{key!r} has shape {tuple(value.shape)}, not {tuple(own[name].shape)}")
        found[name] = value.to(own[name].dtype)  # before the look for infinite values: it may make some
    for layer in layers:
        _check_statistics(layer, found)
    may_lack = {name for name in own if name.endswith("num_batches_tracked")} | statistics
    missing = sorted(own.keys() - found.keys() - may_lack)
    if missing:
        raise InputError(f"there are no weights for {missing[0]!r}")
    if not all(bool(torch.isfinite(value).all()) for value in found.values()):
        raise InputError("they hold NaN or infinite values")
    return found


def _check_numbers(key: str, value: Tensor, own: Tensor) -> None:
    """Refuse tensors of a kind that would be cast in silence, or cannot be used."""
    if value.is_meta:
        raise InputError(f"{key!r} is a tensor without values; save it from the device that has them")
    if value.is_nested or value.layout != torch.strided:
        kind = "nested" if value.is_nested else str(value.layout).removeprefix("torch.")
        raise InputError(f"{key!r} is a {kind} tensor; save its to_dense()")
    allowed = FLOATS if own.is_floating_point() else FLOATS | INTEGERS
    if value.dtype not in allowed:
        dtype = str(value.dtype).removeprefix("torch.")
        remedy = "without an imaginary part" if value.is_complex() else "that are not quantised"
        raise InputError(
            f"{key!r} has numbers of type {dtype}, which would be cast; "
            f"weights must be float16, bfloat16, float32 or float64; give weights {remedy}"
        )


def _check_statistics(layer: str, found: Mapping[str, Tensor]) -> None:
    """Refuse half of a normalisation, which would go with another half, and deviations that cannot be."""
    mean, std = (found.get(f"{layer}.{last}") for last in ("mean", "std"))
    if (mean is None) != (std is None):
        has, lacks = ("mean", "std") if std is None else ("std", "mean")
        raise InputError(f"the normalisation has a {has} but no {lacks}")
    if std is not None and not bool((std > 0).all()):
        raise InputError(f"the normalisation has a deviation of {float(std.min()):g}")


def _own_name(key: str, own: Mapping[str, Tensor]) -> str | None:
    """The model's name for a key: wrappers are taken off one by one until a name fits."""
    parts = key.split(".")
    while parts:
        renamed = [OTHER_NAMES.get(part, part) for part in parts]
        for candidate in (parts, [part for part in renamed if part], ["model", *parts]):
            if ".".join(candidate) in own:
                return ".".join(candidate)
        if parts[0] not in WRAPPERS:
            return None
        parts = parts[1:]
    return None


def _statistic(key: str, statistics: Collection[str]) -> str | None:
    """The model's name for a statistic of a normalisation layer under another name."""
    last = key.rpartition(".")[2]
    wanted = "mean" if last in MEANS else "std" if last in DEVIATIONS else None
    return next((name for name in sorted(statistics) if name.rpartition(".")[2] == wanted), None)
