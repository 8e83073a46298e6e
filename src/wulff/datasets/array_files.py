"""NumPy's .npy and .npz files: what they declare is checked before anything is read, and nothing is run."""

import io
import math
import struct
import warnings
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from wulff._reading import check_declared, reading

LONGEST_HEADER = 10_000
CHUNK = 1 << 24


def read_npy(file: Path) -> np.ndarray[Any, Any]:
    """The array in a .npy file.

    Raises:
        InputError: The file is missing, damaged, holds Python objects, or needs more memory than allowed.
    """
    with reading(file, ".npy file"), file.open("rb") as stream:
        return _read_array(file, stream)


def read_npz(file: Path, wanted: Collection[str]) -> tuple[dict[str, np.ndarray[Any, Any]], list[str]]:
    """Those of the wanted arrays that are in an .npz file, and the names of all arrays in it.

    Raises:
        InputError: As for `read_npy`.
    """
    remedy = "save it with numpy.savez"
    with reading(file, ".npz file", remedy), zipfile.ZipFile(file) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        arrays: dict[str, np.ndarray[Any, Any]] = {}
        for name in wanted:
            if name in members:
                with archive.open(members[name]) as stream:
                    arrays[name] = _read_array(file, stream)
        return arrays, sorted(members)


def _read_array(file: Path, stream: Any) -> np.ndarray[Any, Any]:
    shape, fortran, dtype = read_header(stream)
    count = math.prod(shape)
    check_declared(file, count * (dtype.itemsize + 4))  # as they are, and as float32
    content = np.empty(count * dtype.itemsize, dtype=np.uint8)
    there = 0
    while chunk := stream.read(min(CHUNK, content.size - there + 1)):
        if there + len(chunk) > content.size:
            raise ValueError("it holds more than its shape says")
        content[there : there + len(chunk)] = np.frombuffer(chunk, dtype=np.uint8)
        there += len(chunk)
    if there < content.size:
        raise ValueError(f"it is cut short: {there:,} of {content.size:,} bytes")
    return content.view(dtype).reshape(shape, order="F" if fortran else "C")


def read_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type of the array that begins in a stream.

    Raises:
        ValueError: It is none, or holds Python objects.
    """
    version = np.lib.format.read_magic(stream)
    lengths = {(1, 0): "<H", (2, 0): "<I"}
    if version not in lengths:
        raise ValueError(f"it has version {version} of the format")
    (length,) = struct.unpack(lengths[version], stream.read(struct.calcsize(lengths[version])))
    if length > LONGEST_HEADER:  # before it is read: it may claim four gigabytes
        raise ValueError(f"its header claims {length:,} bytes")
    text = io.BytesIO(struct.pack("<H", length) + stream.read(length))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers of Python 2
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(text)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which wulff does not run")
    if any(side < 0 for side in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, fortran, dtype
