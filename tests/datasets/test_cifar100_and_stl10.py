"""CIFAR-100 in both of its forms, and STL-10."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from wulff import datasets
from wulff.errors import InputError

RNG = np.random.default_rng(1)
SMALL = RNG.integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
FINE, COARSE = np.array([99, 0, 41, 7], np.uint8), np.array([19, 4, 3, 3], np.uint8)


def binary(folder: Path) -> None:
    rows = np.concatenate([COARSE[:, None], FINE[:, None], SMALL.reshape(4, -1)], axis=1)
    (folder / "test.bin").write_bytes(rows.tobytes())


def pickled(folder: Path) -> None:
    content = {
        b"data": SMALL.reshape(4, -1),
        b"fine_labels": FINE.tolist(),
        b"coarse_labels": COARSE.tolist(),
    }
    (folder / "cifar-100-python").mkdir()
    (folder / "cifar-100-python" / "test").write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("form", [binary, pickled])
def test_both_forms_of_cifar100_have_the_fine_labels(form, tmp_path: Path) -> None:
    form(tmp_path)
    found = datasets.load(f"cifar100:{tmp_path}")
    assert (found.images * 255).round().byte().numpy().tobytes() == SMALL.tobytes()
    assert found.labels.tolist() == FINE.tolist()
    assert found.num_classes == 100
    with pytest.raises(InputError, match=r"none of the forms of CIFAR-100: train\.bin"):
        datasets.load(f"cifar100:{tmp_path}", "train")


def test_damaged_cifar100_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test.bin").write_bytes(bytes(3073))  # a row of CIFAR-10
    with pytest.raises(InputError, match="rows of 3074 bytes"):
        datasets.load(f"cifar100:{tmp_path}")
    (tmp_path / "test.bin").write_bytes(bytes([0, 100]) + bytes(3072))
    with pytest.raises(InputError, match="between 0 and 99"):
        datasets.load(f"cifar100:{tmp_path}")


def test_stl10_has_columns_first_and_labels_from_1(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (3, 3, 96, 96), dtype=np.uint8)
    (tmp_path / "test_X.bin").write_bytes(b"".join(i[c].T.tobytes() for i in images for c in range(3)))
    (tmp_path / "test_y.bin").write_bytes(bytes([10, 1, 5]))
    found = datasets.load(f"stl10:{tmp_path}")
    assert (found.images * 255).round().byte().numpy().tobytes() == images.tobytes()
    assert (found.labels.tolist(), found.num_classes) == ([9, 0, 4], 10)
    for labels, message in ((bytes([0, 1, 5]), "from 0 to 5"), (b"", "got 0 from"), (b"12", "3 labels")):
        (tmp_path / "test_y.bin").write_bytes(labels)
        with pytest.raises(InputError, match=message):
            datasets.load(f"stl10:{tmp_path}")
    (tmp_path / "test_X.bin").write_bytes(b"12")
    with pytest.raises(InputError, match="rows of 27,648 bytes"):
        datasets.load(f"stl10:{tmp_path}")
