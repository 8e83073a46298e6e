"""Data sets that the package `datasets` wrote."""

import builtins
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from wulff import datasets
from wulff.errors import InputError

hugging = pytest.importorskip("datasets")
RNG = np.random.default_rng(3)
COLOUR = RNG.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)


def save(folder: Path, pixels: list[np.ndarray], **columns) -> Path:
    """A table of PNG images beside other columns, as `save_to_disk` writes it."""
    features = {"image": hugging.Image()}
    content: dict[str, list] = {"image": [Picture.fromarray(image) for image in pixels]}
    for name, (values, feature) in columns.items():
        features[name], content[name] = feature, values
    hugging.Dataset.from_dict(content, features=hugging.Features(features)).save_to_disk(str(folder))
    return folder


def kinds(*names: str):
    return hugging.ClassLabel(names=list(names))


def test_images_keep_their_size_and_classes_their_names(tmp_path: Path) -> None:
    folder = save(tmp_path / "data", list(COLOUR), label=([2, 0, 1, 2], kinds("ant", "bee", "cat")))
    found = datasets.load(f"hf-dataset:{folder}")
    assert (found.images[:] * 255).round().byte().numpy().tobytes() == COLOUR.transpose(0, 3, 1, 2).tobytes()
    assert found.labels.tolist() == [2, 0, 1, 2]
    assert found.class_names == ("ant", "bee", "cat")
    part = found.slice("1::2")
    assert torch.equal(part.images[1], found.images[3])
    assert len({found.sha256(), part.sha256(), found.slice("::2").sha256()}) == 3
    resized = datasets.load(f"hf-dataset:{folder}@4")
    assert resized.images[:].shape == (4, 3, 4, 4)


def test_grey_images_have_one_channel_and_splits_their_names(tmp_path: Path) -> None:
    grey, whole = list(COLOUR[..., 0]), hugging.Value("int64")
    parts = {}
    for name, labels in (("train", [7, 1, 4]), ("validation", [2, 0])):
        columns = {"digit": ([0] * len(labels), whole), "label": (labels, whole)}
        folder = save(tmp_path / name, grey[: len(labels)], **columns)
        parts[name] = hugging.load_from_disk(str(folder))
    hugging.DatasetDict(parts).save_to_disk(str(tmp_path / "both"))
    test = datasets.load(f"hf-dataset:{tmp_path / 'both'}")
    assert test.images.shape == (2, 1, 8, 8)
    assert test.labels.tolist() == [2, 0]
    torch.testing.assert_close(test.images[1], torch.from_numpy(grey[1] / np.float32(255))[None])
    assert datasets.load(f"hf-dataset:{tmp_path / 'both'}", "train").labels.tolist() == [7, 1, 4]
    hugging.DatasetDict({"held": parts["train"]}).save_to_disk(str(tmp_path / "held"))
    with pytest.raises(InputError, match=r"has the splits held, and none of test, .*give PATH/SPLIT"):
        datasets.load(f"hf-dataset:{tmp_path / 'held'}")


def test_images_without_labels(tmp_path: Path) -> None:
    assert not datasets.load(f"hf-dataset:{save(tmp_path / 'a', list(COLOUR))}").labelled
    hidden = save(tmp_path / "b", list(COLOUR), label=([-1] * 4, kinds("ant", "bee")))
    assert not datasets.load(f"hf-dataset:{hidden}").labelled
    some = save(tmp_path / "c", list(COLOUR), label=([-1, 0, 1, 0], kinds("ant", "bee")))
    with pytest.raises(InputError, match="between 0 and 1, got -1"):
        datasets.load(f"hf-dataset:{some}")


def test_what_cannot_be_told_is_refused(tmp_path: Path) -> None:
    two = save(
        tmp_path / "a", list(COLOUR), fine=([0] * 4, kinds("x", "y")), coarse=([0] * 4, kinds("z", "w"))
    )
    with pytest.raises(
        InputError, match="several columns of labels, 'fine', 'coarse'; call one of them label"
    ):
        datasets.load(f"hf-dataset:{two}")
    hugging.Dataset.from_dict({"text": ["a"]}).save_to_disk(str(tmp_path / "text"))
    with pytest.raises(InputError, match="must have one column of images, got none among 'text'"):
        datasets.load(f"hf-dataset:{tmp_path / 'text'}")
    sizes = save(tmp_path / "b", [COLOUR[0], COLOUR[1, :6]])
    with pytest.raises(
        InputError, match=r"as the first one \(3, 8, 8\), got \(3, 6, 8\) for image 1; give @SIZE"
    ):
        list(datasets.load(f"hf-dataset:{sizes}").images)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no data set of the package datasets at"):
        datasets.load(f"hf-dataset:{tmp_path / 'empty'}")
    with pytest.raises(InputError, match=r"as in hf-dataset:PATH"):
        datasets.load("hf-dataset")


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args, **kwargs):
        if name == "datasets":
            raise ImportError
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "datasets")
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"pip install 'wulff\[hf-dataset\]'"):
        datasets.load(f"hf-dataset:{tmp_path}")
