"""Boosters of LightGBM; the only file that imports it."""

import contextlib
import hashlib
import io
import re
from pathlib import Path
from typing import Any, final

import numpy as np
from torch import Tensor

from wulff.backends.base import Classifier, first_line, flat_rows, to_logits, two_sided_scores
from wulff.backends.table_rows import TableRows
from wulff.errors import InputError
from wulff.tables import Layout


@final
class LightGBMFunction:
    """A booster for classification: the largest raw score wins; one score is that of the second class."""

    def __init__(self, booster: Any, table: Layout | None = None) -> None:
        self.booster = booster
        self.rows = table and TableRows(table, booster.feature_name(), native=native_columns(booster, table))

    def on_table(self, table: Layout) -> "LightGBMFunction":
        """The same booster for rows of a table.

        Raises:
            InputError: It was trained on other columns.
        """
        return LightGBMFunction(self.booster, table)

    def __call__(self, batch: Tensor) -> Tensor:
        rows = flat_rows(batch) if self.rows is None else self.rows(batch)
        scores = np.asarray(self.booster.predict(rows, raw_score=True, num_threads=1))
        return to_logits(two_sided_scores(scores), batch.device)


def native_columns(booster: Any, table: Layout) -> list[str]:
    """The columns that a booster was trained on as categories of pandas' type.

    It knows the values of each of them, in the order of its columns, but not which they are: text, and
    columns that were not split as numbers and have no values besides the next.
    """
    values = [set(listed) for listed in booster.pandas_categorical or ()]
    ranges = re.search(r"^feature_infos=(.*)$", booster.model_to_string(), flags=re.MULTILINE)
    split = ranges.group(1).split(" ") if ranges else []
    known = {feature.name.replace(" ", "_"): feature.categories for feature in table.features}
    found: list[str] = []
    for name, how in zip(booster.feature_name(), split, strict=False):
        categories = known.get(name.replace(" ", "_"), ())
        if not (categories and values) or how.startswith("["):
            continue
        if isinstance(categories[0], str) or values[0].issuperset(categories):
            found.append(name)
            values.pop(0)
    return found


def of_lightgbm(booster: Any, identity: str | None = None) -> Classifier:
    """A booster as a base classifier.

    Raises:
        InputError: It was not trained to classify.
    """
    text = booster.model_to_string()
    found = re.search(r"^objective=(\S+)", text, flags=re.MULTILINE)
    objective = found.group(1) if found else "an objective of its own"
    if objective not in ("binary", "multiclass", "multiclassova"):
        raise InputError(
            f"the booster was trained for {objective}; a classifier has binary or multiclass there."
        )
    return Classifier(
        function=LightGBMFunction(booster),
        num_classes=max(2, booster.num_model_per_iteration()),
        input_shape=(booster.num_feature(),),
        identity=identity or f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
        libraries=("lightgbm",),
    )


def load_lightgbm(path: Path) -> Classifier:
    """The booster in a text file.

    Raises:
        InputError: The file is missing or damaged, or LightGBM is missing.
    """
    try:
        import lightgbm
    except (ImportError, OSError):  # the latter where a system library is missing
        raise InputError("lightgbm: needs the package lightgbm; pip install 'wulff[lightgbm]'.") from None
    try:
        content = path.read_bytes()
        with contextlib.redirect_stdout(io.StringIO()):  # where LightGBM reports what it then raises
            booster = lightgbm.Booster(model_str=content.decode())
        return of_lightgbm(booster, f"sha256:{hashlib.sha256(content).hexdigest()}")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or first_line(error)}.") from None
    except InputError:
        raise
    except Exception:  # damaged files fail in many ways
        raise InputError(
            f"{path} is no model of LightGBM; save one with booster.save_model('model.txt')."
        ) from None
