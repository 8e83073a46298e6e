"""Tables from training to the record: rows as models expect them, noise in units of the columns."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import wulff
from tests.cli.conftest import call
from wulff import backends, datasets, runs
from wulff.errors import InputError
from wulff.reports.page_head import command as command_of

pandas = pytest.importorskip("pandas")
TERMS = ("--noise", "gaussian(sigma=0.25)", "--n0", "20", "--n", "100", "--slice", ":8")


def people(rows: int, seed: int) -> Any:
    """Who is heavy is decided by weight and height; a column of text and one of whole numbers say nothing."""
    rng = np.random.default_rng(seed)
    height, weight = rng.normal(1.75, 0.1, rows), rng.normal(75, 15, rows)
    heavy = weight / height**2 > 24.5
    return pandas.DataFrame(
        {
            "height in m": height,
            "weight": weight,
            "city": rng.choice(["Oslo", "Rome"], rows),
            "shoes": rng.integers(35, 48, rows),
            "class": np.where(heavy, "heavy", "light"),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tables")
    for name, rows in (("train", 300), ("test", 40)):
        frame = people(rows, seed=rows)
        frame.to_csv(root / f"{name}.csv", index=False)
        frame.drop(columns="city").to_csv(root / f"{name}-numbers.csv", index=False)
    trained = call(
        "train", "--noise", "gaussian(sigma=0.25)", "--dataset", f"table:{root / 'train-numbers.csv'}",
        "--target", "class", "--immutable", "shoes", "--epochs", "3", "--store", str(root / "model"),
    )  # fmt: skip
    assert trained.code == 0, trained
    return root


def test_a_training_carries_the_columns_to_its_runs(folder: Path) -> None:
    test = ("--dataset", f"table:{folder / 'test-numbers.csv'}", "--model", str(folder / "model"))
    terms = ("--n0", "20", "--n", "100")
    for rows, name in ((":20", "run"), ("20:", "rest")):
        certified = call("certify", *test, *terms, "--slice", rows, "--store", str(folder / name))
        assert certified.code == 0, certified
    run = runs.load(folder / "run")
    table = run.spec.table
    train = pandas.read_csv(folder / "train-numbers.csv")
    assert table is not None
    assert table == runs.read_training(folder / "model").spec.table
    assert table.scales == (train["height in m"].std(ddof=0), train["weight"].std(ddof=0), 0)
    assert str(run.noise) == f"gaussian(sigma=0.25, scales={list(table.scales)})"
    assert run.norms == ["l2-scaled"]
    assert run.facts.class_names == ("heavy", "light")
    assert run.accuracy("l2-scaled", 0.1) > 0.7
    predicted = call("predict", *test, "--target", "class", "--n", "100", "--store", str(folder / "labels"))
    assert predicted.code == 0, predicted
    plain = pandas.read_csv(folder / "test-numbers.csv").drop(columns="class")
    plain.to_csv(folder / "plain.csv", index=False)
    rows = ("--dataset", f"table:{folder / 'plain.csv'}", "--model", str(folder / "model"), "--slice", ":20")
    assert call("certify", *rows, *terms, "--store", str(folder / "plain")).code == 0
    without_labels = runs.load(folder / "plain")
    assert not without_labels.facts.labelled
    assert (without_labels.radii("l2-scaled") == run.radii("l2-scaled")).all()
    refused = call("certify", *rows, *terms, "--target", "class", "--store", str(folder / "refused"))
    assert (refused.code, refused.err.count("\n")) == (2, 1), refused
    assert "has no column 'class' for --target" in refused.err
    audited = call("audit", "batch-invariance", *test, "--copies", "64", "--batches", "1,16")
    assert audited.code == 0, audited
    resumed = call("certify", *test, *terms, "--slice", ":20", "--store", str(folder / "run"))
    assert resumed.code == 0, resumed
    assert runs.inputs(run).table == table
    assert not call("recertify", str(folder / "run"), "--norm", "linf", "--store", str(folder / "linf")).code
    merged = call("merge", str(folder / "run"), str(folder / "rest"), "--store", str(folder / "merged"))
    assert merged.code == 0, merged


def pipeline(frame: Any) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encoders = make_column_transformer(
        (OneHotEncoder(), ["city"]), (StandardScaler(), ["weight", "height in m"]), remainder="passthrough"
    )
    model = make_pipeline(encoders, LogisticRegression(max_iter=1000))
    return model.fit(frame.drop(columns="class"), frame["class"])


def boosted(frame: Any) -> Any:
    lightgbm = pytest.importorskip("lightgbm")
    x = frame.drop(columns="class").astype({"city": "category"})
    return lightgbm.LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1).fit(x, frame["class"])


def histograms(frame: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    x = frame.drop(columns="class").astype({"city": "category"})
    return HistGradientBoostingClassifier(max_iter=10).fit(x, frame["class"])


@pytest.mark.parametrize("make", [pipeline, boosted, histograms])
def test_models_get_the_frames_that_they_were_trained_on(make: Any, folder: Path) -> None:
    train, test = (pandas.read_csv(folder / f"{name}.csv") for name in ("train", "test"))
    model = make(train)
    layout = datasets.layout_of(train, target="class", immutable=["city"])
    rows = datasets.read_table(test[test.columns[::-1]], layout)
    answers = backends.for_table(backends.adapt(model), layout)(rows.images[:])
    inputs = test.drop(columns="class")
    expected = model.predict_proba(inputs if make is pipeline else inputs.astype({"city": "category"}))
    np.testing.assert_allclose(answers.numpy(), expected, atol=1e-5)
    noise = "gaussian(sigma=0.1)"
    run = wulff.certify(model, rows[:8], noise=noise, norms=["l2-scaled"], n=100, progress=False)
    assert run.spec.table == layout
    assert run.accuracy("l2-scaled", 0.1) > 0.6


def test_boosters_get_their_columns(folder: Path) -> None:
    lightgbm, xgboost = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    train, test = (pandas.read_csv(folder / f"{name}.csv") for name in ("train", "test"))
    x, y = train.drop(columns="class").astype({"city": "category"}), train["class"] == "light"
    layout = datasets.layout_of(train, target="class", immutable=["city"])
    rows = datasets.read_table(test, layout).images[:]
    trees = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(x, y), 5)
    read = lightgbm.Booster(model_str=trees.model_to_string())
    inputs = test.drop(columns="class").astype({"city": "category"})
    answers = backends.for_table(backends.adapt(read), layout)(rows)
    np.testing.assert_allclose(answers[:, 1].numpy(), trees.predict(inputs, raw_score=True), atol=1e-5)
    data = xgboost.DMatrix(x, y, enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 5)
    answers = backends.for_table(backends.adapt(booster), layout)(rows)
    expected = booster.predict(xgboost.DMatrix(inputs, enable_categorical=True), output_margin=True)
    np.testing.assert_allclose(answers[:, 1].numpy(), expected, atol=1e-5)


def test_boosters_say_in_which_order_their_categories_are(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    frame = pandas.DataFrame({"city": ["Rome", "Bern", "Oslo"] * 20, "size": np.arange(60.0)})
    unsorted = frame.assign(city=pandas.Categorical(frame["city"], ["Rome", "Oslo", "Bern"]))
    target = (frame["city"] == "Rome").astype(int)
    data = xgboost.DMatrix(unsorted, target, enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 3)
    layout = datasets.layout_of(frame.assign(rome=target), target="rome")
    rows = datasets.read_table(frame, layout).images
    booster.save_model(tmp_path / "model.json")
    read = xgboost.Booster(model_file=tmp_path / "model.json")
    answers = backends.for_table(backends.adapt(read), layout)(rows[:])
    assert answers.argmax(1).tolist() == target.tolist()
    # As it was written before XGBoost kept them.
    document = json.loads((tmp_path / "model.json").read_text())
    del document["learner"]["gradient_booster"]["model"]["cats"]
    (tmp_path / "old.json").write_text(json.dumps(document))
    old = xgboost.Booster(model_file=tmp_path / "old.json")
    with pytest.raises(InputError, match="does not say in which order the categories of 'city'"):
        backends.for_table(backends.adapt(old), layout)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "sklearn"])
def test_true_and_whole_numbers_may_be_categories_as_text_is_and_be_hidden(library: str) -> None:
    rng = np.random.default_rng(0)
    table = pandas.DataFrame(
        {
            "plain": rng.choice([True, False], 200),
            "grade": rng.choice([3, 7, 11], 200),
            "city": rng.choice(["Oslo", "Rome"], 200),
            "member": rng.choice([True, False], 200),
            "size": rng.normal(size=200),
        }
    )
    classes = ((table["grade"] == 7) ^ table["member"] ^ (table["city"] == "Rome")).astype(int)
    native = ["grade", "city"] if library == "xgboost" else ["grade", "city", "member"]  # it takes no bool
    x = table.astype(dict.fromkeys(native, "category"))
    if library == "sklearn":
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(max_iter=10).fit(x, classes)
    elif library == "lightgbm":
        model = pytest.importorskip("lightgbm").LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1)
        model.fit(x, classes)
    else:
        model = pytest.importorskip("xgboost").XGBClassifier(
            n_estimators=10, n_jobs=1, enable_categorical=True
        )
        model.fit(x, classes)
    layout = datasets.layout_of(table.assign(y=classes), target="y", categorical=["grade"])
    rows = datasets.read_table(table.assign(y=classes), layout).images[:]
    function = backends.for_table(backends.adapt(model), layout).function
    np.testing.assert_allclose(function(rows), model.predict_proba(x), atol=1e-5)
    rows[0, :4] = -1
    hidden = x.iloc[:1].assign(plain=np.nan, grade=None, city=None, member=np.nan)
    hidden = hidden.astype({name: x[name].dtype for name in native})
    np.testing.assert_allclose(function(rows)[:1], model.predict_proba(hidden), atol=1e-5)


def test_numbers_in_which_noise_would_be_lost_are_refused() -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        return (x[:, 0].double() > 1e9 + 32).long()

    for scale, size in ((1e-3, 1.0), (1e3, 1e-6)):
        noise = f"gaussian(sigma={size}, scales=[{scale}])"
        with pytest.raises(InputError, match="of its noise"):
            wulff.certify(function, np.array([[1e9 + 31.999]]), [0], noise=noise, norms=["l2-scaled"],
                          num_classes=2, n=100, progress=False)  # fmt: skip


def test_models_of_arrays_get_arrays(folder: Path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    train = pandas.read_csv(folder / "train-numbers.csv")
    layout = datasets.layout_of(train, target="class")
    tree = DecisionTreeClassifier(max_depth=3).fit(train.drop(columns="class").to_numpy(), train["class"])
    rows = datasets.read_table(train, layout)
    answers = backends.for_table(backends.adapt(tree), layout)(rows.images[:])
    assert (answers.argmax(dim=1) == rows.labels).float().mean() > 0.9
    seen: list[torch.Tensor] = []

    def function(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return (x[:, 1] < 75).long()

    run = wulff.certify(
        function, rows[:8], noise="laplace(sigma=0.1)", norms=["l1-scaled", "linf"], num_classes=2, n=50,
        progress=False,
    )  # fmt: skip
    assert run.radii("l1-scaled").max() > 0
    assert seen[0].shape[1] == 3


def test_models_of_other_columns_are_refused(folder: Path) -> None:
    train = pandas.read_csv(folder / "train.csv")
    model = pipeline(train)
    layout = datasets.layout_of(pandas.read_csv(folder / "train-numbers.csv"), target="class")
    with pytest.raises(InputError, match="was trained on 4 columns, and the table lacks 'city'"):
        backends.for_table(backends.adapt(model), layout)
    more = datasets.layout_of(train.assign(more=train["weight"]), target="class")
    with pytest.raises(InputError, match="and the table has 'more' besides"):
        backends.for_table(backends.adapt(model), more)


def test_a_model_from_elsewhere_on_the_command_line(folder: Path) -> None:
    skops = pytest.importorskip("skops.io")
    skops.dump(pipeline(pandas.read_csv(folder / "train.csv")), folder / "model.skops")
    command = (
        "certify", "--model", f"sklearn:{folder / 'model.skops'}", "--target", "class", "--immutable", "city",
        "--dataset", f"table:{folder / 'test.csv'}", *TERMS,
    )  # fmt: skip
    rows = ("--training-rows", str(folder / "train.csv"))
    result = call(*command, *rows, "--store", str(folder / "elsewhere"))
    assert result.code == 0, result
    assert runs.load(folder / "elsewhere").accuracy("l2-scaled", 0.1) > 0.7
    again = command_of(runs.load(folder / "elsewhere"))
    assert again
    assert "--training-rows elsewhere" in again
    bare = [word for word in command if word not in ("--immutable", "city")]
    same = call(*bare, "--training-rows", str(folder / "elsewhere"), "--store", str(folder / "same"))
    assert same.code == 0, same
    assert runs.load(folder / "same").spec == runs.load(folder / "elsewhere").spec
    (folder / "scales.toml").write_text('"height in m" = 0.1\nweight = 10\n')
    scales = ("--scales", str(folder / "scales.toml"))
    assert call(*command, *rows, *scales, "--store", str(folder / "scales")).code == 0
    assert "scales=[0.1, 10.0, 0.0, " in runs.load(folder / "scales").spec.noise
    for more, message in (
        ((), "come from the rows that"),
        (scales, "'shoes' come from the rows that"),
        ((*rows, "--target", "weight in kg"), "has no column 'weight in kg' for --target"),
        ((*rows, "--noise", "gaussian(sigma=1, scales=[1, 2, 3, 4])"), "leave out scales"),
        ((*rows, "--noise", "ablation(keep=2, null=-1)"), "'city' is --immutable"),
        ((*rows, "--scales", str(folder / "train.csv")), "is not a readable TOML file"),
        (("--training-rows", str(folder / "elsewhere")), "leave out --immutable"),
        (("--training-rows", str(folder)), "is no run and no training with a table"),
        ((*rows, "--dataset", "digits"), "--target is for the columns of a table"),
    ):
        refused = call(*command, *more, "--store", str(folder / "refused"))
        assert refused.code == 2, (more, refused)
        assert refused.err.count("\n") == 1
        assert message in refused.err
        assert not (folder / "refused").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            ",Oslo,",
            ",Bern,",
            "holds 'Bern', which is none of the categories of the training rows: Oslo, Rome",
        ),
        (",Oslo,", ",,", "the column 'city', row "),
        ("1.7", "tall", "which is no finite number"),
        ("1.7", "nan#", "the column 'height in m', row "),
        ("class\n", "label\n", "has no column 'class' for --target"),
        ("city", "town", "has no column 'city'"),
        ("city", "weight", "two columns of the name 'weight'"),
        ("", None, "is empty"),
    ],
)
def test_bad_tables_end_in_one_line(
    old: str, new: str | None, message: str, folder: Path, tmp_path: Path
) -> None:
    skops = pytest.importorskip("skops.io")
    skops.dump(pipeline(pandas.read_csv(folder / "train.csv")), tmp_path / "model.skops")
    text = (folder / "test.csv").read_text()
    (tmp_path / "bad.csv").write_text("" if new is None else text.replace(old, new, 1))
    result = call(
        "certify", "--model", f"sklearn:{tmp_path / 'model.skops'}", "--target", "class", *TERMS,
        "--immutable", "city", "--training-rows", str(folder / "train.csv"),
        "--dataset", f"table:{tmp_path / 'bad.csv'}", "--store", str(tmp_path / "run"),
    )  # fmt: skip
    assert (result.code, result.err.count("\n")) == (2, 1), result
    assert message in result.err
    assert not (tmp_path / "run").exists()


def test_bad_training_rows_end_in_one_line(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "train.csv", tmp_path / "train.csv")
    command = ("train", "--dataset", f"table:{tmp_path / 'train.csv'}", "--noise", "gaussian(sigma=0.5)")
    (tmp_path / "scales.toml").write_text("weight = -1")
    for more, message in (
        ((), "say which column holds the classes: --target COLUMN"),
        (("--target", "class"), "'city' is categorical; make it immutable"),
        (("--target", "class", "--scales", str(tmp_path / "scales.toml")), "must be at least 0 and finite"),
        (("--target", "class", "--noise", "bands(width=2)"), "has to be one that is sampled"),
        (("--target", "class", "--noise", "ablation(keep=2)"), "give null=-1"),
    ):
        refused = call(*command, *more, "--store", str(tmp_path / "model"))
        assert (refused.code, refused.err.count("\n")) == (2, 1), (more, refused)
        assert message in refused.err
        assert not (tmp_path / "model").exists()


def test_categories_and_hidden_values_in_a_network(folder: Path) -> None:
    layout = datasets.layout_of(folder / "train.csv", target="class")
    dataset = datasets.load(f"table:{folder / 'train.csv'}", table=layout)
    encoder = wulff.models.Encoder([len(feature.categories) for feature in layout.features])
    encoder.fit(dataset.images[:])
    encoded = encoder(dataset.images[:])
    assert encoded.shape == (300, 5)
    assert encoded[:, 0].mean().abs() < 1e-5
    assert encoded[:, 4].std(correction=0) == pytest.approx(1, abs=1e-5)
    assert encoded[:, 2:4].sum(dim=1).eq(1).all()
    assert encoder(torch.tensor([[1.7, 70, -1, 40]]))[0, 2:4].tolist() == [0, 0]


def test_numbers_and_categories_have_one_noise(folder: Path, tmp_path: Path) -> None:
    model = pipeline(pandas.read_csv(folder / "train.csv"))
    skops = pytest.importorskip("skops.io")
    skops.dump(model, tmp_path / "model.skops")
    command = (
        "certify", "--model", f"sklearn:{tmp_path / 'model.skops'}", "--target", "class",
        "--immutable", "shoes", "--training-rows", str(folder / "train.csv"),
        "--dataset", f"table:{folder / 'test.csv'}",
        "--n0", "20", "--n", "100", "--slice", ":6",
    )  # fmt: skip
    noise = "mixed(numbers=gaussian(sigma=0.25), categories=resampling(keep=0.9))"
    result = call(*command, "--noise", noise, "--store", str(tmp_path / "run"))
    assert result.code == 0, result
    run = runs.load(tmp_path / "run")
    assert str(run.spec.noise).endswith("resampling(keep=0.9, values=[2], dim=1), columns=[2], dim=4)")
    assert run.norms == ["l2-scaled+0"]
    assert run.radii("l2-scaled+0").max() > 0.1
    for other, message in (
        ("gaussian(sigma=1)", "the column 'city' is categorical"),
        (noise.replace("0.9)", "0.9, values=3)"), "the categories of the table are in the columns [2]"),
        (noise[:-1] + ", columns=[1])", "the categories of the table are in the columns [2]"),
    ):
        refused = call(*command, "--noise", other, "--store", str(tmp_path / "refused"))
        assert (refused.code, refused.err.count("\n")) == (2, 1), refused
        assert message in refused.err


@pytest.mark.parametrize(
    ("noise", "norm"),
    [
        ("ablation(keep=2)", "l0"),
        ("resampling(keep=0.9, values=2)", "l0"),
        ("flips(added=0.01, removed=0.2)", "l0"),
        ("mixed(numbers=gaussian(sigma=1), categories=ablation(keep=1), columns=[1])", "l2-scaled"),
        ("gaussian(sigma=1)", "l2-scaled"),
        (None, "l2-scaled"),
    ],
)
def test_rows_are_certified_against_what_their_noise_is_for(noise: str | None, norm: str) -> None:
    assert runs.usual_norm(noise) == norm
