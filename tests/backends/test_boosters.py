"""Boosted trees: labels are those of the libraries' own predictions, from Python and from files."""

from pathlib import Path

import lightgbm
import numpy as np
import pytest
import xgboost
from torch import Tensor

from tests.backends.conftest import Digits
from tests.backends.test_scikit_learn import labels
from wulff import backends
from wulff.errors import InputError


def trained_xgboost(digits: Digits, classes: int, objective: str) -> xgboost.Booster:
    few = digits.labels < classes
    parameters = {"objective": objective, "max_depth": 3, "nthread": 1}
    if objective.startswith("multi"):
        parameters["num_class"] = classes
    return xgboost.train(parameters, xgboost.DMatrix(digits.rows[few], digits.labels[few]), 5)


def trained_lightgbm(digits: Digits, classes: int, objective: str) -> lightgbm.Booster:
    few = digits.labels < classes
    parameters = {"objective": objective, "num_leaves": 7, "num_threads": 1, "verbose": -1}
    if classes > 2:
        parameters["num_class"] = classes
    return lightgbm.train(parameters, lightgbm.Dataset(digits.rows[few], digits.labels[few]), 5)


def flat(noisy: Tensor) -> np.ndarray:
    return noisy.reshape(len(noisy), -1).numpy()


@pytest.mark.parametrize(
    ("classes", "objective"),
    [(2, "binary:logistic"), (2, "binary:logitraw"), (10, "multi:softprob"), (10, "multi:softmax")],
)
@pytest.mark.parametrize("ending", ["json", "ubj"])
def test_xgboost(
    classes: int, objective: str, ending: str, digits: Digits, noisy: Tensor, tmp_path: Path
) -> None:
    booster = trained_xgboost(digits, classes, objective)
    path = tmp_path / f"model.{ending}"
    booster.save_model(path)
    answer = booster.predict(xgboost.DMatrix(flat(noisy)))
    expected = answer.argmax(axis=1) if answer.ndim == 2 else answer
    if classes == 2:
        expected = answer > (0.5 if objective == "binary:logistic" else 0)
    for classifier in (backends.adapt(booster), backends.load(f"xgboost:{path}")):
        assert (classifier.num_classes, classifier.input_shape) == (classes, (64,))
        assert classifier.identity is not None
        np.testing.assert_array_equal(labels(classifier, noisy), expected.astype(int))


@pytest.mark.parametrize(("classes", "objective"), [(2, "binary"), (10, "multiclass"), (10, "multiclassova")])
def test_lightgbm(classes: int, objective: str, digits: Digits, noisy: Tensor, tmp_path: Path) -> None:
    booster = trained_lightgbm(digits, classes, objective)
    path = tmp_path / "model.txt"
    booster.save_model(path)
    answer = np.asarray(booster.predict(flat(noisy)))
    expected = answer > 0.5 if classes == 2 else answer.argmax(axis=1)
    for classifier in (backends.adapt(booster), backends.load(f"lightgbm:{path}")):
        assert (classifier.num_classes, classifier.input_shape) == (classes, (64,))
        assert classifier.identity is not None
        np.testing.assert_array_equal(labels(classifier, noisy), expected.astype(int))


def test_boosters_that_do_not_classify(digits: Digits) -> None:
    with pytest.raises(InputError, match="trained for reg:squarederror"):
        backends.adapt(trained_xgboost(digits, 2, "reg:squarederror"))
    with pytest.raises(InputError, match="trained for regression"):
        backends.adapt(trained_lightgbm(digits, 2, "regression"))


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("content", [b"", b"{}", b"tree\n", b"\xff\xfe", b'{"learner": 3}'])
def test_files_that_are_no_models(kind: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no model of"):
        backends.load(f"{kind}:{path}")
    with pytest.raises(InputError, match="No such file"):
        backends.load(f"{kind}:{tmp_path / 'nothing'}")
