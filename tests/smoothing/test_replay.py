"""Full batches as graphs, on a pretend GPU: see `tests.devices.pretend_graphs` for what it can show."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.devices import pretend_graphs
from wulff import models
from wulff.smoothing.classifier import Voter
from wulff.smoothing.replay import WARM_UP, Replay

GPU = torch.device("cuda")
BATCHES = torch.rand(WARM_UP + 20, 32, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "CUDAGraph", pretend_graphs.Graph)
    monkeypatch.setattr(torch.cuda, "graph", pretend_graphs.capture)
    for name in ("get_sync_debug_mode", "set_sync_debug_mode"):
        monkeypatch.setattr(torch.cuda, name, getattr(pretend_graphs, name))


class Counting(nn.Module):
    """A network that knows how often it was called."""

    def __init__(self, after: Callable[[Tensor, int], Tensor] = lambda logits, calls: logits) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = models.build("cnn", (1, 8, 8), 10).eval()
        self.after = after
        self.calls = 0

    def forward(self, batch: Tensor) -> Tensor:
        self.calls += 1
        return self.after(self.net(batch), self.calls)


@torch.no_grad()
def votes(net: Counting, device: torch.device) -> list[Tensor]:
    buffer, voter = torch.empty(BATCHES[0].shape), Voter(10)
    vote, found = Replay(lambda: voter(net, buffer), device), []
    for batch in BATCHES:
        buffer.copy_(batch)
        found.append(vote().clone())
    return found


@torch.no_grad()
def expected() -> list[Tensor]:
    voter, net = Voter(10), Counting()
    return [voter(net, batch) for batch in BATCHES]


def test_replayed_batches_get_the_same_votes_without_the_model() -> None:
    net = Counting()
    assert all(map(torch.equal, votes(net, GPU), expected()))
    assert net.calls == WARM_UP + 2  # once to see whether it waits, and once to be captured
    assert len(torch.stack(expected()).unique()) > 1


def test_nothing_is_captured_elsewhere() -> None:
    net = Counting()
    assert all(map(torch.equal, votes(net, torch.device("cpu")), expected()))
    assert net.calls == len(BATCHES)


def waits(logits: Tensor, calls: int) -> Tensor:
    return logits * (1.0 if float(logits.sum()) > 0 else 2.0)


def counts(logits: Tensor, calls: int) -> Tensor:
    """Decides in Python what a graph would not decide again."""
    return -logits if calls == WARM_UP + 2 else logits


@pytest.mark.parametrize(("after", "more"), [(waits, 1), (counts, 2)])
def test_what_cannot_be_captured_runs_as_before(after: Callable[[Tensor, int], Tensor], more: int) -> None:
    net = Counting(after)
    assert all(map(torch.equal, votes(net, GPU), expected()))
    assert net.calls == len(BATCHES) + more
    assert pretend_graphs.failed == []
    assert pretend_graphs.get_sync_debug_mode() == 0
