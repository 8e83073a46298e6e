"""Images in files, decoded when they are needed; the only file that imports Pillow."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from wulff.errors import InputError

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff"})


def read_rgb(file: Path, size: int | None = None) -> np.ndarray:
    """The uint8 pixels of an image, (height, width, 3); with a size, resized and cropped at the centre.

    The shorter side becomes size · 256 / 224, and of that the central square is taken, as is usual for
    ImageNet.

    Raises:
        InputError: Pillow is missing, or cannot read the file, or its pixels have more than 8 bits.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise InputError("images in files need Pillow; pip install 'wulff[images]'.") from None
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(file) as image:
            if image.mode[0] in "IF":  # Pillow would cut 16-bit pixels off at 255
                raise InputError(f"{file} has {image.mode} pixels; convert it to 8 bits per channel.")
            image = image.convert("RGB")
            if size is not None:
                scale = round(size * 256 / 224) / min(image.size)
                width, height = (max(size, round(side * scale)) for side in image.size)
                image = image.resize((width, height), Image.Resampling.BILINEAR)
                left, top = (width - size) // 2, (height - size) // 2
                image = image.crop((left, top, left + size, top + size))
            return np.asarray(image)
    except InputError:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{file} is not a readable image: {error}.") from None
    finally:
        Image.MAX_IMAGE_PIXELS = limit


@dataclasses.dataclass(frozen=True)
class ImageFiles:
    """Images that are read, resized and cropped when they are asked for; it is indexed like a tensor.

    Attributes:
        files: One for each image.
        size: Height and width of what comes out: float32 in [0, 1], (3, size, size).
        device: Where it is put.
    """

    files: tuple[Path, ...]
    size: int
    device: str | torch.device = "cpu"

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self.files), 3, self.size, self.size))

    @property
    def ndim(self) -> int:
        return 4

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Tensor]:
        return (self._read(file) for file in self.files)

    def __getitem__(self, rows: Any) -> Tensor:
        """One image for an integer; several for a slice or integers, decoded by several threads."""
        if isinstance(rows, int):
            return self._read(self.files[rows])
        positions = rows.tolist() if isinstance(rows, Tensor) else range(len(self.files))[rows]
        with ThreadPoolExecutor() as pool:
            return torch.stack(list(pool.map(self._read, [self.files[row] for row in positions])))

    def select(self, positions: Sequence[int]) -> Self:
        """Some of the images, still undecoded."""
        return dataclasses.replace(self, files=tuple(self.files[position] for position in positions))

    def to(self, device: str | torch.device) -> Self:
        return dataclasses.replace(self, device=device)

    def digest(self) -> bytes:
        """The hash of the files' contents and the size."""
        digest = hashlib.sha256(str(self.size).encode())
        for file in self.files:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.digest()

    def _read(self, file: Path) -> Tensor:
        pixels = torch.from_numpy(read_rgb(file, self.size).transpose(2, 0, 1).astype(np.float32))
        return pixels.div_(255).to(self.device)
