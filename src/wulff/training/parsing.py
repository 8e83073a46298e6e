"""Objectives by name and hyperparameters, such as `stability(weight=2, reference=clean)`."""

import re
import typing
from collections.abc import Callable

from wulff._domains import described
from wulff._quoting import shown
from wulff._registry import Registry, field_kinds
from wulff.errors import InputError
from wulff.training.consistency import Consistency
from wulff.training.direct import Direct
from wulff.training.macer import Macer
from wulff.training.noise_augmentation import NoiseAugmentation
from wulff.training.objective import Objective
from wulff.training.smoothadv import SmoothAdv
from wulff.training.smoothmix import SmoothMix
from wulff.training.stability import Stability

Method = typing.TypeVar("Method", bound=type[Objective])

OBJECTIVES: Registry[type[Objective]] = Registry(
    "objective",
    {
        "augment": NoiseAugmentation,
        "direct": Direct,
        "smoothadv": SmoothAdv,
        "stability": Stability,
        "consistency": Consistency,
        "macer": Macer,
        "smoothmix": SmoothMix,
    },
)
"""Training methods by name."""


def register(name: str) -> Callable[[Method], Method]:
    """A class decorator that enters a training method under a name.

    Raises:
        InputError: The name is taken, or the method is not a frozen dataclass with defaults.
    """

    def enter(method: Method) -> Method:
        if "__dataclass_fields__" not in vars(method) or not vars(method)["__dataclass_params__"].frozen:
            raise InputError(f"{method.__name__} must be a frozen dataclass, below @training.register.")
        kinds = field_kinds(method)
        for key, kind in kinds.items():
            if kind not in (int, float, bool, str) and typing.get_origin(kind) is not typing.Literal:
                raise InputError(
                    f"{key} of {method.__name__} must be declared as float, int, bool, str or a Literal of "
                    f"strings, got {shown(kind)}."
                )
        method()  # hyperparameters have defaults
        OBJECTIVES.add(name, method)
        return method

    return enter


_CALL = re.compile(r"\s*(?P<name>[a-z0-9-]+)\s*(?:\((?P<arguments>(?:[^()]|\([^()]*\))*)\)\s*)?")


def parse_objective(text: str) -> Objective:
    """The training method that a text names; hyperparameters that it leaves out are the published ones.

    Raises:
        InputError: The text is no such call, or the method, a hyperparameter or a value is not allowed.
    """
    match = _CALL.fullmatch(text)
    hint = ", with or without hyperparameters as in stability(weight=2), and what a --plugin MODULE brings"
    method = OBJECTIVES.find(match["name"] if match else text, hint)
    assert match is not None
    fields = field_kinds(method)
    values: dict[str, float | int | str] = {}
    for item in filter(None, (item.strip() for item in (match["arguments"] or "").split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or key not in fields or key in values:
            takes = f"takes {', '.join(described(method).values())}" if fields else "has no hyperparameters"
            raise InputError(f"cannot use {item!r} in {text!r}; {match['name']} {takes} (name=value).")
        values[key] = _value(key, value, fields[key], text)
    return method(**values)


def objective_spec(objective: Objective) -> str:
    """The text with every hyperparameter, for the record: `parse_objective` gives the objective back."""
    name = next(name for name, method in OBJECTIVES.items() if type(objective) is method)
    values = {key: getattr(objective, key) for key in field_kinds(type(objective))}
    return f"{name}({', '.join(f'{key}={value}' for key, value in values.items())})" if values else name


def _value(key: str, value: str, kind: type, text: str) -> float | int | str:
    if kind is bool and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind is bool:
        raise InputError(f"{key} must be true or false, got {value!r} in {text!r}.")
    if kind not in (int, float):
        return value
    try:
        return int(value) if kind is int else float(value)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise InputError(f"{key} must be {wanted}, got {value!r} in {text!r}.") from None
