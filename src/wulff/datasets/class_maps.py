"""From the classes of a data set to those of a model: by a map, by their names, or by their numbers."""

import dataclasses
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import torch

from wulff._quoting import shown
from wulff._reading import reading
from wulff._warnings import warn
from wulff.datasets.base import UNKNOWN, Dataset
from wulff.errors import InputError

ClassMap = Mapping[str, int | str]
"""The model's class, by name or number, for the name of each class of the data; for its number as text where
the data have no names."""


def read_class_map(file: str | Path) -> ClassMap:
    """The map in a TOML file: a line for each class of the data, such as `cat = 281` or `dog = "beagle"`.

    Raises:
        InputError: The file is missing, or holds something else.
    """
    with reading(file, "TOML file", 'write lines such as cat = 281 or "my dog" = "beagle"'):
        return check_class_map(tomllib.loads(Path(file).read_text()))


def check_class_map(given: object) -> ClassMap:
    """A map from names to names or numbers.

    Raises:
        InputError: It is none.
    """
    if not isinstance(given, Mapping) or not given:
        raise InputError(
            f"class_map must map classes to those of the model, got {shown(given)}.", "class_map"
        )
    for name, value in cast("Mapping[object, object]", given).items():
        number = isinstance(value, int) and not isinstance(value, bool)
        if not isinstance(name, str) or not (number or isinstance(value, str)):
            raise InputError(
                "class_map must map names to names or numbers of classes, got "
                f"{shown(name)} = {shown(value)}.",
                "class_map",
            )
    return dict(cast("ClassMap", given))


def onto_model(
    dataset: Dataset, classes: int, names: Sequence[str] | None = None, class_map: ClassMap | None = None
) -> Dataset:
    """The data set with the labels and class names of a model, which may have more classes.

    Where both sides have names, these decide which class is which; else the numbers do.

    Args:
        dataset: The data set.
        classes: How many classes the model has.
        names: Their names, where it has some.
        class_map: Which class of the model is meant by each class of the data.

    Raises:
        InputError: A class of the data is none of the model, or cannot be told.
    """
    if class_map is not None:
        targets = _mapped(dataset, classes, names, class_map)
    elif dataset.labelled and dataset.class_names is not None and names is not None:
        targets = _by_name(dataset, dataset.class_names, names)
    else:
        targets = {label: label for label in range(dataset.num_classes)} if dataset.labelled else {}
        if dataset.class_names is not None and names is None and dataset.num_classes < classes:
            warn(
                f"{dataset.name} has {dataset.num_classes} classes, and the model {classes}: they are taken "
                "for its first ones; --class-map (class_map=) says if they are others."
            )
    _check_range(dataset, targets, classes)
    labels = torch.full_like(dataset.labels, UNKNOWN)
    for label, target in targets.items():
        labels[dataset.labels == label] = target
    return dataclasses.replace(
        dataset,
        labels=labels,
        num_classes=classes,
        class_names=_names(dataset, targets, classes) if names is None else tuple(names),
    )


def _mapped(
    dataset: Dataset, classes: int, names: Sequence[str] | None, class_map: ClassMap
) -> dict[int, int]:
    """Where a map leads: from labels of the data to those of the model."""
    if not dataset.labelled:
        raise InputError(f"class_map is for data with labels, and {dataset.name} has none.", "class_map")
    own = dataset.class_names or tuple(map(str, range(dataset.num_classes)))
    if unknown := [name for name in class_map if name not in own]:
        raise InputError(
            f"class_map names {shown(unknown[0])}, which is no class of {dataset.name}: {_some(own)}.",
            "class_map",
        )
    places = {} if names is None else _places(names)
    targets: dict[int, int] = {}
    for label in map(int, dataset.labels.unique()):
        if own[label] not in class_map:
            raise InputError(
                f"class_map lacks {shown(own[label])}, a class of {dataset.name}; add a line for it.",
                "class_map",
            )
        target = class_map[own[label]]
        if isinstance(target, str):
            if _key(target) not in places:
                known = "which has no names for its classes; give numbers" if names is None else _some(names)
                raise InputError(
                    f"class_map leads to {shown(target)}, which is no class of the model: {known}.",
                    "class_map",
                )
            target = places[_key(target)]
        if not 0 <= target < classes:
            raise InputError(
                f"class_map must lead to classes from 0 to {classes - 1}, got {target} for "
                f"{shown(own[label])}.",
                "class_map",
            )
        targets[label] = target
    return targets


def _by_name(dataset: Dataset, own: Sequence[str], names: Sequence[str]) -> dict[int, int]:
    """The model's label of each label that occurs in the data, found by its name."""
    places = _places(names)
    targets: dict[int, int] = {}
    for label in map(int, dataset.labels.unique()):
        name = own[label]
        if _key(name) not in places:
            raise InputError(
                f"{dataset.name} has the class {shown(name)}, which the model does not name: {_some(names)}; "
                "say which is which by --class-map FILE (class_map=), with lines such as "
                f'{name if name.isidentifier() else shown(name)} = "{names[0]}".',
                "class_map",
            )
        targets[label] = places[_key(name)]
    return targets


def _check_range(dataset: Dataset, targets: Mapping[int, int], classes: int) -> None:
    highest = int(dataset.labels.max())
    if highest >= 0 and targets.get(highest, 0) >= classes:
        raise InputError(
            f"{dataset.name} has labels up to {highest}, but the model knows {classes} classes.", "dataset"
        )


def _names(dataset: Dataset, targets: Mapping[int, int], classes: int) -> tuple[str, ...] | None:
    """Names for the classes of a model that has none: those of the data, and numbers for the others."""
    if dataset.class_names is None:
        return None
    named: dict[int, list[str]] = {}
    for label, target in targets.items():
        named.setdefault(target, []).append(dataset.class_names[label])
    return tuple(" or ".join(named.get(label, [str(label)])) for label in range(classes))


def _places(names: Sequence[str]) -> dict[str, int]:
    """The label of each name; names that two classes have stand for neither."""
    keys = [_key(name) for name in names]
    times = Counter(keys)
    return {key: place for place, key in enumerate(keys) if times[key] == 1}


def _key(name: str) -> str:
    """A name without what people write differently."""
    return name.replace("_", " ").casefold().strip()


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(str, names[:5])) + (", ..." if len(names) > 5 else "")
