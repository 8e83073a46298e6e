"""The columns of a table: which are numbers and which are categories, with their units and values."""

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import Any, Self, final

import numpy as np

from wulff import _display
from wulff._checks import FINITE, NOT_NEGATIVE, is_list, is_table, real_number
from wulff._quoting import plain, shown
from wulff.errors import InputError

Category = str | bool | int | float
"""A value of a categorical column, of the type that it has in the table."""


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Feature:
    """A column that a classifier sees.

    Attributes:
        name: Its name.
        scale: Of a column of numbers, the unit in which it gets noise; 0 for an immutable one.
        categories: The values of a categorical column, which are whole numbers from 0 in inputs; a column of
            numbers has none.
        immutable: Whether it gets no noise, and nothing is said of inputs in which it differs.

    Raises:
        InputError: The scale is negative or no finite number, or a category occurs twice.
    """

    name: str
    scale: float = 0.0
    categories: tuple[Category, ...] = ()
    immutable: bool = False

    def __post_init__(self) -> None:
        scale = real_number(f"the scale of the column {shown(self.name)}", self.scale, *NOT_NEGATIVE)
        if self.categories and scale:
            raise InputError(
                f"the column {shown(self.name)} is categorical, and has no scale, got {scale:g}."
            )
        if len(set(self.categories)) < len(self.categories):
            raise InputError(f"the column {shown(self.name)} has a category twice: {shown(self.categories)}.")
        if not self.categories and (self.immutable or scale == 0):
            object.__setattr__(self, "immutable", True)
            scale = 0.0
        object.__setattr__(self, "scale", scale)

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers, and not categories."""
        return not self.categories


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns of a table, as its training rows have them; every row is read in this way.

    Attributes:
        target: The name of the column with the classes.
        classes: The values of the target, in the order of their labels.
        features: The other columns, in the order of an input's coordinates.

    Raises:
        InputError: There are none, or two have one name.
    """

    target: str
    classes: tuple[Category, ...]
    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = [self.target, *self.names]
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"a table must have columns of different names, got {shown(twice[0])} twice.")
        if not self.features or len(self.classes) < 2:
            raise InputError(
                f"a table needs a column besides the target {shown(self.target)}, and two classes, got "
                f"{len(self.features)} columns and {len(self.classes)} classes."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(feature.name for feature in self.features)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes; None where they are the numbers of the labels themselves."""
        numbered = type(self.classes[0]) is int and self.classes == tuple(range(len(self.classes)))
        return None if numbered else tuple(plain(str(name)) for name in self.classes)

    @property
    def scales(self) -> tuple[float, ...]:
        """The scale of each feature; 0 for categories, and for immutable ones."""
        return tuple(feature.scale for feature in self.features)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The places of the columns of numbers."""
        return tuple(place for place, feature in enumerate(self.features) if feature.is_number)

    @property
    def categorical(self) -> tuple[int, ...]:
        """The places of the categorical columns."""
        return tuple(place for place, feature in enumerate(self.features) if not feature.is_number)

    @property
    def changing_categories(self) -> tuple[int, ...]:
        """The places of the categorical columns that are not immutable."""
        return tuple(place for place in self.categorical if not self.features[place].immutable)

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The columns of inputs of shape (rows, features), in their own types, by their names.

        What is no category, such as the value that ablation hides others with, is missing: None.
        """
        return {feature.name: _column(feature, rows[:, place]) for place, feature in enumerate(self.features)}

    def frame(self, rows: np.ndarray, *, native: Collection[str] | None = None) -> Any:
        """Inputs of shape (rows, features) as a `pandas.DataFrame`, as the table has them.

        Args:
            rows: The inputs.
            native: Which columns are of pandas' type for categories; missing values of others are NaN then.
        """
        pandas = _display.pandas("a table", "tables")
        frame = pandas.DataFrame(self.columns(rows))
        if native is None:
            return frame
        for feature in self.features:
            if feature.name in native:
                frame[feature.name] = pandas.Categorical(frame[feature.name], list(feature.categories))
            elif frame[feature.name].isna().any():
                frame[feature.name] = frame[feature.name].astype(np.float64)
        return frame

    def to_document(self) -> dict[str, Any]:
        """The table of a document."""
        return {
            "target": self.target,
            "classes": list(self.classes),
            "features": [_feature_to_document(feature) for feature in self.features],
        }

    @classmethod
    def from_document(cls, table: object) -> Self:
        """The layout in the table of a document.

        Raises:
            InputError: It is none.
        """
        features: Any = table.get("features") if is_table(table) else None
        classes: Any = table.get("classes") if is_table(table) else None
        target: Any = table.get("target") if is_table(table) else None
        if not (is_list(features) and is_list(classes) and isinstance(target, str)):
            raise InputError(f"table must have target, classes and features, got {shown(table)}.", "table")
        return cls(
            target=target,
            classes=_categories(classes),
            features=tuple(_feature_from_document(feature) for feature in features),
        )


def _column(feature: Feature, numbers: np.ndarray) -> np.ndarray:
    """A column of inputs as the table has it."""
    if feature.is_number:
        return numbers.astype(np.float64)
    codes = numbers.astype(np.int64)
    known = (codes >= 0) & (codes < len(feature.categories)) & (codes == numbers)
    kinds = {type(value) for value in feature.categories}
    values = np.array(feature.categories, dtype=object if str in kinds else None)
    found = values[np.where(known, codes, 0)]
    if known.all():
        return found
    found = found.astype(object)
    found[~known] = None
    return found


def _feature_to_document(feature: Feature) -> dict[str, Any]:
    if feature.is_number:
        return {"name": feature.name, "scale": feature.scale}
    fixed = {"immutable": True} if feature.immutable else {}
    return {"name": feature.name, "categories": list(feature.categories)} | fixed


def _feature_from_document(table: object) -> Feature:
    if not is_table(table) or not isinstance(table.get("name"), str):
        raise InputError(f"a feature of a table must have a name, got {shown(table)}.", "table")
    return Feature(
        name=table["name"],
        scale=real_number("scale", table.get("scale", 0.0), *FINITE),
        categories=_categories(table.get("categories", [])),
        immutable=bool(table.get("immutable", False)),
    )


def _categories(values: object) -> tuple[Category, ...]:
    if not is_list(values) or not all(isinstance(value, Category) for value in values):
        raise InputError(f"categories and classes must be a list of values, got {shown(values)}.", "table")
    return tuple(values)


def as_number(text: object) -> float:
    """The number that a cell holds; NaN where it holds none that is finite."""
    try:
        value = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return value if math.isfinite(value) and not (isinstance(text, str) and "_" in text) else math.nan


def typed(values: Sequence[object]) -> tuple[Category, ...]:
    """The different values of a categorical column in order, of the type that pandas would read them as."""
    texts = sorted({str(value) for value in values})
    numbers = [as_number(text) for text in texts]
    if {text.lower() for text in texts} <= {"true", "false"}:
        return tuple(sorted({text.lower() == "true" for text in texts}))
    if any(math.isnan(number) for number in numbers):
        return tuple(texts)
    whole = all(text.strip().lstrip("+-").isdigit() for text in texts)
    return tuple(
        sorted({int(text) if whole else number for text, number in zip(texts, numbers, strict=True)})
    )
