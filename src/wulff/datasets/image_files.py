"""Images in files, decoded when they are needed; the only file that reads with Pillow."""

import contextlib
import ctypes
import dataclasses
import functools
import hashlib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Self, final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wulff._reading import AGAIN, check_declared, reading
from wulff.datasets.streamed import Streamed
from wulff.errors import InputError

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff"})


FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "PPM", "TIFF")
"""What is looked for in a file, whatever it is called; Pillow runs other programs for some of the rest."""
_DEEP = re.compile(r";(16|32)[A-Z]")
_PREPROCESSING = "as torchvision"
_AS_THEY_ARE = "as they are"


def read_rgb(file: Path, size: int | None = None) -> np.ndarray:
    """The uint8 pixels of an image, (height, width, 3); with a size, resized and cropped at the centre.

    The shorter side becomes size · 256 / 224, and of that the central square is taken, as is usual for
    ImageNet; the longer side is truncated and the crop rounded as torchvision does.

    Raises:
        InputError: Pillow cannot read the file, or its pixels have more than 8 bits, or it is too large.
    """
    return read_pixels(file, file, size)


def read_pixels(
    source: Path | IO[bytes], file: Path, size: int | None = None, *, grey: bool = False
) -> np.ndarray:
    """The uint8 pixels of an image, (height, width, channels); see `read_rgb`.

    Args:
        source: The image.
        file: What it is called in messages.
        size: To which size it is resized and cropped.
        grey: Whether images without colours keep one channel.
    """
    with reading(file, "image"):
        try:
            opened = Image.open(source, formats=FORMATS)
        except Image.DecompressionBombError:
            most = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # it warns from half of that on
            raise InputError(f"{file} has more than {most:,} pixels; make it smaller.") from None
        with opened as image:
            if image.format == "TIFF":
                _silence_libtiff()
            if image.mode[0] in "IF" or any(_deep(tile) for tile in getattr(image, "tile", [])):
                raise InputError(
                    f"{file} has more than 8 bits per channel, which would be cut off; convert it to 8 bits."
                )
            width, height = image.size
            if not width or not height:
                raise InputError(f"{file} has no pixels, {width}×{height}; {AGAIN}.")
            resized = (0, 0) if size is None else resized_to(image.size, size)
            check_declared(file, 8 * width * height + 4 * math.prod(resized))
            image = image.convert("L" if grey and image.mode in ("1", "L") else "RGB")
            if size is not None:
                left, top = (round((side - size) / 2) for side in resized)
                image = image.resize(resized, Image.Resampling.BILINEAR)
                image = image.crop((left, top, left + size, top + size))
            pixels = np.asarray(image)
            return pixels[..., None] if pixels.ndim == 2 else pixels


def resized_to(sides: tuple[int, int], size: int) -> tuple[int, int]:
    """Width and height of which the central size×size is taken: the longer side is truncated."""
    short = round(size * 256 / 224)
    width, height = sides
    if width <= height:
        return short, int(short * height / width)
    return int(short * width / height), short


@functools.cache
def _silence_libtiff() -> None:
    """Keep libtiff from printing what is wrong with a file: it raises an error, too."""
    with contextlib.suppress(OSError, AttributeError):  # a Pillow without it, or with its symbols hidden
        library = ctypes.CDLL(Image.core.__file__)
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)


def _deep(tile: Sequence[Any]) -> bool:
    """Whether Pillow would drop bits of a part of an image: its raw mode, or its largest value, tells."""
    codec, _, _, given = tile
    arguments: list[Any] = list(given) if isinstance(given, tuple) else [given]
    largest = arguments[1] if codec.startswith("ppm") else 255
    return largest > 255 or any(isinstance(word, str) and _DEEP.search(word) for word in arguments)


@final
@dataclasses.dataclass(frozen=True)
class ImageFiles(Streamed):
    """Images that are read, resized and cropped when they are asked for.

    Attributes:
        files: One for each image.
        size: Height and width of what comes out: float32 in [0, 1], (3, size, size).
        as_they_are: Whether files have that size, and others are refused; by default images are resized.
    """

    files: tuple[Path, ...]
    size: int
    as_they_are: bool = False

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self.files), 3, self.size, self.size))

    def read(self, place: int) -> Tensor:
        file = self.files[place]
        pixels = read_rgb(file, None if self.as_they_are else self.size)
        if pixels.shape[:2] != (self.size, self.size):
            raise InputError(
                f"{file} must have {self.size}×{self.size} pixels, got {pixels.shape[1]}×{pixels.shape[0]}; "
                f"give @{self.size} behind the path to resize all images."
            )
        return to_tensor(pixels)

    def select(self, positions: Sequence[int]) -> Self:
        return dataclasses.replace(self, files=tuple(self.files[position] for position in positions))

    def digest(self) -> bytes:
        done = _AS_THEY_ARE if self.as_they_are else _PREPROCESSING
        digest = hashlib.sha256(f"{self.size} {done}".encode())
        for file in self.files:
            with reading(file, "image"):
                digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.digest()


def to_tensor(pixels: np.ndarray) -> Tensor:
    """uint8 pixels (height, width, channels) as float32 in [0, 1], channels first."""
    return torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32)).div_(255)
