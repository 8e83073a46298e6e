"""CIFAR-10 in each of its forms, SVHN, and folders of images."""

import json
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import io

from wulff import datasets
from wulff.datasets.image_files import read_rgb
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


def png(bits: int, colour: int, channels: int, width: int = 8, height: int = 8) -> bytes:
    """A PNG by hand: Pillow writes none with 16 bits in colour, and none that lies about its size."""
    rows = b"".join(b"\0" + bytes(8 * channels * bits // 8) for _ in range(8))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(bits: int, channels: int) -> bytes:
    tags = {256: 8, 257: 8, 258: bits, 259: 1, 262: 2 if channels == 3 else 1, 277: channels, 278: 8}
    tags |= {279: 8 * channels * bits, 273: 8 + 2 + 12 * 9 + 4}
    entries = b"".join(
        struct.pack("<HHII", tag, 4 if tag in (256, 257, 273, 278, 279) else 3, 1, tags[tag])
        if tag != 258 or channels == 1
        else struct.pack("<HHII", 258, 3, 3, tags[273] - 6)
        for tag in sorted(tags)
    )
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries
    return head[: tags[273] - 6] + struct.pack("<HHH", bits, bits, bits) + bytes(8 * 8 * channels * bits // 8)


FIVE_SIX_FIVE = b"BM" + struct.pack(
    "<IHHIIiiHHIIiiIIIII", *(194, 0, 0, 66, 40, 8, 8, 1, 16, 3, 128, 0, 0, 0, 0, 63488, 2016, 31)
)
FIVE_SIX_FIVE += bytes(128)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("grey.png", png(16, 0, 1)),
        ("rgb.png", png(16, 2, 3)),
        ("grey-alpha.png", png(16, 4, 2)),
        ("rgb-alpha.png", png(16, 6, 4)),
        ("rgb.ppm", b"P6 8 8 65535\n" + bytes(384)),
        ("ten-bits.ppm", b"P6 8 8 1023\n" + bytes(384)),
        ("text.ppm", b"P3 8 8 1000\n" + b"1000 " * 192),
        ("grey.pgm", b"P5 8 8 65535\n" + bytes(128)),
        ("rgb.tif", tiff(16, 3)),
        ("grey.tif", tiff(16, 1)),
    ],
)
def test_pixels_of_more_than_8_bits_are_refused_and_not_cut_off(name, content, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} has more than 8 bits per channel.*convert it to 8 bits"):
        read_rgb(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rgb.png", png(8, 2, 3)),
        ("rgb-alpha.png", png(8, 6, 4)),
        ("rgb.ppm", b"P6 8 8 255\n" + bytes(192)),
        ("seven-bits.ppm", b"P6 8 8 100\n" + bytes(192)),
        ("rgb.tif", tiff(8, 3)),
        ("five-six-five.bmp", FIVE_SIX_FIVE),
    ],
)
def test_pixels_of_8_bits_and_less_are_read(name, content, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_rgb(tmp_path / name, 4).shape == (4, 4, 3)


def test_images_that_claim_too_much_are_refused_before_they_are_read(tmp_path: Path, monkeypatch) -> None:
    guard = Image.MAX_IMAGE_PIXELS
    (tmp_path / "a.png").write_bytes(png(8, 2, 3, 20_000, 20_000))
    with pytest.raises(InputError, match=r"a\.png has more than 178,956,970 pixels; make it smaller"):
        read_rgb(tmp_path / "a.png")
    # A strip of one row would become one of 256 rows and 7.7 million columns.
    Image.new("L", (30_000, 1)).save(tmp_path / "strip.png")
    with pytest.raises(InputError, match=r"strip\.png would take 7.86 GB of memory"):
        read_rgb(tmp_path / "strip.png", 224)
    assert read_rgb(tmp_path / "strip.png").shape == (1, 30_000, 3)
    Image.new("L", (300, 200)).save(tmp_path / "small.png")
    monkeypatch.setenv("WULFF_READ_LIMIT", "0.0004")
    with pytest.raises(InputError, match=r"small\.png would take 0.00048 GB"):
        read_rgb(tmp_path / "small.png")
    assert guard == Image.MAX_IMAGE_PIXELS


def test_other_formats_are_not_looked_for(tmp_path: Path) -> None:
    """PostScript would be run by another program."""
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n")
    with pytest.raises(InputError, match="not a readable image"):
        read_rgb(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("sides", "size", "resized"),
    [
        ((64, 43), 28, (47, 32)),
        ((43, 64), 28, (32, 47)),
        ((500, 375), 224, (341, 256)),
        ((50, 50), 28, (32, 32)),
    ],
)
def test_the_longer_side_is_truncated_as_usual(sides, size, resized, tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (sides[1], sides[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    whole = Image.fromarray(pixels).resize(resized, Image.Resampling.BILINEAR)
    left, top = {(47, 32): (10, 2), (32, 47): (2, 10), (341, 256): (58, 16), (32, 32): (2, 2)}[resized]
    expected = np.asarray(whole)[top : top + size, left : left + size]
    assert np.array_equal(read_rgb(tmp_path / "a.png", size), expected)


def test_links_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "deeper").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(real / "deeper" / "1.png")
    images = tmp_path / "top" / "images"
    for name in ("a", "b"):
        (images / name).mkdir(parents=True)
        (images / name / "sub").symlink_to(real)
    (images / "c").symlink_to(real / "deeper")
    (real / "again").symlink_to(real / "deeper")  # the same images, once
    (real / "up").symlink_to(real)
    (real / "class").symlink_to(images / "a")
    (images / "b" / "2.png").symlink_to(real / "deeper" / "1.png")
    assert datasets.load(f"folder:{images}@8").labels.tolist() == [0, 1, 1, 2]
    (images / "b" / "3.png").symlink_to(images / "b" / "3.png")
    with pytest.raises(InputError, match=r"3\.png is a link that leads to no file"):
        datasets.load(f"folder:{images}@8")
    (images / "b" / "3.png").unlink()
    (images / "d").symlink_to(tmp_path / "top")
    with pytest.raises(InputError, match="d is a link to a folder that contains it"):
        datasets.load(f"folder:{images}@8")


def test_a_folder_may_have_an_at_in_its_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "images@3" / name).mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "images@3" / name / "1.png")
    named = f"folder:{tmp_path}/images@3"
    assert datasets.load(named).images.shape == (2, 3, 224, 224)
    assert datasets.load(f"{named}@8").images.shape == (2, 3, 8, 8)
    (tmp_path / "images@3").rename(tmp_path / "images")
    assert datasets.load(named).images.shape == (2, 3, 3, 3)
    for size in ("0", "99999", "9" * 5000, "00000000001"):
        with pytest.raises(InputError, match="images must be from 1×1 to 10000×10000"):
            datasets.load(f"folder:{tmp_path}/images@{size}")
    (tmp_path / "images@3").mkdir()
    with pytest.raises(InputError, match=r"there are both .*images@3; give folder:.*/@3 for the first"):
        datasets.load(named)
    assert datasets.load(f"folder:{tmp_path}/images/@3").images.shape == (2, 3, 3, 3)


def test_a_home_of_nobody_is_one_line() -> None:
    with pytest.raises(InputError, match="'~nosuchuser/images' names the home of nobody here"):
        datasets.load("folder:~nosuchuser/images")


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


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_tiff_prints_nothing_beside_its_refusal(tmp_path: Path, capfd) -> None:
    """The library that decodes it would print lines of its own."""
    good = Image.fromarray(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    good.save(tmp_path / "a.tif", compression="tiff_lzw")
    content = (tmp_path / "a.tif").read_bytes()
    refused = 0
    for place in range(8, 4000, 100):
        (tmp_path / "a.tif").write_bytes(content[:place] + b"\xff" * 8 + content[place + 8 :])
        try:
            read_rgb(tmp_path / "a.tif", 8)
        except InputError:
            refused += 1
    assert refused > 10
    assert capfd.readouterr().err == ""
