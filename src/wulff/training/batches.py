"""Batches of inputs; images in files are decoded one batch ahead."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import torch
from torch import Tensor


class Inputs(Protocol):
    """Inputs in [0, 1], of shape (inputs, ...): a tensor, or what decodes images when it is indexed."""

    @property
    def shape(self) -> torch.Size: ...

    @property
    def ndim(self) -> int: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Tensor: ...

    def to(self, device: torch.device, /) -> Any: ...


def fetch(images: Inputs, batches: Sequence[Tensor]) -> Iterator[Tensor]:
    """The inputs of each batch of rows; files are decoded while the caller works on the batch before."""
    if isinstance(images, Tensor):
        yield from (images[rows] for rows in batches)
        return
    waiting = [rows.cpu() for rows in batches]  # a thread that reads a GPU would wait for the caller's work
    with ThreadPoolExecutor(max_workers=1) as thread:
        ahead = thread.submit(images.__getitem__, waiting[0])
        for rows in itertools.chain(waiting[1:], [None]):
            x = ahead.result()
            if rows is not None:
                ahead = thread.submit(images.__getitem__, rows)
            yield x
