"""Data sets in pairs of .npy files, images and labels; images stay on disk, so that they may be larger than
memory."""

import dataclasses
import hashlib
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from wulff._reading import AGAIN, reading
from wulff.datasets.array_files import read_header, read_npy
from wulff.datasets.base import UNKNOWN, Dataset, check_pixels
from wulff.datasets.npz_files import checked_labels, pixels_of
from wulff.datasets.streamed import Streamed
from wulff.errors import InputError

TOGETHER = 1 << 22
"""Bytes that are hashed together, at least one input."""


def array_pair(name: str) -> Dataset:
    """Images and labels in two .npy files, `IMAGES.npy,LABELS.npy`; without the second, labels are unknown.

    Images are as in an .npz file: uint8 of shape (n, height, width) or (n, height, width, channels), or
    floating point in [0, 1] of any shape (n, ...).

    Args:
        name: The paths.

    Raises:
        InputError: A file is missing or no such array, or the two do not fit together.
    """
    pair = None if os.path.isfile(name) else re.fullmatch(r"(.+\.npy),(.+\.npy)", name, re.DOTALL)
    rows = ArrayRows.of(Path(pair[1] if pair else name))
    if pair is None:
        return Dataset(name, rows, torch.full((len(rows),), UNKNOWN), num_classes=1)
    labels = checked_labels(Path(pair[2]), read_npy(Path(pair[2])))
    return Dataset(name, rows, labels, num_classes=int(labels.max()) + 1)


@final
@dataclasses.dataclass(frozen=True)
class ArrayRows(Streamed):
    """The rows of an array in a .npy file, of which no more is read than is asked for.

    Attributes:
        file: The file.
        row: The shape of a row as it is in the file.
        dtype: Its numbers.
        start: Where the first row begins.
        positions: Which rows these are, int64.
    """

    file: Path
    row: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    positions: np.ndarray

    @classmethod
    def of(cls, file: Path) -> Self:
        """All rows of a file.

        Raises:
            InputError: It is no array of images.
        """
        with reading(file, ".npy file"), file.open("rb") as stream:
            shape, fortran, dtype = read_header(stream)
            start, size = stream.tell(), os.fstat(stream.fileno()).st_size
        if fortran and len(shape) > 1:
            raise InputError(
                f"{file} is in Fortran's order, in which an image is no piece of the file; save "
                "numpy.ascontiguousarray of it."
            )
        if len(shape) < 2 or 0 in shape:
            raise InputError(f"{file} must hold images of shape (n, ...), none of them empty, got {shape}.")
        if size != start + math.prod(shape) * dtype.itemsize:
            raise InputError(f"{file} is cut short or too long for its shape {shape}; {AGAIN}.")
        rows = cls(file, shape[1:], dtype, start, np.arange(shape[0], dtype=np.int64))
        pixels_of(file, np.zeros((1, *rows.row), dtype))  # refuses what are no images by shape and type
        return rows

    @property
    def shape(self) -> torch.Size:
        images = pixels_of(self.file, np.zeros((1, *self.row), self.dtype))
        return torch.Size((len(self.positions), *images.shape[1:]))

    def read(self, place: int) -> Tensor:
        position = int(self.positions[place])
        with reading(self.file, ".npy file"), self.file.open("rb") as stream:
            return self._images(self._rows(stream, position, 1), position)[0]

    def select(self, positions: Sequence[int]) -> Self:
        return dataclasses.replace(self, positions=self.positions[np.asarray(positions, dtype=np.int64)])

    def digest(self) -> bytes:
        digest = hashlib.sha256(f"{self.row} {self.dtype.str}".encode())
        together = max(1, TOGETHER // self._bytes)
        with reading(self.file, ".npy file"), self.file.open("rb") as stream:
            for first, last in _stretches(self.positions):
                for start in range(first, last, together):
                    rows = self._rows(stream, start, min(together, last - start))
                    if self.dtype != np.uint8:  # 8-bit pixels lie in [0, 1]
                        self._images(rows, start)
                    digest.update(rows.data)
        return digest.digest()

    @property
    def _bytes(self) -> int:
        """Of one row."""
        return math.prod(self.row) * self.dtype.itemsize

    def _rows(self, stream: Any, first: int, count: int) -> np.ndarray:
        content = bytearray(count * self._bytes)
        stream.seek(self.start + first * self._bytes)
        if stream.readinto(content) != len(content):
            raise InputError(f"{self.file} is cut short; {AGAIN}.")
        return np.frombuffer(content, self.dtype).reshape(count, *self.row)

    def _images(self, rows: np.ndarray, first: int) -> Tensor:
        images = torch.from_numpy(pixels_of(self.file, rows))
        check_pixels(str(self.file), images, first)
        return images


def _stretches(positions: np.ndarray) -> list[tuple[int, int]]:
    """Ascending positions as ranges of neighbours: (first, one behind the last)."""
    breaks = np.flatnonzero(np.diff(positions) != 1) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(positions, breaks)]
