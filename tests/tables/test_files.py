"""Tables: what columns are, how rows become inputs and frames again, and everything that is refused."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wulff import datasets
from wulff.datasets import Feature, Layout
from wulff.errors import InputError

pandas = pytest.importorskip("pandas")

TEXT = "age,city,grade,member,class\n30,Rome,1,true,yes\n50,Oslo,2,false,no\n40,Rome,2,true,yes\n"


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "table.csv") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_columns_are_numbers_or_categories(file: Callable[[str], Path]) -> None:
    layout = datasets.layout_of(file(TEXT), target="class", categorical=["grade"], immutable=["member"])
    assert layout.features == (
        Feature(name="age", scale=float(np.std([30, 50, 40]))),
        Feature(name="city", categories=("Oslo", "Rome")),
        Feature(name="grade", categories=(1, 2)),
        Feature(name="member", categories=(False, True), immutable=True),
    )
    assert layout.class_names == ("no", "yes")
    assert (layout.numbers, layout.categorical, layout.changing_categories) == ((0,), (1, 2, 3), (1, 2))
    assert layout.scales == (layout.features[0].scale, 0, 0, 0)
    assert Layout.from_document(layout.to_document()) == layout
    assert datasets.layout_of(file(TEXT), target="grade", scales={"age": 5}).class_names == ("1", "2")


def test_rows_become_inputs_and_rows_again(file: Callable[[str], Path]) -> None:
    path = file(TEXT)
    layout = datasets.layout_of(path, target="class", categorical=["grade"])
    dataset = datasets.load(f"table:{path}", table=layout)
    assert dataset.images[:].tolist() == [[30, 1, 0, 1], [50, 0, 1, 0], [40, 1, 1, 1]]
    assert dataset.labels.tolist() == [1, 0, 1]
    frame = layout.frame(dataset.images[:].numpy())
    read = pandas.read_csv(path).drop(columns="class")
    assert frame.to_dict("list") == read.to_dict("list")
    assert [kind.kind for kind in frame.dtypes] == ["f", read["city"].dtype.kind, "i", "b"]
    hidden = layout.frame(np.array([[30, -1, 0, -1]]))
    assert hidden["city"][0] is None or math.isnan(hidden["city"][0])


def test_rows_without_a_target_have_no_labels(file: Callable[..., Path]) -> None:
    path = file(TEXT)
    layout = datasets.layout_of(path, target="class")
    plain = pandas.read_csv(path).drop(columns="class")
    for source in (plain, file(plain.to_csv(index=False), "plain.csv")):
        dataset = datasets.read_table(source, layout)
        assert not dataset.labelled
        assert dataset.class_names == ("no", "yes")
        assert dataset.images.tolist() == datasets.read_table(path, layout).images.tolist()


def test_spaces_are_part_of_cells_as_in_pandas(file: Callable[[str], Path]) -> None:
    path = file("age, city,class\n 30, Rome, 1\n50,Oslo,2\n40, Rome,2\n")
    read = pandas.read_csv(path)
    layout = datasets.layout_of(path, target="class")
    assert layout == datasets.layout_of(read, target="class")
    assert layout.names == ("age", " city")
    assert layout.features[1].categories == (" Rome", "Oslo")
    assert layout.classes == (1, 2)
    assert layout.frame(datasets.read_table(path, layout).images.numpy()).to_dict("list") == (
        read.drop(columns="class").to_dict("list")
    )


def test_files_and_frames_are_read_alike(file: Callable[[str], Path], tmp_path: Path) -> None:
    path = file(TEXT)
    frame = pandas.read_csv(path)
    frame.to_parquet(tmp_path / "table.parquet")
    semicolons = file(TEXT.replace(",", ";"), "european.csv")
    layouts = [
        datasets.layout_of(source, target="class", categorical=["grade"])
        for source in (path, tmp_path / "table.parquet", semicolons, frame)
    ]
    assert len(set(layouts)) == 1
    others = frame[frame.columns[::-1]]  # names decide, and not the order
    sets = [datasets.read_table(source, layouts[0]) for source in (path, tmp_path / "table.parquet", others)]
    assert len({dataset.sha256() for dataset in sets}) == 1


def test_scales_and_categories_are_those_of_the_training_rows(file: Callable[[str], Path]) -> None:
    path = file(TEXT)
    layout = datasets.layout_of(path, target="class", rows=slice(2), scales={"grade": 0.5})
    assert layout.features[0].scale == 10
    assert layout.features[2] == Feature(name="grade", scale=0.5)
    given = datasets.layout_of(path, target="class", scales={"age": 0, "grade": 1})
    assert given.features[0].immutable


REFUSED = {
    "no column": ("", "is empty; its first line holds the names of the columns"),
    "no rows": ("age,class\n", "has no training rows"),
    "name twice": ("age,age,class\n1,2,a\n", "has two columns of the name 'age'"),
    "no name": ("age,,class\n1,2,a\n", "has a column without a name"),
    "no target": ("age,size\n1,2\n2,3\n", "has no column 'class' for the target; it has age, size"),
    "text": ("age,class\n1,a\nold,b\n", "the column 'age', row 1, holds 'old', which is no number"),
    "NaN": ("age,class\n1,a\nNaN,b\n", "the column 'age', row 1, holds no value"),
    "infinite": ("age,class\n1,a\ninf,b\n", "the column 'age', row 1, holds 'inf', which is no number"),
    "empty cell": ("age,city,class\n1,Rome,a\n2,,b\n", "the column 'city', row 1, holds no value"),
    "short line": ("age,city,class\n1,Rome,a\n2,Oslo\n", "the column 'class', row 1, holds no value"),
    "decimal commas": ("age;class\n1,5;a\n2,5;b\n", "column 'age', row 0, holds '1,5'; write numbers with a"),
    "long line": ("age,class\n1,a\n2,b,c\n", "is not a readable CSV file"),
    "constant": ("age,class\n1,a\n1,b\n", "the column 'age' holds 1 in all training rows"),
    "constant text": ("age,city,class\n1,Rome,a\n2,Rome,b\n", "the column 'city' holds 'Rome' in all"),
    "one class": ("age,class\n1,a\n2,a\n", "two classes, got 1 columns and 1 classes"),
    "no feature": ("class\na\nb\n", "got 0 columns"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_training_rows_that_are_refused(case: str, file: Callable[[str], Path]) -> None:
    text, message = REFUSED[case]
    with pytest.raises(InputError) as refused:
        datasets.layout_of(file(text), target="class")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"scales": {"age": -1.0}}, "the scale of the column 'age' must be at least 0 and finite, got -1.0"),
        (
            {"scales": {"age": math.nan}},
            "the scale of the column 'age' must be at least 0 and finite, got nan",
        ),
        ({"scales": {"height": 1.0}}, "scales names 'height', which is no column of"),
        ({"scales": {"city": 1.0}}, "the column 'city' is categorical, and has no scale"),
        ({"categorical": ["class"]}, "categorical names 'class', which is no column of"),
        ({"immutable": ["Age"]}, "immutable names 'Age'"),
        ({"scales": {"grade": 1.0}, "categorical": ["grade"]}, "the column 'grade' is categorical"),
    ],
)
def test_what_is_said_of_columns_and_refused(
    said: dict[str, object], message: str, file: Callable[[str], Path]
) -> None:
    with pytest.raises(InputError) as refused:
        datasets.layout_of(file(TEXT), target="class", **said)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("50,Oslo", "50,Bern", "the column 'city', row 1, holds 'Bern', which is none of the categories"),
        ("50,", "fifty,", "the column 'age', row 1, holds 'fifty', which is no finite number"),
        ("50,", "inf,", "the column 'age', row 1, holds 'inf', which is no finite number"),
        ("50,", ",", "the column 'age', row 1, holds no value"),
        ("50,", "1e12,", "the column 'age', row 1, holds '1e12', which single precision rounds"),
        ("50,", "1e300,", "the column 'age', row 1, holds '1e300', which single precision"),
        ("false,no", "false,maybe", "the column 'class', row 1, holds 'maybe', which is none of the classes"),
        ("false,no", "false,", "the column 'class', row 1, holds no value"),
        (",city,", ",town,", "has no column 'city'; it has age, town"),
        ("class\n", "label\n", "has the column 'label', which the training rows lack"),
        (TEXT.partition("\n")[2], "", "has no rows below its line of names"),
    ],
)
def test_rows_that_do_not_fit_the_training_rows(
    old: str, new: str, message: str, file: Callable[..., Path]
) -> None:
    layout = datasets.layout_of(file(TEXT), target="class", categorical=["grade"])
    with pytest.raises(InputError) as refused:
        datasets.read_table(file(TEXT.replace(old, new, 1), "other.csv"), layout)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_cells_are_parted_as_most_of_the_names_are(separator: str, file: Callable[[str], Path]) -> None:
    lines = [['"height, in mm; rounded"', "class"], ["1.5", "yes"], ["2.5", "no"]]
    path = file("".join(separator.join(line) + "\n" for line in lines))
    layout = datasets.layout_of(path, target="class")
    assert (layout.names, layout.class_names) == (("height, in mm; rounded",), ("no", "yes"))


@pytest.mark.parametrize(
    ("scale", "number", "refused"),
    [
        (1.0, 2**53 + 1, True),
        (1.0, 2**30, True),  # exact itself, but numbers near it are rounded by 32
        (1e6, 2**30 + 1, False),
        (0.0, 20240131, True),  # an immutable date would become the next one
        (0.0, 2**53 + 1, True),  # double precision already rounds it
        (0.0, 2**24, False),
        (0.0, 16.7, False),
    ],
)
def test_numbers_that_single_precision_cannot_tell_apart(
    scale: float, number: float, refused: bool, file: Callable[..., Path]
) -> None:
    layout = datasets.layout_of(file("age,class\n1,a\n2,b\n"), target="class", scales={"age": scale})
    path = file(f"age,class\n1,a\n{number},b\n", "other.csv")
    if refused:
        with pytest.raises(InputError, match=f"the column 'age', row 1, holds '{number}', which single"):
            datasets.read_table(path, layout)
    else:
        assert datasets.read_table(path, layout).images[1].item() == pytest.approx(number, rel=1e-7)


def test_more_columns_than_the_training_rows_had(file: Callable[..., Path]) -> None:
    layout = datasets.layout_of(file(TEXT), target="class", categorical=["grade"])
    more = pandas.read_csv(file(TEXT)).assign(height=1.8)
    with pytest.raises(InputError, match="the frame has the column 'height', which the training rows lack"):
        datasets.read_table(more, layout)


def test_tables_need_to_be_described_and_others_not(file: Callable[[str], Path]) -> None:
    path = file(TEXT)
    with pytest.raises(InputError, match="say which column holds the classes"):
        datasets.load(f"table:{path}")
    with pytest.raises(InputError, match="columns are those of a table"):
        datasets.load("digits", table=datasets.layout_of(path, target="class"))
    with pytest.raises(InputError, match="no CSV file at"):
        datasets.layout_of(path.with_name("missing.csv"), target="class")


def test_scales_in_a_file(file: Callable[..., Path]) -> None:
    assert datasets.read_scales(file('age = 5\n"income in euros" = 0.5\n', "scales.toml")) == {
        "age": 5,
        "income in euros": 0.5,
    }
    for text, message in (("age = 'old'", "the scale of 'age' must be a number"), ("age 5", "TOML file")):
        with pytest.raises(InputError, match=message):
            datasets.read_scales(file(text, "scales.toml"))


def test_long_numbers_are_categories_of_their_own(file: Callable[..., Path]) -> None:
    text = "number,class\n90071992547409921,a\n90071992547409922,b\n"
    layout = datasets.layout_of(file(text), target="class", categorical=["number"])
    assert layout.features[0].categories == (90071992547409921, 90071992547409922)
    assert datasets.read_table(file(text), layout).images[:].tolist() == [[0], [1]]
    with pytest.raises(InputError, match="holds '90071992547409920', which is none of the categories"):
        datasets.read_table(file(text.replace("921,", "920,"), "other.csv"), layout)
