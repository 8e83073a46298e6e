"""Array files: what they declare is checked before it is read, and damage is one line."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy import io as scipy_io

from wulff import datasets
from wulff.datasets.array_files import read_npy
from wulff.errors import InputError

PIXELS = np.arange(12 * 8 * 8, dtype=np.uint8).reshape(12, 8, 8)
LABELS = np.arange(12, dtype=np.int64) % 10


def npy(shape: object, dtype: object = "<f4", content: bytes = b"") -> bytes:
    """A .npy file whose header says what it is told to."""
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(path: Path, images: bytes, labels: bytes = saved(LABELS), method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("images.npy", images)
        archive.writestr("labels.npy", labels)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_arrays_are_read(method: int, tmp_path: Path) -> None:
    for order in ("C", "F"):
        found = datasets.load(
            str(npz(tmp_path / "a.npz", saved(np.array(PIXELS, order=order)), method=method))
        )
        assert np.array_equal(found.images.numpy()[:, 0], PIXELS.astype(np.float32) / np.float32(255))
        assert found.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            npy((10**15,)),
            "would take 8e\\+06 GB of memory, more than the limit of 4 GB; .* set WULFF_READ_LIMIT",
        ),
        (npy((2**40, 2**40)), "more than the limit"),
        (npy((12, 1, -5, 8)), "not a readable"),
        (npy("a"), "not a readable"),
        (npy((12, 8), "<q99"), "not a readable"),
        (npy((12,), "|O", b"\x80\x04N."), "holds Python objects"),
        (npy((12, 1, 8, 8), content=bytes(10)), "cut short: 10 of 3,072 bytes"),
        (npy((12, 1, 8, 8), content=bytes(3073)), "holds more than its shape says"),
        (npy((12, 1, 0, 8)), "none of them empty"),
        (npy((0, 1, 8, 8)), "none of them empty"),
        (npy((12, 1), "|S0"), "not a readable|must be uint8"),
        (b"", "not a readable"),
        (b"\x93NUM", "not a readable"),
        (b"\x93NUMPY\x09\x00" + bytes(50), "version"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000, "not a readable"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"(" * 90, "claims 4,294,967,295 bytes"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 20) + b"{'shape': (1L,)}    ", "not a readable"),
    ],
    ids=range(17),
)
def test_damaged_members(images: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        datasets.load(str(npz(tmp_path / "a.npz", images)))
    assert "\n" not in str(caught.value)
    (tmp_path / "a.npy").write_bytes(images)
    if "empty" not in message and "uint8" not in message:
        with pytest.raises(InputError, match=message):
            read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("damage", ["zlib", "crc", "encrypted", "method", "cut", "bare", "text", "folder"])
def test_damaged_archives(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=PIXELS, labels=LABELS)
    content = bytearray(path.read_bytes())
    entry = content.find(b"PK\x01\x02")
    if damage == "zlib":
        content[60:90] = b"\xff" * 30
    elif damage == "crc":
        struct.pack_into("<I", content, 14, 0)
        struct.pack_into("<I", content, entry + 16, 0)
    elif damage in ("encrypted", "method"):
        at, value = (6, 1) if damage == "encrypted" else (8, 77)
        struct.pack_into("<H", content, at, value)
        struct.pack_into("<H", content, entry + at + 2, value)
    elif damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "bare":
        content = bytearray(saved(PIXELS))
    elif damage == "text":
        content = bytearray(b"hello")
    path.write_bytes(content)
    if damage == "folder":
        path.unlink()
        path.mkdir()
    with pytest.raises(InputError, match=r"is not a readable \.npz file|is a folder") as caught:
        datasets.load(str(path))
    assert "\n" not in str(caught.value)


def test_a_small_archive_of_many_zeros_is_refused_before_it_is_read(tmp_path: Path, monkeypatch) -> None:
    """As bytes and as numbers it takes five times 768 bytes: a little more, or less, than the limit."""
    path = npz(tmp_path / "a.npz", saved(np.zeros((12, 8, 8), np.uint8)), method=zipfile.ZIP_DEFLATED)
    monkeypatch.setenv("WULFF_READ_LIMIT", "3.8e-6")
    with pytest.raises(InputError, match=r"a.npz would take 3.84e-06 GB .* limit of 3.8e-06 GB"):
        datasets.load(str(path))
    monkeypatch.setenv("WULFF_READ_LIMIT", "3.9e-6")
    assert len(datasets.load(str(path))) == 12
    for wrong in ("much", "-1", "nan"):
        monkeypatch.setenv("WULFF_READ_LIMIT", wrong)
        with pytest.raises(InputError, match=f"positive number of gigabytes, got '{wrong}'"):
            datasets.load(str(path))


def test_pixels_outside_are_named_as_they_are(tmp_path: Path) -> None:
    for pixel, text in ((1.0004, "1.0004"), (255.0, "255.0"), (-1e-6, "-1e-06")):
        np.savez(tmp_path / "a.npz", images=np.full((2, 1, 8, 8), pixel, np.float32), labels=[0, 1])
        with pytest.raises(InputError, match=rf"pixels must lie in \[0, 1\], got {text};"):
            datasets.load(str(tmp_path / "a.npz"))


@pytest.mark.filterwarnings("error")
def test_numbers_too_large_for_32_bits_are_refused_without_a_warning(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.full((2, 1, 8, 8), 1e300), labels=[0, 1])
    with pytest.raises(InputError, match="image 0 holds NaN or infinite values"):
        datasets.load(str(tmp_path / "a.npz"))


def test_damaged_matlab_files(tmp_path: Path) -> None:
    path = tmp_path / "test_32x32.mat"
    good = {"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.array([[1], [2], [3], [10]], np.uint8)}
    scipy_io.savemat(path, good, do_compression=True)
    content = path.read_bytes()
    assert datasets.load(f"svhn:{tmp_path}").labels.tolist() == [1, 2, 3, 0]
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), size=3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(1, len(damaged) + 1)])
        try:
            datasets.load(f"svhn:{tmp_path}")
        except InputError as error:
            refused += "\n" not in str(error)
    assert refused > 40
    scipy_io.savemat(path, good | {"y": np.array([[1], [2], [2.5], [10]])})
    with pytest.raises(InputError, match="y must hold whole numbers from 0 to 10"):
        datasets.load(f"svhn:{tmp_path}")
