"""Objectives by name and hyperparameters, such as `stability(weight=2, reference=clean)`."""

import dataclasses
import re
import typing

from wulff.errors import InputError
from wulff.training.consistency import Consistency
from wulff.training.direct import Direct
from wulff.training.macer import Macer
from wulff.training.noise_augmentation import NoiseAugmentation
from wulff.training.objective import Objective
from wulff.training.smoothadv import SmoothAdv
from wulff.training.smoothmix import SmoothMix
from wulff.training.stability import Stability

OBJECTIVES: dict[str, type[Objective]] = {
    "augment": NoiseAugmentation,
    "direct": Direct,
    "smoothadv": SmoothAdv,
    "stability": Stability,
    "consistency": Consistency,
    "macer": Macer,
    "smoothmix": SmoothMix,
}
"""Training methods by name."""

_CALL = re.compile(r"\s*(?P<name>[a-z]+)\s*(?:\((?P<arguments>(?:[^()]|\([^()]*\))*)\)\s*)?")


def parse_objective(text: str) -> Objective:
    """The training method that a text names; hyperparameters that it leaves out are the published ones.

    Raises:
        InputError: The text is no such call, or the method, a hyperparameter or a value is not allowed.
    """
    match = _CALL.fullmatch(text)
    if match is None or match["name"] not in OBJECTIVES:
        raise InputError(
            f"unknown objective {text!r}; there is {', '.join(OBJECTIVES)}, with or without hyperparameters "
            "as in stability(weight=2)."
        )
    method = OBJECTIVES[match["name"]]
    kinds = typing.get_type_hints(method)
    fields = {field.name: kinds[field.name] for field in dataclasses.fields(method)}  # type: ignore[arg-type]
    values: dict[str, float | int | str] = {}
    for item in filter(None, (item.strip() for item in (match["arguments"] or "").split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or key not in fields or key in values:
            takes = f"takes {', '.join(fields)}" if fields else "has no hyperparameters"
            raise InputError(f"cannot use {item!r} in {text!r}; {match['name']} {takes} (name=value).")
        values[key] = _value(key, value, fields[key], text)
    return method(**values)


def objective_spec(objective: Objective) -> str:
    """The text with every hyperparameter, for the record: `parse_objective` gives the objective back."""
    name = next(name for name, method in OBJECTIVES.items() if type(objective) is method)
    values = dataclasses.asdict(objective)  # type: ignore[call-overload]
    return f"{name}({', '.join(f'{key}={value}' for key, value in values.items())})" if values else name


def _value(key: str, value: str, kind: object, text: str) -> float | int | str:
    if kind not in (int, float):
        return value
    try:
        return int(value) if kind is int else float(value)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise InputError(f"{key} must be {wanted}, got {value!r} in {text!r}.") from None
