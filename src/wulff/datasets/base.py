"""What a data set is: images in [0, 1] with labels and names, and a hash for the record."""

import dataclasses
import hashlib
import re
from collections.abc import Sequence

import torch
from torch import Tensor

from wulff._quoting import plain, shown
from wulff.datasets.streamed import Streamed
from wulff.errors import InputError
from wulff.tables import Layout

UNKNOWN = -2
"""Stands for true labels that nobody has told; no classifier answers with it."""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Inputs with or without labels, in memory or on disk.

    Attributes:
        name: How the data set was asked for.
        images: float32 in [0, 1], of shape (inputs, ...); images are (inputs, channels, height, width).
            What stays on disk is read when it is indexed.
        labels: int64 of shape (inputs,), from 0 to num_classes - 1; all of them `UNKNOWN` where nobody has
            told them.
        num_classes: The number of labels.
        index: The position of each input in the whole set, before any slice was taken.
        class_names: The names of the labels from 0 on; None where they have none but their numbers.
        file_names: Where each input is, below the folder of the data set; None where they have no files of
            their own.
        pixels: Whether inputs have to lie in [0, 1]; else their coordinates have units of their own, and need
            noise with scales.
        table: The columns, where inputs are rows of a table.

    Raises:
        InputError: Shapes, values or labels do not fit together.
    """

    name: str
    images: Tensor | Streamed
    labels: Tensor
    num_classes: int
    index: tuple[int, ...] = ()
    class_names: tuple[str, ...] | None = None
    file_names: tuple[str, ...] | None = None
    pixels: bool = True
    table: Layout | None = None

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.ndim < 2 or 0 in images.shape or labels.shape != images.shape[:1]:
            raise InputError(
                f"{self.name}: images must be (inputs, ...), none of them empty, with one label each, "
                f"got {tuple(images.shape)} images and {tuple(labels.shape)} labels."
            )
        if isinstance(images, Tensor):  # what stays on disk is checked when it is read
            check_pixels(self.name, images, own_units=not self.pixels)
        outside = (((labels < 0) & self.labelled) | (labels >= self.num_classes)).nonzero()
        if len(outside):
            raise InputError(
                f"{self.name}: labels must lie between 0 and {self.num_classes - 1}, got "
                f"{int(labels[outside[0, 0]])} for input {int(outside[0, 0])}."
            )
        if not self.index:
            object.__setattr__(self, "index", tuple(range(len(images))))
        for what, names, count in (
            ("class_names", self.class_names, self.num_classes),
            ("file_names", self.file_names, len(images)),
        ):
            if names is not None and len(names) != count:
                raise InputError(f"{self.name}: {what} must be {count:,} names, got {len(names):,}.")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labelled(self) -> bool:
        """Whether true labels are known."""
        return not bool((self.labels == UNKNOWN).all())

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.images.shape[1:])

    def __getitem__(self, chosen: slice) -> "Dataset":
        """The inputs that a slice takes, as in `dataset[::20]`."""
        if not isinstance(chosen, slice):
            raise TypeError(f"a data set takes slices such as [::20], got {chosen!r}.")
        index = self.index[chosen]
        if not index:
            raise InputError(f"the slice takes none of the {len(self)} inputs of {self.name}, got {chosen}.")
        if isinstance(self.images, Tensor):
            images = self.images[chosen]
        else:
            images = self.images.select(range(len(self))[chosen])
        files = None if self.file_names is None else self.file_names[chosen]
        return dataclasses.replace(
            self, images=images, labels=self.labels[chosen], index=index, file_names=files
        )

    def slice(self, text: str) -> "Dataset":
        """The inputs that the text of a Python slice names, such as `::20`, `:200` or `[::20]`."""
        return self[parse_slice(text)]

    def sha256(self) -> str:
        """The hash of images, labels and their shapes."""
        digest = hashlib.sha256(repr((tuple(self.images.shape), self.num_classes)).encode())
        if isinstance(self.images, Tensor):
            digest.update(self.images.contiguous().numpy().data)
        else:
            digest.update(self.images.digest())
        digest.update(self.labels.to(torch.int64).contiguous().numpy().tobytes())
        return digest.hexdigest()


def check_pixels(name: str, images: Tensor, first: int = 0, *, own_units: bool = False) -> None:
    """Refuse inputs outside [0, 1], and such that are not numbers.

    Args:
        name: Of the data set, for messages.
        images: The inputs, of shape (inputs, ...).
        first: The position of the first of them.
        own_units: Whether they need not lie in [0, 1].
    """
    finite = images.flatten(1).isfinite().all(dim=1)
    if not bool(finite.all()):
        at = first + int((~finite).nonzero()[0])
        raise InputError(f"{name}: image {at} holds NaN or infinite values.")
    if own_units:
        return
    for extreme in (images.min(), images.max()):
        if not 0 <= extreme <= 1:  # printed as float32: 1.0004, not 1.00039994
            raise InputError(
                f"{name}: pixels must lie in [0, 1], got {extreme.numpy()!s}; divide 8-bit pixels "
                "by 255, clip what rounding left outside, and leave normalisation to the model."
            )


def printable(names: Sequence[str]) -> tuple[str, ...]:
    """Names of classes or files as records have them: what cannot be printed appears as an escape."""
    return tuple(map(plain, names))


def parse_slice(text: str) -> slice:
    """The slice that a text such as `::20`, `:200` or `[::20]` names.

    Raises:
        InputError: It names none, or its step is 0.
    """
    number = "[0-9]{1,18}"  # longer ones fit into no index
    match = re.fullmatch(rf"(\[)?(-?{number})?:(-?{number})?(?::({number})?)?(?(1)\])", text.strip())
    if match is None or (match[4] and int(match[4]) == 0):
        raise InputError(f"a slice must look like ::20 or :200 or 100:500:2, got {shown(text)}.", "slice")
    return slice(*(int(part) if part else None for part in match.groups()[1:]))
