"""Estimators of scikit-learn, and whatever follows its conventions; the only file that imports skops."""

import hashlib
import importlib.util
from pathlib import Path
from typing import Any, final

import numpy as np
from torch import Tensor

from wulff.backends.base import Classifier, first_line, flat_rows, to_logits, two_sided_scores
from wulff.backends.table_rows import TableRows
from wulff.errors import InputError
from wulff.tables import Layout


@final
class EstimatorFunction:
    """A fitted classifier: rows are flattened, and the largest probability or decision value wins.

    Args:
        estimator: It has `classes_` and one of `predict_proba`, `decision_function` and `predict`.
        table: The columns of the table whose rows it gets; None for other inputs.
    """

    def __init__(self, estimator: Any, table: Layout | None = None) -> None:
        self.estimator = estimator
        self.classes = np.asarray(estimator.classes_)
        self.columns = _columns(estimator)
        self.rows = table and TableRows(table, self.columns, native=_native_columns(estimator, table))

    def on_table(self, table: Layout) -> "EstimatorFunction":
        """The same estimator for rows of a table.

        Raises:
            InputError: It was trained on other columns.
        """
        return EstimatorFunction(self.estimator, table)

    def __call__(self, batch: Tensor) -> Tensor:
        if self.rows is not None:
            return to_logits(self._answer(self.rows(batch)), batch.device)
        rows = flat_rows(batch).astype(np.float64)
        if self.columns is None or rows.shape[1] != len(self.columns):
            return to_logits(self._answer(rows), batch.device)
        import pandas  # what it was fitted on; a pipeline may choose columns by their names

        return to_logits(self._answer(pandas.DataFrame(rows, columns=self.columns)), batch.device)

    def _answer(self, x: Any) -> np.ndarray:
        if hasattr(self.estimator, "predict_proba"):
            return np.asarray(self.estimator.predict_proba(x), dtype=np.float64)
        if hasattr(self.estimator, "decision_function"):
            values = np.asarray(self.estimator.decision_function(x), dtype=np.float64)
            if values.ndim == 1 or values.shape[1] == len(self.classes):
                return two_sided_scores(values)
        return np.searchsorted(self.classes, np.asarray(self.estimator.predict(x))).astype(np.int64)


def _columns(estimator: Any) -> list[str] | None:
    """The names of the columns that an estimator was fitted on, where it was a frame and pandas is there."""
    try:
        names = list(estimator.feature_names_in_)
    except (AttributeError, TypeError):
        return None
    return names if names and importlib.util.find_spec("pandas") is not None else None


def _native_columns(estimator: Any, table: Layout) -> list[str] | None:
    """The columns that an estimator was trained on as categories of pandas' type: boosted trees can be."""
    origin = type(estimator).__module__.partition(".")[0]
    if origin == "lightgbm":
        from wulff.backends import lightgbm_models

        return lightgbm_models.native_columns(estimator.booster_, table)
    if origin == "xgboost":
        from wulff.backends import xgboost_models

        return xgboost_models.native_columns(estimator.get_booster())
    if (mask := getattr(estimator, "is_categorical_", None)) is None:
        return None
    return [name for name, native in zip(_columns(estimator) or (), mask, strict=False) if native]


def is_estimator(model: object) -> bool:
    """Whether an object follows scikit-learn's conventions for classifiers or regressors."""
    return hasattr(model, "predict") and hasattr(model, "fit") and not hasattr(model, "state_dict")


def of_estimator(estimator: Any, identity: str | None = None) -> Classifier:
    """A fitted estimator as a base classifier.

    Raises:
        InputError: It is not fitted, or is no classifier.
    """
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        raise InputError(
            f"{type(estimator).__name__} has no classes_: it is not fitted, or is no classifier; fit a "
            "classifier first."
        )
    classes = np.asarray(classes)
    if classes.ndim != 1:
        raise InputError(f"{type(estimator).__name__} has several outputs; certify one of them at a time.")
    numbered = classes.dtype.kind in "iub" and np.array_equal(classes, np.arange(len(classes)))
    features = getattr(estimator, "n_features_in_", None)
    return Classifier(
        function=EstimatorFunction(estimator),
        num_classes=len(classes),
        class_names=None if numbered else tuple(str(name) for name in classes),
        input_shape=None if features is None else (int(features),),
        identity=identity,
        libraries=_libraries(estimator),
    )


def _libraries(estimator: Any) -> tuple[str, ...]:
    """The packages of an estimator and of those that it is made of."""
    parts = [estimator]
    if hasattr(estimator, "get_params"):
        parts += estimator.get_params(deep=True).values()
    names = {type(part).__module__.partition(".")[0] for part in parts if hasattr(part, "fit")}
    return tuple(sorted({"sklearn", *names} - {"__main__", "builtins"}))


def load_skops(path: Path) -> Classifier:
    """The estimator in a .skops file, which runs no code when it is read.

    Raises:
        InputError: The file is missing or damaged, skops is missing, or it holds types that are not trusted.
    """
    try:
        import skops.io
    except ImportError:
        raise InputError("a .skops file needs the package skops; pip install 'wulff[skops]'.") from None
    try:
        content = path.read_bytes()
        unknown = skops.io.get_untrusted_types(data=content)
        if unknown:
            raise InputError(
                f"{path} holds types that skops does not know as safe: {', '.join(map(str, unknown[:3]))}; "
                "load the model in a file of your own, and use python:FILE.py:NAME."
            )
        estimator = skops.io.loads(content, trusted=[])
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or first_line(error)}.") from None
    except Exception as error:  # damaged archives fail in many ways
        raise InputError(
            f"{path} is no .skops file of a model ({first_line(error).rstrip('.')}); save one with "
            "skops.io.dump(model, 'model.skops')."
        ) from None
    return of_estimator(estimator, identity=f"sha256:{hashlib.sha256(content).hexdigest()}")
