"""Noisy copies of the rows of a table, for estimators that are trained elsewhere."""

import numpy as np
import pytest

from wulff import datasets, training
from wulff.errors import InputError

pandas = pytest.importorskip("pandas")
FRAME = pandas.DataFrame(
    {
        "weight": [80.0, 60, 95, 70],
        "city": ["Oslo", "Rome", "Bern", "Oslo"],
        "shoes": [44, 40, 41, 45],
        "heavy": [1, 0, 1, 0],
    }
)
MIXED = "mixed(numbers=gaussian(sigma=0.5), categories={})"


def test_copies_have_the_noise_of_the_run_and_the_types_of_the_table() -> None:
    layout = datasets.layout_of(FRAME, target="heavy", scales={"weight": 10}, immutable=["shoes"])
    noise = MIXED.format("resampling(keep=0.8)")
    copies, target = training.augment_table(FRAME, layout, noise=noise, copies=2_000, seed=3)
    assert (len(copies), list(copies.columns)) == (8_000, ["weight", "city", "shoes"])
    assert (target.name, target.tolist()) == ("heavy", [1, 0, 1, 0] * 2_000)
    first = copies[::4]
    # Within five standard errors, and the shoes of every row are its own.
    assert abs(first["weight"].mean() - 80) < 5 * 5 / np.sqrt(2_000)
    assert first["weight"].std() == pytest.approx(5, rel=0.1)
    assert abs((first["city"] == "Oslo").mean() - 0.8) < 5 * np.sqrt(0.16 / 2_000)
    assert set(first["city"]) == {"Oslo", "Rome", "Bern"}
    assert copies["shoes"].tolist() == FRAME["shoes"].tolist() * 2_000
    again, _ = training.augment_table(FRAME, layout, noise=noise, copies=2_000, seed=3)
    assert again.equals(copies)


def test_hidden_categories_are_missing() -> None:
    layout = datasets.layout_of(FRAME, target="heavy", immutable=["shoes"])
    noise = MIXED.format("ablation(keep_probability=0.5, null=-1)")
    copies, _ = training.augment_table(FRAME, layout, noise=noise, copies=100)
    assert 100 < copies["city"].isna().sum() < 300


def test_what_is_refused() -> None:
    layout = datasets.layout_of(FRAME, target="heavy", immutable=["city", "shoes"])
    for noise, more, message in (
        ("bands(width=2)", {}, "copied with noise, got the views"),
        ("gaussian(sigma=0.5)", {"copies": 0}, "copies must be a positive integer"),
        ("gaussian(sigma=0.5, scales=[1, 2, 3])", {}, "leave out scales"),
    ):
        with pytest.raises(InputError, match=message):
            training.augment_table(FRAME, layout, noise=noise, **more)
    with pytest.raises(InputError, match="has no column 'city'"):
        training.augment_table(FRAME.drop(columns="city"), layout, noise="gaussian(sigma=0.5)")
    numbers = datasets.layout_of(FRAME.drop(columns="city"), target="heavy")
    with pytest.raises(InputError, match="give null=-1"):
        training.augment_table(FRAME.drop(columns="city"), numbers, noise="ablation(keep=1)")
