"""Names of classes and files, images without labels, Tiny ImageNet, and pairs of .npy files."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wulff import datasets
from wulff.datasets import cifar10_files, cifar100_files, idx, stl10_files
from wulff.errors import InputError

RNG = np.random.default_rng(2)


def image(file: Path, side: int = 64, shade: int = 90) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (shade,) * 3).save(file, "JPEG" if file.suffix == ".JPEG" else None)


def test_folders_name_classes_and_files_and_slices_keep_them(tmp_path: Path) -> None:
    for name in ("cat/a.png", "dog/x/b.png", "dog/c.png"):
        image(tmp_path / name)
    found = datasets.load(f"folder:{tmp_path}@8")
    assert found.class_names == ("cat", "dog")
    assert found.file_names == ("cat/a.png", "dog/c.png", "dog/x/b.png")
    assert found.slice("::2").file_names == ("cat/a.png", "dog/x/b.png")
    assert found.slice("1:").class_names == ("cat", "dog")
    with pytest.raises(InputError, match="class_names must be 2 names, got 1"):
        dataclasses.replace(found, class_names=("cat",))


def test_a_folder_of_images_alone_has_no_labels(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg"):
        image(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    found = datasets.load(f"folder:{tmp_path}@8")
    assert found.images.shape == (2, 3, 8, 8)
    assert not found.labelled
    assert found.labels.tolist() == [datasets.UNKNOWN] * 2
    assert found.file_names == ("a.jpg", "b.png")
    (tmp_path / "a.jpg").unlink()
    (tmp_path / "b.png").unlink()
    with pytest.raises(InputError, match="a folder of images for each class, or images alone"):
        datasets.load(f"folder:{tmp_path}")


def test_classes_of_known_sets_have_their_authors_names_and_order() -> None:
    assert cifar10_files.CLASSES[3] == "cat"
    assert stl10_files.CLASSES[3] == "cat"
    assert cifar10_files.CLASSES[1:3] == ("automobile", "bird")
    assert stl10_files.CLASSES[1:3] == ("bird", "car")
    assert idx.CLOTHING[9] == "Ankle boot"
    assert len(set(cifar100_files.CLASSES)) == 100
    assert list(cifar100_files.CLASSES) == sorted(cifar100_files.CLASSES)  # so they are numbered


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Three classes of Tiny ImageNet, which wnids.txt does not have in order."""
    (tmp_path / "wnids.txt").write_text("n03\nn01\nn02\n")
    for label, name in enumerate(("n01", "n02", "n03")):
        image(tmp_path / "train" / name / "images" / f"{name}_0.JPEG", shade=50 * label)
    for number in range(3):
        image(tmp_path / "val" / "images" / f"val_{number}.JPEG")
    lines = "val_0.JPEG\tn03\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\nval_2.JPEG\tn03\t1\t1\t9\t9\n"
    (tmp_path / "val" / "val_annotations.txt").write_text(lines)
    image(tmp_path / "test" / "images" / "test_0.JPEG")
    return tmp_path


def test_tiny_imagenet(tiny: Path) -> None:
    test, train = (datasets.load(f"tiny-imagenet:{tiny}", split) for split in ("test", "train"))
    assert test.labels.tolist() == [2, 0, 2]
    assert train.labels.tolist() == [0, 1, 2]
    assert test.class_names == train.class_names == ("n01", "n02", "n03")
    assert test.file_names == tuple(f"val/images/val_{number}.JPEG" for number in range(3))
    assert test.images.shape == (3, 3, 64, 64)
    torch.testing.assert_close(train.images[1], torch.full((3, 64, 64), 50 / 255), atol=0.01, rtol=0)
    assert datasets.load(f"tiny-imagenet:{tiny}@32").images[0].shape == (3, 32, 32)
    assert datasets.load(f"folder:{tiny / 'test' / 'images'}@64").labelled is False


def test_tiny_imagenet_that_lacks_something(tiny: Path) -> None:
    image(tiny / "val" / "images" / "val_1.JPEG", side=63)
    with pytest.raises(InputError, match=r"val_1\.JPEG must have 64×64 pixels, got 63×63; give @64"):
        datasets.load(f"tiny-imagenet:{tiny}").images[1]
    (tiny / "val" / "images" / "val_1.JPEG").unlink()
    with pytest.raises(InputError, match=r"val_1\.JPEG is missing, which val_annotations\.txt names"):
        datasets.load(f"tiny-imagenet:{tiny}")
    (tiny / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn09\n")
    with pytest.raises(InputError, match=r"has no class of wnids\.txt behind 'val_0\.JPEG'"):
        datasets.load(f"tiny-imagenet:{tiny}")
    (tiny / "wnids.txt").unlink()
    with pytest.raises(InputError, match=r"no list of classes at .*wnids\.txt"):
        datasets.load(f"tiny-imagenet:{tiny}")


def pair(folder: Path, images: np.ndarray, labels: np.ndarray) -> str:
    np.save(folder / "x.npy", images)
    np.save(folder / "y.npy", labels)
    return f"{folder / 'x.npy'},{folder / 'y.npy'}"


@pytest.mark.parametrize(
    "images",
    [
        RNG.integers(0, 256, (5, 4, 6), dtype=np.uint8),
        RNG.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8),
        RNG.uniform(size=(5, 3, 4, 6)).astype(np.float32),
        RNG.uniform(size=(5, 7)),
        RNG.uniform(size=(5, 7)).astype(">f4"),
    ],
    ids=["grey", "colour", "floats", "table", "big-endian"],
)
def test_a_pair_of_arrays_holds_what_an_archive_holds(images: np.ndarray, tmp_path: Path) -> None:
    labels = np.array([2, 0, 1, 1, 0])
    found = datasets.load(pair(tmp_path, images, labels))
    np.savez(tmp_path / "both.npz", images=images, labels=labels)
    same = datasets.load(str(tmp_path / "both.npz"))
    assert torch.equal(found.images[:], same.images[:])
    assert torch.equal(torch.stack(list(found.images)), same.images[:])
    assert torch.equal(found.images[torch.tensor([3, 1])], same.images[torch.tensor([3, 1])])
    assert torch.equal(found.images[-1], same.images[-1])
    assert (found.labels.tolist(), found.num_classes) == (labels.tolist(), 3)
    part = found.slice("1::2")
    assert torch.equal(part.images[:], same.images[1::2])
    assert part.index == (1, 3)
    assert len({found.sha256(), part.sha256(), found.slice(":2").sha256(), found.slice("3:").sha256()}) == 4
    assert part.sha256() == datasets.load(found.name).slice("1::2").sha256()
    alone = datasets.load(str(tmp_path / "x.npy"))
    assert not alone.labelled
    assert torch.equal(alone.images[:], same.images[:])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 3, 8, 8), np.uint8), "channels last"),
        (np.zeros((2, 8, 8), np.int64), "must be uint8"),
        (np.zeros((0, 8, 8), np.uint8), "none of them empty"),
        (np.zeros(8, np.uint8), r"of shape \(n, ...\)"),
        (np.asfortranarray(np.zeros((2, 8))), r"save numpy\.ascontiguousarray"),
        (np.array([[None]]), "Python objects"),
        (np.zeros((3, 8)), "with one label each"),
    ],
)
def test_arrays_that_are_no_images(images: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        datasets.load(pair(tmp_path, images, np.array([0, 1])))


def test_values_of_arrays_on_disk_are_checked_before_a_run_begins(tmp_path: Path) -> None:
    images = RNG.uniform(size=(4, 6))
    images[2, 3] = 1.5
    found = datasets.load(pair(tmp_path, images, np.arange(4)))
    for refused in (found.sha256, lambda: found.images[2], lambda: found.slice("2:").sha256()):
        with pytest.raises(InputError, match=r"pixels must lie in \[0, 1\], got 1\.5"):
            refused()
    found.slice(":2").sha256()
    images[2, 3] = np.nan
    with pytest.raises(InputError, match="image 2 holds NaN"):
        datasets.load(pair(tmp_path, images, np.arange(4))).sha256()


def test_arrays_that_are_missing_or_cut_short(tmp_path: Path) -> None:
    name = pair(tmp_path, np.zeros((4, 6)), np.arange(4))
    with pytest.raises(InputError, match=r"no \.npy file at .*z\.npy"):
        datasets.load(name.replace("y.npy", "z.npy"))
    with pytest.raises(InputError, match="labels must be integers"):
        datasets.load(pair(tmp_path, np.zeros((4, 6)), np.linspace(0, 1, 4)))
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content[:-8])
    with pytest.raises(InputError, match="cut short or too long for its shape"):
        datasets.load(name)
    (tmp_path / "x.npy").write_bytes(content + b"1")
    with pytest.raises(InputError, match="cut short or too long"):
        datasets.load(name)
