"""CIFAR-10 in each of its forms, SVHN, and folders of images."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import io

from wulff import datasets
from wulff.errors import InputError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)
LABELS = np.array([3, 8, 8, 0, 6, 9], dtype=np.uint8)
NAMES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}


def binary(folder: Path) -> None:
    rows = np.concatenate([LABELS[:, None], IMAGES.reshape(6, -1)], axis=1)
    for name in (*NAMES["train"], *NAMES["test"]):
        (folder / f"{name}.bin").write_bytes(rows.tobytes())


def pickled(folder: Path) -> None:
    """As Python 2 wrote them: protocol 2, byte strings for keys."""
    content = {b"data": IMAGES.reshape(6, -1), b"labels": LABELS.tolist(), b"batch_label": b"batch 1"}
    (folder / "cifar-10-batches-py").mkdir()
    for name in (*NAMES["train"], *NAMES["test"]):
        written = pickle.dumps(content, protocol=2).replace(b"numpy._core", b"numpy.core")
        (folder / "cifar-10-batches-py" / name).write_bytes(written)


def archives(folder: Path) -> None:
    np.savez(folder / "test.npz", images=IMAGES.transpose(0, 2, 3, 1), labels=LABELS)
    five = np.concatenate([IMAGES] * 5).transpose(0, 2, 3, 1)
    np.savez(folder / "train.npz", images=five, labels=np.concatenate([LABELS] * 5))


def pngs(folder: Path) -> None:
    rows = IMAGES.transpose(0, 2, 3, 1).reshape(6, 1024, 3)
    for name in (*NAMES["train"], *NAMES["test"]):
        Image.fromarray(rows).save(folder / f"{name}.png")
    (folder / "test_lables.json").write_text(json.dumps(LABELS.tolist()))
    (folder / "train_lables.json").write_text(json.dumps(LABELS.tolist() * 5))


@pytest.mark.parametrize("form", [binary, pickled, archives, pngs])
def test_every_form_of_cifar10_is_the_same(form, tmp_path: Path) -> None:
    form(tmp_path)
    test, train = (datasets.load(f"cifar10:{tmp_path}", split) for split in ("test", "train"))
    assert (test.images * 255).round().byte().numpy().tobytes() == IMAGES.tobytes()
    assert test.labels.tolist() == LABELS.tolist()
    assert train.labels.tolist() == LABELS.tolist() * 5
    assert train.images.shape == (30, 3, 32, 32)
    assert test.num_classes == 10


def test_archives_of_cifar10_have_its_shape_and_its_ten_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "test.npz", images=IMAGES[:3].transpose(0, 2, 3, 1), labels=LABELS[3:])
    assert datasets.load(f"cifar10:{tmp_path}").num_classes == 10
    assert datasets.load(f"cifar10:{tmp_path / 'test.npz'}").num_classes == 10
    np.savez(tmp_path / "test.npz", images=IMAGES[:, 0, :28, :28], labels=LABELS)
    with pytest.raises(InputError, match="must hold 32×32 RGB images, got shape"):
        datasets.load(f"cifar10:{tmp_path}")
    np.savez(tmp_path / "test.npz", images=IMAGES.transpose(0, 2, 3, 1), labels=LABELS + 1)
    with pytest.raises(InputError, match="between 0 and 9"):
        datasets.load(f"cifar10:{tmp_path}")
    np.savez(tmp_path / "test.npz", images=IMAGES.transpose(0, 2, 3, 1) / 255, labels=LABELS)
    with pytest.raises(InputError, match="floating point images have their channels first"):
        datasets.load(f"cifar10:{tmp_path}")


def test_the_published_test_set(published_data: Path) -> None:
    cifar = datasets.load(f"cifar10:{published_data / 'cifar10'}").slice("::20")
    assert len(cifar) == 500
    assert cifar.index[1] == 20
    # The channel means that are published for the training set, within the sampling error of 500 images.
    np.testing.assert_allclose(cifar.images.mean(dim=(0, 2, 3)), [0.4914, 0.4822, 0.4465], atol=0.03)


def test_pickled_batches_are_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "test_batch").write_bytes(pickle.dumps({"data": Trap(), "labels": [1]}))
    with pytest.raises(InputError, match="it names pathlib"):
        datasets.load(f"cifar10:{tmp_path}")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("test_batch.bin", b"1234", "rows of 3073 bytes"),
        ("test_batch.bin", bytes([10]) + bytes(3072), "between 0 and 9"),
        ("test_batch", b"no pickle", "damaged"),
        ("test_batch", pickle.dumps({"data": np.zeros((2, 3072))}), "damaged"),
        ("test_batch", pickle.dumps({"data": np.zeros((2, 3072)), "labels": [1, 2]}), "must hold uint8"),
        ("test_batch", pickle.dumps([1]), "damaged"),
        ("readme.html", b"", "none of the forms of CIFAR-10"),
    ],
    ids=range(7),
)
def test_damaged_cifar10(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        datasets.load(f"cifar10:{tmp_path}")


def test_svhn(tmp_path: Path) -> None:
    labels = np.array([[1], [10], [9], [2], [10], [5]], dtype=np.uint8)
    io.savemat(tmp_path / "test_32x32.mat", {"X": IMAGES.transpose(2, 3, 1, 0), "y": labels})
    svhn = datasets.load(f"svhn:{tmp_path}")
    assert svhn.labels.tolist() == [1, 0, 9, 2, 0, 5]  # the files call 0 ten
    assert (svhn.images * 255).round().byte().numpy().tobytes() == IMAGES.tobytes()
    with pytest.raises(InputError, match="lacks train_32x32"):
        datasets.load(f"svhn:{tmp_path}", "train")
    (tmp_path / "test_32x32.mat").write_bytes(b"no mat file at all, but long enough to be looked at" * 9)
    with pytest.raises(InputError, match="not a readable"):
        datasets.load(f"svhn:{tmp_path}")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two classes, three images of several sizes and kinds in each split."""
    for split in ("train", "val"):
        for label, (name, count) in enumerate((("cat", 1), ("dog", 2))):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(count):
                shade = 40 + 100 * label + (10 if split == "val" else 0)
                image = Image.new(
                    "L" if number else "RGB", (300 + number, 260), shade if number else (shade,) * 3
                )
                image.save(tmp_path / split / name / f"{number}.{'png' if number else 'jpeg'}")
    return tmp_path


def test_folders_of_images(folders: Path) -> None:
    test = datasets.load(f"folder:{folders}@32")
    assert test.images.shape == (3, 3, 32, 32)
    assert test.labels.tolist() == [0, 1, 1]
    assert test.num_classes == 2
    torch.testing.assert_close(
        test.images[:].mean(dim=(1, 2, 3)) * 255, torch.tensor([50.0, 150, 150]), atol=2, rtol=0
    )
    train = datasets.load(f"folder:{folders}@32", "train")
    torch.testing.assert_close(train.images[0], test.images[0] - 10 / 255, atol=0.01, rtol=0)
    flat = datasets.load(f"folder:{folders / 'val'}@32")
    assert torch.equal(flat.images[torch.tensor([2, 0])], torch.stack([test.images[2], test.images[0]]))
    assert datasets.load(f"folder:{folders}").images.shape == (3, 3, 224, 224)


def test_labels_mean_the_same_in_every_split(folders: Path) -> None:
    (folders / "train" / "auk").mkdir()
    Image.new("RGB", (40, 40)).save(folders / "train" / "auk" / "0.png")
    assert datasets.load(f"folder:{folders}", "train").labels.tolist() == [0, 1, 2, 2]
    test = datasets.load(f"folder:{folders}")
    assert test.labels.tolist() == [1, 2, 2]
    assert test.num_classes == 3
    (folders / "train" / "dog").rename(folders / "train" / "eel")
    with pytest.raises(InputError, match="dog has no counterpart in the folder train"):
        datasets.load(f"folder:{folders}")


def test_splits_are_never_taken_for_classes(folders: Path) -> None:
    (folders / "val").rename(folders / "held-out")
    with pytest.raises(InputError, match=r"no folder test or .*; held-out, train can be no class"):
        datasets.load(f"folder:{folders}")
    (folders / "held-out").rename(folders / "valid")
    assert datasets.load(f"folder:{folders}").labels.tolist() == [0, 1, 1]


def test_a_class_may_have_the_name_of_a_split(folders: Path) -> None:
    (folders / "val" / "cat").rename(folders / "val" / "train")
    assert datasets.load(f"folder:{folders / 'val'}", "train").labels.tolist() == [0, 0, 1]  # dog, train


def test_imagenet_has_a_thousand_classes(folders: Path) -> None:
    with pytest.raises(InputError, match=r"has 1,000 class folders, got 2 in .*; give other images as"):
        datasets.load(f"imagenet:{folders}")
    with pytest.raises(InputError, match=r"has no folder test or .* val"):
        datasets.load(f"imagenet:{folders / 'val'}")
    image = (folders / "val" / "cat" / "0.jpeg").read_bytes()
    for label in range(2, 1000):
        (folders / "train" / f"n{label:04}").mkdir()
    for number in (2, 999):
        (folders / "val" / f"n{number:04}").mkdir()
        (folders / "val" / f"n{number:04}" / "0.jpeg").write_bytes(image)
    val = datasets.load(f"imagenet:{folders}")
    assert val.images.shape == (5, 3, 224, 224)
    assert val.labels.tolist() == [0, 1, 1, 2, 999]


def test_resize_and_centre_crop(tmp_path: Path) -> None:
    """The shorter side becomes 256 and the central 224 are taken, as for ImageNet."""
    pixels = np.zeros((512, 1024, 3), dtype=np.uint8)
    pixels[:, 288:736] = 255  # the central 448 columns: exactly the crop, at twice its size
    pixels[:32] = 128  # the crop leaves out the outer sixteenth
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "x.png")
    image = datasets.load(f"folder:{tmp_path}").images[0]
    assert image.shape == (3, 224, 224)
    assert (image[:, 2:-2, 2:-2] == 1).all()


def test_image_files_are_sliced_before_they_are_read_and_hashed_by_content(folders: Path) -> None:
    (folders / "val" / "cat" / "0.jpeg").write_bytes(b"no image")
    test = datasets.load(f"folder:{folders}@32")
    late = test.slice("1:")
    assert late.index == (1, 2)
    assert len(list(late.images)) == 2
    assert late.sha256() != test.sha256()
    with pytest.raises(InputError, match=r"0\.jpeg is not a readable image"):
        test.images[0]
    before = late.sha256()
    Image.new("RGB", (40, 40)).save(folders / "val" / "dog" / "1.png")
    assert late.sha256() != before


def test_hidden_entries_are_no_classes_and_no_images(folders: Path) -> None:
    (folders / "val" / ".ipynb_checkpoints").mkdir()
    (folders / "val" / "cat" / "._0.png").write_bytes(b"what a desktop keeps beside an image")
    assert datasets.load(f"folder:{folders}@32").labels.tolist() == [0, 1, 1]


def test_pixels_of_more_than_8_bits_are_refused_and_not_cut_off(folders: Path) -> None:
    Image.fromarray(RNG.integers(0, 2**16, (40, 40), dtype=np.uint16)).save(folders / "val" / "cat" / "0.png")
    (folders / "val" / "cat" / "0.jpeg").unlink()
    with pytest.raises(InputError, match=r"0\.png has I;16 pixels; convert it to 8 bits"):
        datasets.load(f"folder:{folders}@32").images[0]


def test_folders_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder of images for each class"):
        datasets.load(f"folder:{tmp_path}")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        datasets.load(f"folder:{tmp_path}")
    with pytest.raises(InputError, match="give the folder"):
        datasets.load("folder")


def test_a_model_is_trained_and_certified_on_image_files(folders: Path, tmp_path: Path) -> None:
    from wulff import runs, training

    schedule = training.Schedule(epochs=2, batch=2, augmentation="crop-flip")
    spec = runs.TrainingSpec(noise="gaussian(sigma=0.1)", dataset=f"folder:{folders}@16", schedule=schedule)
    runs.train(spec, tmp_path / "model")
    job = runs.Spec(model=str(tmp_path / "model"), dataset=f"folder:{folders}@16", n=50, n0=10, slice="1:")
    run = runs.certify(job, tmp_path / "run")
    assert [record.index for record in run.records] == [1, 2]


def test_slices() -> None:
    digits = datasets.load("digits")
    for some in (digits[::20], digits.slice("::20"), digits.slice(" [::20] ")):
        assert some.index == digits.index[::20]
        assert torch.equal(some.images, digits.images[::20])
    for text in ("-:", "::0", "::00", "::000", "[::20", "::20]", "20", "a:b"):
        with pytest.raises(InputError, match="a slice must look like"):
            digits.slice(text)
    with pytest.raises(TypeError, match="takes slices"):
        digits[0]
    with pytest.raises(InputError, match="split must be train or test, got 'val'"):
        datasets.load("digits", "val")
