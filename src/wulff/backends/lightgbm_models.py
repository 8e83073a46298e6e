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
        self.rows = table and TableRows(table, booster.feature_name(), native=True)

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
