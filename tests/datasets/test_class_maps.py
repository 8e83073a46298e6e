"""Which class of a model is meant by each class of the data."""

from pathlib import Path

import pytest
import torch

from wulff import datasets
from wulff.datasets import Dataset, onto_model, read_class_map
from wulff.errors import InputError


def data(labels: list[int], names: tuple[str, ...] | None) -> Dataset:
    classes = len(names) if names else max(labels) + 1
    return Dataset("set", torch.zeros(len(labels), 2), torch.tensor(labels), classes, class_names=names)


def test_names_decide_where_both_sides_have_them() -> None:
    found = onto_model(data([0, 1, 1], ("Fire_truck", "cat")), 4, ("dog", "cat", "ant", "fire truck"))
    assert found.labels.tolist() == [3, 1, 1]
    assert found.num_classes == 4
    assert found.class_names == ("dog", "cat", "ant", "fire truck")


def test_a_class_that_does_not_occur_need_not_be_known() -> None:
    assert onto_model(data([1], ("eel", "cat")), 2, ("cat", "dog")).labels.tolist() == [0]
    with pytest.raises(InputError, match=r"the class 'eel', which the model does not name: cat, dog; .*map"):
        onto_model(data([0], ("eel", "cat")), 2, ("cat", "dog"))
    with pytest.raises(InputError, match="the class 'crane', which the model does not name"):
        onto_model(data([0], ("crane", "cat")), 3, ("crane", "crane", "cat"))  # a bird, and a machine


def test_numbers_decide_where_one_side_has_no_names() -> None:
    assert onto_model(data([2, 0], None), 5, ("a", "b", "c", "d", "e")).labels.tolist() == [2, 0]
    with pytest.warns(UserWarning, match=r"2 classes, and the model 4: they are taken for its first"):
        found = onto_model(data([1, 0], ("cat", "dog")), 4)
    assert found.labels.tolist() == [1, 0]
    assert found.class_names == ("cat", "dog", "2", "3")
    with pytest.raises(InputError, match="labels up to 5, but the model knows 5 classes"):
        onto_model(data([5, 0], None), 5)


def test_a_map_leads_to_names_and_numbers(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('cat = 3\n"my dog" = "Beagle"\n')
    class_map = read_class_map(tmp_path / "map.toml")
    found = onto_model(data([1, 0], ("cat", "my dog")), 4, ("ant", "beagle", "bat", "tabby"), class_map)
    assert found.labels.tolist() == [1, 3]
    assert onto_model(data([0, 1], None), 9, None, {"0": 7, "1": 8}).labels.tolist() == [7, 8]
    both = onto_model(data([0, 1], ("beagle", "poodle")), 3, None, {"beagle": 2, "poodle": 2})
    assert both.labels.tolist() == [2, 2]
    assert both.class_names == ("0", "1", "beagle or poodle")


@pytest.mark.parametrize(
    ("class_map", "message"),
    [
        ({"cat": 1}, "class_map lacks 'dog', a class of set; add a line for it"),
        ({"cat": 1, "dog": 4}, "must lead to classes from 0 to 3, got 4 for 'dog'"),
        ({"cat": 1, "dog": "eel"}, "leads to 'eel', which is no class of the model: a, b, c, d"),
        ({"cat": 1, "dog": 2, "owl": 3}, "names 'owl', which is no class of set: cat, dog"),
        ({"cat": 1.5, "dog": 2}, "must map names to names or numbers"),
        ({}, "must map classes to those of the model"),
    ],
)
def test_a_map_that_leads_nowhere(class_map, message: str) -> None:
    set_ = data([0, 1], ("cat", "dog"))
    with pytest.raises(InputError, match=message):
        onto_model(set_, 4, ("a", "b", "c", "d"), datasets.check_class_map(class_map))


def test_data_without_labels() -> None:
    unknown = Dataset("set", torch.zeros(2, 2), torch.full((2,), datasets.UNKNOWN), 1)
    found = onto_model(unknown, 3, ("a", "b", "c"))
    assert not found.labelled
    assert (found.num_classes, found.class_names) == (3, ("a", "b", "c"))
    with pytest.raises(InputError, match="class_map is for data with labels"):
        onto_model(unknown, 3, None, {"0": 1})


def test_files_that_hold_no_map(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no TOML file at .*map\.toml"):
        read_class_map(tmp_path / "map.toml")
    (tmp_path / "map.toml").write_text("cat: 3")
    with pytest.raises(InputError, match="is not a readable TOML file"):
        read_class_map(tmp_path / "map.toml")
