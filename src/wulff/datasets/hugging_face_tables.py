"""Data sets of Hugging Face's package `datasets` on disk; the only file that imports it."""

import dataclasses
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from wulff._quoting import shown
from wulff._reading import reading
from wulff.datasets.base import UNKNOWN, Dataset, printable
from wulff.datasets.folders import SPLIT_NAMES, path_and_size
from wulff.datasets.image_files import read_pixels, to_tensor
from wulff.datasets.locations import folder_of
from wulff.datasets.npz_files import checked_labels
from wulff.datasets.streamed import Streamed
from wulff.errors import InputError

KIND = "hf-dataset"
LABELS = ("label", "labels")
"""What a column of labels is usually called; else it is the one that knows its classes."""


def hugging_face(split: str, path: str | None = None) -> Dataset:
    """A data set as `save_to_disk` of the package `datasets` leaves it, with one column of images.

    Labels are in the column `label` or `labels`, or in the one that knows its classes; without such a column,
    or where all are -1, true labels are not known. Images stay on disk.

    Args:
        split: `train` or `test`; the same where the folder has no splits.
        path: The folder, perhaps with `@SIZE`: images become SIZE×SIZE as those of other folders do; by
            default they stay as they are, in grey or colour, and must have one size.
    """
    if path is None:
        raise InputError(f"give the folder that save_to_disk wrote, as in {KIND}:PATH.")
    path, size = path_and_size(KIND, path, usual=0)
    folder = folder_of(KIND, path)
    table = _table(folder, split)
    column = _image_column(folder, table)
    images = EncodedImages.of(f"{KIND}:{folder}", table, column, size or None)
    labels, names = _labels(folder, table)
    files = images.table.data.column(column).combine_chunks().field("path").to_pylist()
    return Dataset(
        images.name,
        images,
        labels,
        num_classes=len(names) if names else max(1, int(labels.max()) + 1),
        class_names=printable(names) if names else None,
        file_names=printable(files) if all(files) else None,
    )


def _table(folder: Path, split: str) -> Any:
    """The split of a data set; the whole where it has none."""
    try:
        import datasets
    except ImportError:
        raise InputError(
            f"{KIND}:{folder} needs the package datasets; pip install 'wulff[{KIND}]'."
        ) from None
    with reading(folder, "data set of the package datasets", "write it with save_to_disk"):
        found = datasets.load_from_disk(str(folder))
    if not isinstance(found, datasets.DatasetDict):
        return found
    for name in SPLIT_NAMES[split]:
        if name in found:
            return found[name]
    there, wanted = ", ".join(map(str, found)), ", ".join(SPLIT_NAMES[split])
    raise InputError(f"{folder} has the splits {there}, and none of {wanted}; give PATH/SPLIT.")


def _image_column(folder: Path, table: Any) -> str:
    from datasets import Image

    found = [name for name, feature in table.features.items() if isinstance(feature, Image)]
    if len(found) != 1:
        raise InputError(
            f"{folder} must have one column of images, got {', '.join(map(shown, found)) or 'none'} among "
            f"{', '.join(map(shown, table.column_names))}; take others away with remove_columns."
        )
    return found[0]


def _labels(folder: Path, table: Any) -> tuple[Tensor, list[str] | None]:
    """True labels, and the names of the classes where they are known."""
    from datasets import ClassLabel

    known = [name for name, feature in table.features.items() if isinstance(feature, ClassLabel)]
    usual = [name for name in LABELS if name in table.features]
    if not usual and len(known) > 1:
        raise InputError(
            f"{folder} has several columns of labels, {', '.join(map(shown, known))}; call one of them label "
            "with rename_column."
        )
    if not usual and not known:
        return torch.full((len(table),), UNKNOWN), None
    column = (usual or known)[0]
    values = np.asarray(table.select_columns([column]).with_format("numpy")[:][column])
    labels = checked_labels(folder, values)
    if bool((labels == -1).all()):  # how hidden labels are written
        labels = torch.full_like(labels, UNKNOWN)
    return labels, list(table.features[column].names) if column in known else None


@final
@dataclasses.dataclass(frozen=True)
class EncodedImages(Streamed):
    """A column of encoded images, each decoded when it is asked for.

    Attributes:
        name: Of the data set, for messages.
        table: The column, undecoded.
        column: Its name.
        row: The shape of one image: (channels, height, width).
        size: To which size images are resized; None if they stay as they are.
        positions: Which rows these are.
    """

    name: str
    table: Any
    column: str
    row: tuple[int, int, int]
    size: int | None
    positions: np.ndarray

    @classmethod
    def of(cls, name: str, table: Any, column: str, size: int | None) -> Self:
        """All images of a column, whose first one decides the size and whether they are grey."""
        from datasets import Image

        encoded = table.select_columns([column]).cast_column(column, Image(decode=False))
        positions = np.arange(len(encoded), dtype=np.int64)
        if not len(positions):
            raise InputError(f"{name} has no images.")
        images = cls(name, encoded, column, (3, 0, 0), size, positions)
        row = (3, size, size) if size else images._pixels(0).transpose(2, 0, 1).shape
        return dataclasses.replace(images, row=row)

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self.positions), *self.row))

    def read(self, place: int) -> Tensor:
        position = int(self.positions[place])
        pixels = self._pixels(position)
        height, width, channels = pixels.shape
        if (channels, height, width) != self.row:
            raise InputError(
                f"{self.name}: images must have one shape (channels, height, width), as the first one "
                f"{self.row}, got {(channels, height, width)} for image {position}; give @SIZE behind the "
                "folder."
            )
        return to_tensor(pixels)

    def select(self, positions: Sequence[int]) -> Self:
        return dataclasses.replace(self, positions=self.positions[np.asarray(positions, dtype=np.int64)])

    def digest(self) -> bytes:
        digest = hashlib.sha256(f"{self.row} {self.size}".encode())
        for position in self.positions.tolist():
            digest.update(hashlib.sha256(self._content(position)).digest())
        return digest.digest()

    def _pixels(self, position: int) -> np.ndarray:
        where = Path(f"{self.name}, image {position}")
        return read_pixels(io.BytesIO(self._content(position)), where, self.size, grey=self.size is None)

    def _content(self, position: int) -> bytes:
        entry: dict[str, Any] = self.table[position][self.column] or {}
        content: bytes | None = entry.get("bytes")
        if content is None and entry.get("path"):
            with reading(entry["path"], "image"):
                content = Path(entry["path"]).read_bytes()
        if content is None:
            raise InputError(f"{self.name} has no image in row {position}.")
        return content
