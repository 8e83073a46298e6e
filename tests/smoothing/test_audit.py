"""The audit finds what depends on the batch, and nothing where nothing does."""

import torch
from torch import Tensor, nn

from wulff.noises import parse
from wulff.smoothing import audit_batch_invariance
from wulff.views import Bands, Splitting

X = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
NOISE = parse("laplace(sigma=0.5)")


class Honest(nn.Module):
    """Each row by itself."""

    def forward(self, batch: Tensor) -> Tensor:
        return batch.flatten(1)[:, :3].clone()


class Sociable(nn.Module):
    """Compares each row with the mean of its batch."""

    def forward(self, batch: Tensor) -> Tensor:
        rows = batch.flatten(1)[:, :3]
        return rows - rows.mean(dim=0)


class Labels(nn.Module):
    def forward(self, batch: Tensor) -> Tensor:
        return (batch.flatten(1)[:, 0] > 0.5).long()


def test_rows_by_themselves_are_invariant() -> None:
    for model in (Honest(), Labels()):
        audit = audit_batch_invariance(model, X, NOISE, copies=200, batches=(1, 16, 50), reference=64)
        assert all(v.labels == 0 and not v.logits for v in audit.variations)
        assert all(v.copies == 200 for v in audit.variations)
        assert "do not depend on batch size" in audit.sentence


def test_rows_that_look_at_each_other_are_found() -> None:
    audit = audit_batch_invariance(Sociable(), X, NOISE, copies=200, batches=(1, 16), reference=64)
    found = {v.name: v for v in audit.variations}
    assert found["batches of 16"].labels > 0
    assert found["batches of 16"].logits == 200
    assert found["batches of 1"].padded
    assert audit.moved == max(v.labels for v in audit.variations if not v.padded)
    assert "depend on how copies are batched" in audit.sentence


def test_views_that_look_at_their_neighbours_are_found() -> None:
    grid = (X * 16).round() / 16
    for views in (Splitting(0.5, levels=16), Bands(2)):
        honest = audit_batch_invariance(Honest(), grid, views, copies=200, batches=(16,), reference=64)
        assert honest.moved == 0
        assert all(v.logits == 0 and v.copies == 200 for v in honest.variations)
        sociable = audit_batch_invariance(Sociable(), grid, views, copies=200, batches=(16,), reference=64)
        assert sociable.moved > 0
        assert {v.name: v for v in sociable.variations}["other positions"].logits
