"""Public checkpoints: their keys are brought to the names that the architectures here use.

They carry the names of wrappers (`module.` of DataParallel, `1.` of a Sequential after a normalisation
layer, `_orig_mod.` of torch.compile), of other authors' attributes, and sometimes the statistics of a
normalisation layer.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from wulff.errors import InputError

WRAPPERS = frozenset({"0", "1", "module", "model", "net", "network", "backbone", "_orig_mod"})
STATE_KEYS = ("state_dict", "model_state_dict", "model", "net")
"""Where a training's checkpoint keeps the weights."""

OTHER_NAMES = {"shortcut": "downsample", "convShortcut": "downsample", "linear": "fc", "layer": ""}
MEANS = frozenset({"mean", "means", "mu"})
LOG_DEVIATION = "log_sig"
DEVIATIONS = frozenset({"std", "stds", "sd", "sds", "sigma", LOG_DEVIATION})


def inner_state(content: object) -> dict[str, Tensor] | None:
    """The state dict in the content of a file: itself, or one of its entries; None if there is none."""
    if not isinstance(content, Mapping):
        return None
    if content and all(isinstance(value, Tensor) for value in content.values()):
        return {str(key): value for key, value in content.items()}
    for name in STATE_KEYS:
        inner = inner_state(content[name]) if name in content else None
        if inner is not None:
            return inner
    return None


def load_public(model: nn.Module, state: Mapping[str, Tensor], *, new_head: bool = False) -> None:
    """Load a state dict into a model, whatever wrappers its keys name.

    Statistics of a normalisation layer replace the model's own; where the checkpoint has none, the ones of
    the architecture stay.

    Args:
        model: Its weights are replaced.
        state: The weights by name.
        new_head: Where the last linear layer has another number of outputs, it keeps its own weights.

    Raises:
        InputError: Keys are missing or left over, or shapes differ; the message names one of them.
    """
    own = model.state_dict()
    head = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1:]
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        name = _own_name(key, own) or _statistic(key, own)
        if name is None or name in found:
            raise InputError(f"the key {key!r} belongs to no layer of the model")
        if key.rpartition(".")[2] == LOG_DEVIATION:
            value = value.exp()
        if name.endswith((".mean", ".std")) and value.numel() in (1, own[name].numel()):
            value = value.reshape(-1).expand(own[name].numel()).reshape(own[name].shape)
        if value.shape != own[name].shape:
            if new_head and name.rpartition(".")[0] in head and value.shape[1:] == own[name].shape[1:]:
                value = own[name]
            else:
                raise InputError(f"{key!r} has shape {tuple(value.shape)}, not {tuple(own[name].shape)}")
        found[name] = value
    _check_statistics(found)
    may_lack = {
        name for name in own if name.endswith(("num_batches_tracked", "normalize.mean", "normalize.std"))
    }
    missing = sorted(own.keys() - found.keys() - may_lack)
    if missing:
        raise InputError(f"there are no weights for {missing[0]!r}")
    if not all(bool(torch.isfinite(value).all()) for value in found.values()):
        raise InputError("they hold NaN or infinite values")
    model.load_state_dict({**own, **found})


def _check_statistics(found: Mapping[str, Tensor]) -> None:
    """Refuse half of a normalisation, which would go with another half, and deviations that cannot be."""
    for name, value in found.items():
        layer, _, last = name.rpartition(".")
        other = {"mean": "std", "std": "mean"}.get(last)
        if other and f"{layer}.{other}" not in found:
            raise InputError(f"the normalisation has a {last} but no {other}")
        if last == "std" and not bool((value > 0).all()):
            raise InputError(f"the normalisation has a deviation of {float(value.min()):g}")


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


def _statistic(key: str, own: Mapping[str, Tensor]) -> str | None:
    """The model's name for a statistic of a normalisation layer under another name."""
    last = key.rpartition(".")[2]
    wanted = "mean" if last in MEANS else "std" if last in DEVIATIONS else None
    return next((name for name in own if wanted and name.rpartition(".")[2] == wanted), None)
