"""Which model of a table can be certified, and how far may each feature change?

    python examples/tables/tables.py --output examples/tables/results.md

Breast cancer and wine, which scikit-learn bundles, and tips, which plotly does, with categories. Every fourth
row is held out. Logistic regression, a random forest and LightGBM are trained on the rows, and on noisy
copies of them (`wulff.training.augment_table`), and certified with noise in units of the columns' standard
deviations.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import wulff
from wulff import datasets, reports, runs, training

SEED = 0
COPIES = 20
RADII = (0.0, 0.25, 0.5, 0.75, 1.0)
NUMBERS = "gaussian(sigma=0.5)"
BOTH = "mixed(numbers=gaussian(sigma=0.5), categories=resampling(keep=0.8))"


def bundled(load: Any) -> Callable[[], tuple[Any, str]]:
    """A table of scikit-learn, with names of classes."""

    def read() -> tuple[Any, str]:
        found = load(as_frame=True)
        frame = found.frame.copy()
        frame["target"] = np.array(found.target_names)[frame["target"]].astype(str)
        return frame, "target"

    return read


def tips() -> tuple[Any, str]:
    """Bills of a restaurant: was it lunch or dinner?"""
    import plotly.data

    return plotly.data.tips(return_type="pandas"), "time"


TABLES = {
    "wine": (bundled(load_wine), NUMBERS),
    "breast cancer": (bundled(load_breast_cancer), NUMBERS),
    "tips": (tips, BOTH),
}


def encoded(estimator: Any, frame: Any) -> Any:
    """An estimator behind what makes numbers of its columns."""
    text = [name for name in frame.columns if frame[name].dtype.kind not in "ifu"]
    numbers = [name for name in frame.columns if name not in text]
    return make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), text), (StandardScaler(), numbers)),
        estimator,
    )


def logistic(frame: Any, target: Any) -> Any:
    return encoded(LogisticRegression(max_iter=5_000), frame).fit(frame, target)


def forest(frame: Any, target: Any) -> Any:
    return encoded(RandomForestClassifier(50, random_state=SEED), frame).fit(frame, target)


def boosted(frame: Any, target: Any) -> Any:
    text = [name for name in frame.columns if frame[name].dtype.kind not in "ifu"]
    trees = lightgbm.LGBMClassifier(n_estimators=50, random_state=SEED, n_jobs=1, verbose=-1)
    return trees.fit(frame.astype(dict.fromkeys(text, "category")), target)


MODELS = {"logistic regression": logistic, "random forest": forest, "LightGBM": boosted}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, default=5_000, help="noisy copies that bound each error")
    parser.add_argument("--tables", nargs="*", default=list(TABLES), help="which of them")
    parser.add_argument("--rows", type=int, default=60, help="held-out rows of each table, at most")
    parser.add_argument("--store", type=Path, help="a folder for the runs; they go on there")
    parser.add_argument("--output", type=Path, help="a Markdown file for the results")
    asked = parser.parse_args(arguments)
    parts = [part for name in asked.tables for part in certified(name, asked.n, asked.rows, asked.store)]
    text = "\n".join([f"n0 = 100, n = {asked.n:,}, alpha = 0.001, seed {SEED}.", *parts])
    print(text)  # noqa: T201
    if asked.output:
        asked.output.write_text(text + "\n")


def certified(name: str, n: int, most: int, store: Path | None) -> list[str]:
    """The results of one table, as lines of Markdown."""
    read, noise = TABLES[name]
    frame, target = read()
    frame = frame.sample(frac=1, random_state=SEED).reset_index(drop=True)
    held_out = np.arange(len(frame)) % 4 == 0
    train, test = frame[~held_out], frame[held_out][:most]
    layout = datasets.layout_of(train, target=target)
    rows = datasets.read_table(test, layout)
    inputs = layout.frame(rows.images[:].numpy())
    norm = "l2-scaled" if noise == NUMBERS else "l2-scaled+0"
    lines = [f"\n## {name}\n", f"{len(train)} rows to train on, {len(test)} to certify; `{noise}`.\n"]
    heads = ["model", "trained on", "clean", *(f"{radius:g}" for radius in RADII)]
    heads += ["one category, 0.25"] if noise == BOTH else []
    lines += [f"| {' | '.join(heads)} |", "| --- | --- |" + " ---: |" * (len(heads) - 2)]
    best: runs.Run | None = None
    for model_name, fit in MODELS.items():
        for on in ("rows", "noisy copies"):
            features, classes = train.drop(columns=target), train[target]
            if on != "rows":
                features, classes = training.augment_table(
                    train, layout, noise=noise, copies=COPIES, seed=SEED
                )
            model = fit(features, classes)
            folder = store and store / "-".join([name, model_name, on]).replace(" ", "-")
            run = wulff.certify(
                model, rows, noise=noise, norms=["l2-scaled"], n=n, seed=SEED, store=folder, progress=False,
                identity=f"{model_name} trained on {on} of {name}",
            )  # fmt: skip
            cells = [clean_accuracy(model, inputs, test[target]), *run.accuracy(norm, RADII)]
            if noise == BOTH:
                cells.append(run.accuracy("l2-scaled+1", 0.25) if "l2-scaled+1" in run.norms else 0.0)
            lines.append(f"| {model_name} | {on} | {' | '.join(f'{100 * cell:.1f}' for cell in cells)} |")
            if best is None or run.accuracy(norm, 0.5) > best.accuracy(norm, 0.5):
                best = run
    assert best is not None
    who = best.facts.hashes["weights"].removesuffix(f" of {name}")
    lines += [f"\nHow far each feature alone may change, by {who}, the best at radius 0.5:\n"]
    return [*lines, reports.feature_ranges(best).render("md").partition("\n\nNote:")[0]]


def clean_accuracy(model: Any, inputs: Any, expected: Any) -> float:
    """The share of rows that the estimator without noise labels correctly."""
    if isinstance(model, lightgbm.LGBMClassifier):
        text = [name for name in inputs.columns if inputs[name].dtype.kind not in "ifu"]
        inputs = inputs.astype(dict.fromkeys(text, "category"))
    return float((model.predict(inputs) == expected.to_numpy()).mean())


if __name__ == "__main__":
    main()
