"""Boosters of XGBoost; the only file that imports it."""

import hashlib
import json
from pathlib import Path
from typing import Any, final

import numpy as np
from torch import Tensor

from wulff._quoting import shown
from wulff.backends.base import Classifier, first_line, flat_rows, to_logits, two_sided_scores
from wulff.backends.table_rows import TableRows
from wulff.errors import InputError
from wulff.tables import Layout


@final
class BoosterFunction:
    """A booster for classification: the largest margin wins; one margin is that of the second class."""

    def __init__(self, booster: Any, table: Layout | None = None) -> None:
        self.booster = booster
        self.rows = table and TableRows(table, booster.feature_names, native=native_columns(booster))

    def on_table(self, table: Layout) -> "BoosterFunction":
        """The same booster for rows of a table.

        Raises:
            InputError: It was trained on other columns, or does not say how their categories are numbered.
        """
        _check_categories(self.booster)
        return BoosterFunction(self.booster, table)

    def __call__(self, batch: Tensor) -> Tensor:
        rows = flat_rows(batch) if self.rows is None else self.rows(batch)
        margins = np.asarray(self.booster.inplace_predict(rows, predict_type="margin"))
        return to_logits(two_sided_scores(margins), batch.device)


def native_columns(booster: Any) -> list[str]:
    """The columns that a booster was trained on as categories of pandas' type."""
    kinds = zip(booster.feature_names or (), booster.feature_types or (), strict=False)
    return [name for name, kind in kinds if kind == "c"]


def _check_categories(booster: Any) -> None:
    """Refuse a booster of an XGBoost that did not keep the order of the categories that it splits."""
    native = native_columns(booster)
    if native and (not hasattr(booster, "get_categories") or booster.get_categories().empty()):
        raise InputError(
            f"the booster does not say in which order the categories of {shown(native[0])} are numbered; "
            "train and save it with XGBoost 3.1 or later."
        )


def of_booster(booster: Any, identity: str | None = None) -> Classifier:
    """A booster as a base classifier.

    Raises:
        InputError: It was not trained to classify.
    """
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    if not objective.startswith(("binary:", "multi:")):
        raise InputError(f"the booster was trained for {objective}; a classifier has binary or multi there.")
    return Classifier(
        function=BoosterFunction(booster),
        num_classes=max(2, int(learner["learner_model_param"]["num_class"])),
        input_shape=(int(booster.num_features()),),
        identity=identity or f"sha256:{hashlib.sha256(bytes(booster.save_raw('ubj'))).hexdigest()}",
        libraries=("xgboost",),
    )


def load_xgboost(path: Path) -> Classifier:
    """The booster in a .json or .ubj file.

    Raises:
        InputError: The file is missing or damaged, or XGBoost is missing.
    """
    try:
        import xgboost
    except ImportError:
        raise InputError("xgboost: needs the package xgboost; pip install 'wulff[xgboost]'.") from None
    try:
        content = path.read_bytes()
        booster = xgboost.Booster({"nthread": 1})  # workers have one thread each
        booster.load_model(bytearray(content or b"\n"))  # an empty one ends the process
        return of_booster(booster, f"sha256:{hashlib.sha256(content).hexdigest()}")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or first_line(error)}.") from None
    except InputError:
        raise
    except Exception:  # damaged files fail in many ways
        raise InputError(
            f"{path} is no model of XGBoost; save one with booster.save_model('model.json')."
        ) from None
