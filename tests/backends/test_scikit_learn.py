"""Estimators: the largest probability is their prediction, and .skops files run no code."""

from pathlib import Path

import numpy as np
import pytest
import skops.io
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor

import wulff
from tests.backends.conftest import Digits
from wulff import backends
from wulff.errors import InputError

ESTIMATORS = [
    make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
    RandomForestClassifier(10, random_state=0),
    LinearSVC(),
    SGDClassifier(random_state=0),
]


def labels(classifier: backends.Classifier, batch: Tensor) -> np.ndarray:
    output = classifier(batch)
    return (output if output.ndim == 1 else output.argmax(dim=1)).numpy()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("classes", [2, 10])
def test_labels_are_the_estimators_predictions(
    estimator, classes: int, digits: Digits, noisy: Tensor
) -> None:
    few = digits.labels < classes
    estimator.fit(digits.rows[few], digits.labels[few])
    classifier = backends.adapt(estimator)
    assert classifier.num_classes == classes
    assert classifier.input_shape == (64,)
    assert classifier.class_names is None
    expected = estimator.predict(noisy.reshape(len(noisy), -1).double().numpy())
    np.testing.assert_array_equal(labels(classifier, noisy), expected)


def test_names_of_classes(digits: Digits, noisy: Tensor) -> None:
    names = np.array([f"digit {label}" for label in digits.labels])
    estimator = LogisticRegression(max_iter=200).fit(digits.rows, names)
    classifier = backends.adapt(estimator)
    assert classifier.class_names == tuple(f"digit {label}" for label in range(10))
    expected = estimator.predict(noisy.reshape(len(noisy), -1).double().numpy())
    assert [f"digit {label}" for label in labels(classifier, noisy)] == expected.tolist()


def test_classes_that_do_not_begin_at_zero(digits: Digits, noisy: Tensor) -> None:
    estimator = SGDClassifier(random_state=0).fit(digits.rows, 10 * digits.labels + 5)
    classifier = backends.adapt(estimator)
    assert classifier.class_names is not None
    assert classifier.class_names[3] == "35"
    expected = estimator.predict(noisy.reshape(len(noisy), -1).double().numpy())
    np.testing.assert_array_equal(10 * labels(classifier, noisy) + 5, expected)


def test_a_skops_file(digits: Digits, noisy: Tensor, tmp_path: Path) -> None:
    estimator = LogisticRegression(max_iter=200).fit(digits.rows, digits.labels)
    path = tmp_path / "model.skops"
    skops.io.dump(estimator, path)
    classifier = backends.load(f"sklearn:{path}")
    np.testing.assert_array_equal(labels(classifier, noisy), labels(backends.adapt(estimator), noisy))
    assert classifier.identity == backends.load(f"sklearn:{path}").identity
    assert str(classifier.identity).startswith("sha256:")


class Foreign(LogisticRegression):
    """A class that skops has never heard of."""


def test_what_a_skops_file_must_not_hold(digits: Digits, tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(Foreign(max_iter=200).fit(digits.rows, digits.labels), path)
    with pytest.raises(InputError, match="Foreign; load the model in a file of your own"):
        backends.load(f"sklearn:{path}")
    for content in (b"", b"PK\3\4 cut off", path.read_bytes()[:1000]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"is no \.skops file"):
            backends.load(f"sklearn:{path}")
    with pytest.raises(InputError, match="No such file"):
        backends.load(f"sklearn:{tmp_path / 'nothing.skops'}")


@pytest.mark.parametrize(
    "model", [LogisticRegression(), LinearRegression(), LinearRegression().fit([[0], [1]], [0, 1])]
)
def test_what_is_no_fitted_classifier(model: object) -> None:
    with pytest.raises(InputError, match="not fitted, or is no classifier"):
        backends.adapt(model)


def test_batches_of_any_shape(digits: Digits) -> None:
    classifier = backends.adapt(LogisticRegression(max_iter=200).fit(digits.rows, digits.labels))
    assert classifier(torch.zeros(1, 1, 8, 8)).shape == (1, 10)
    assert classifier(torch.zeros(3, 64)).shape == (3, 10)


def test_what_was_fitted_on_a_frame_gets_frames() -> None:
    """A pipeline may choose its columns by name, and an array has none."""
    import pandas
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(rng.uniform(size=(60, 3)), columns=["age", "income", "noise"])
    y = (frame["age"] > frame["income"]).to_numpy().astype(int)
    chosen = make_column_transformer((StandardScaler(), ["income", "age"]))
    model = make_pipeline(chosen, LogisticRegression()).fit(frame, y)
    x = torch.tensor(frame.to_numpy()).float()
    answer = backends.adapt(model)(x)
    np.testing.assert_array_equal(answer.argmax(dim=1).numpy(), model.predict(frame))
    run = wulff.certify(model, frame, y, noise="gaussian(sigma=0.05)", n0=10, n=50, progress=False)
    assert len(run.records) == 60
