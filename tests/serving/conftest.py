"""A smoothed classifier of small images, and a server in front of it."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import uvicorn
from torch import Tensor, nn

from tests.backends.servers import free_port
from wulff.serving import Service, application
from wulff.smoothing import Smoothed
from wulff.tables import Layout

SHAPE = (1, 4, 4)


class Brightness(nn.Module):
    """Three classes of brightness; it keeps the sizes of its batches, and waits at a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0))

    def forward(self, batch: Tensor) -> Tensor:
        level = batch.flatten(1).mean(1)
        return -self.scale * (level[:, None] - torch.tensor([0.2, 0.5, 0.8])).abs()


class Gated:
    """A model that waits until its gate is open, and remembers how large its batches were."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model.eval()
        self.gate = threading.Event()
        self.sizes: list[int] = []
        self.failing = False

    def __call__(self, batch: Tensor) -> Tensor:
        self.gate.wait(30)
        if self.failing:
            raise RuntimeError("no more\nof this")
        self.sizes.append(len(batch))
        return self.model(batch)


@contextlib.contextmanager
def served(
    service: Service, token: str | None = None, table: Layout | None = None, **more: Any
) -> Iterator[int]:
    """The port of a server in front of a service, in a thread."""
    port = free_port()
    app: Any = application(service, token=token, table=table)
    config = uvicorn.Config(app, port=port, log_level="error", lifespan="on", ws="none", **more)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def smoothed() -> Smoothed:
    return Smoothed(Brightness(), "gaussian(sigma=0.2)", 3)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(1)) * 0.1 + torch.tensor(
        [0.1, 0.15, 0.45, 0.3, 0.7, 0.8]
    ).reshape(-1, 1, 1, 1)
