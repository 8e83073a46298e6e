"""IDX files: the real MNIST, small files in every form, and damaged ones."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from wulff import datasets
from wulff.datasets import idx
from wulff.errors import InputError


def idx_bytes(array: np.ndarray) -> bytes:
    shape = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two splits of a few images: one gzipped and one plain, with the two spellings of the names."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (6, 28, 28)), np.array([7, 2, 1, 0, 4, 9])
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    (tmp_path / "train-images.idx3-ubyte").write_bytes(idx_bytes(255 - images))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx_bytes(labels[::-1]))
    return tmp_path


def test_mnist_is_mnist(published_data: Path) -> None:
    for split, count, digest in (
        ("train", 60_000, "6bbc9ace898e44ae57da46a324031adb"),
        ("test", 10_000, "2646ac647ad5339dbf082846283269ea"),
    ):
        mnist = datasets.load(f"mnist:{published_data / 'mnist'}", split)
        assert mnist.images.shape == (count, 1, 28, 28)
        assert mnist.num_classes == 10
        pixels = (mnist.images * 255).round().byte().numpy()
        content = bytes([0, 0, 8, 3]) + np.array([count, 28, 28], ">u4").tobytes() + pixels.tobytes()
        assert hashlib.md5(content).hexdigest() == digest  # of the file that its authors published
        assert mnist.labels[:5].tolist() == ([5, 0, 4, 1, 9] if split == "train" else [7, 2, 1, 0, 4])


def test_names_choose_split_and_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = datasets.load(f"mnist:{folder}")
    train = datasets.load(f"mnist:{folder}", "train")
    assert test.labels.tolist() == [7, 2, 1, 0, 4, 9]
    assert train.labels.tolist() == [9, 4, 0, 1, 2, 7]
    np.testing.assert_allclose((test.images + train.images).numpy(), 1.0, atol=1e-6)
    assert datasets.load(f"mnist-train:{folder}", "test").labels.tolist() == train.labels.tolist()
    assert datasets.load(f"mnist-test:{folder}", "train").labels.tolist() == test.labels.tolist()
    (folder / "data").mkdir()
    (folder / "data" / "fashion-mnist").symlink_to(folder)
    monkeypatch.setenv("WULFF_DATA", str(folder / "data"))
    assert datasets.load("fashion-mnist").labels.tolist() == test.labels.tolist()
    assert datasets.load("fashion-mnist-train").name == "fashion-mnist-train"


def test_debians_fashion_mnist_is_found_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WULFF_DATA", str(tmp_path / "nothing"))
    assert Path("/usr/share/datasets/fashion-mnist") in idx.SYSTEM_FOLDERS["fashion-mnist"]
    monkeypatch.setitem(idx.SYSTEM_FOLDERS, "fashion-mnist", (folder,))
    assert len(datasets.load("fashion-mnist")) == 6


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t10k-images-idx3-ubyte.gz", b"no gzip", "not a readable IDX file"),
        (
            "t10k-images-idx3-ubyte.gz",
            gzip.compress(b"\x00\x00\x0d\x03"),
            "not an IDX file of unsigned bytes",
        ),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(np.zeros((6, 28, 28)))[:-1]), "cut short"),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(np.zeros((6, 28, 28))))[:-9], "not a readable"),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(np.zeros((6, 28, 28))) + b"x"), "too long"),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(b"\x00\x00\x08\x03\x00"), "not a readable"),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(np.zeros((5, 28, 28)))), "one label each"),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(np.zeros(6))), "3 axes and 1"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(idx_bytes(np.full(6, 10))), "between 0 and 9"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(b""), "not an IDX file"),
    ],
    ids=range(10),
)
def test_damage_is_named(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        datasets.load(f"mnist:{folder}")


def test_what_is_missing_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WULFF_DATA", str(tmp_path / "nothing"))
    with pytest.raises(InputError, match=r"not in .*nothing.*give mnist:PATH.*run `wulff download mnist`"):
        datasets.load("mnist")
    with pytest.raises(InputError, match=r"give imagenet:PATH, set WULFF_DATA\.$"):
        datasets.load("imagenet")  # which nobody may hand out
    with pytest.raises(InputError, match="check the path"):
        datasets.load(f"mnist:{tmp_path / 'nowhere'}")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="lacks t10k-labels-idx1-ubyte"):
        datasets.load(f"mnist:{folder}")
    with pytest.raises(InputError, match="unknown data set 'mnist-validation'"):
        datasets.load("mnist-validation")
    with pytest.raises(InputError, match="need no path"):
        datasets.load("digits:/tmp")


def test_the_folders_of_torchvision(tmp_path: Path) -> None:
    """Both data sets have files of the same names; one is never read for the other."""
    for shade, name in ((0, "MNIST"), (255, "FashionMNIST")):
        raw = tmp_path / name / "raw"
        raw.mkdir(parents=True)
        (raw / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(np.full((2, 28, 28), shade)))
        (raw / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.full(2, shade % 10)))
    for where in ("", "/MNIST", "/MNIST/raw"):
        assert datasets.load(f"mnist:{tmp_path}{where}").labels.tolist() == [0, 0]
    assert datasets.load(f"fashion-mnist:{tmp_path}").labels.tolist() == [5, 5]
    for where in ("", "/raw"):
        with pytest.raises(InputError, match="holds FashionMNIST, not mnist"):
            datasets.load(f"mnist:{tmp_path}/FashionMNIST{where}")
        with pytest.raises(InputError, match="holds MNIST, not fashion-mnist"):
            datasets.load(f"fashion-mnist:{tmp_path}/MNIST{where}")
