"""What every engine must obey."""

import numpy as np
import torch
from torch import Tensor, nn

from wulff.engines import Engine, LocalEngine
from wulff.errors import InputError
from wulff.noises import parse
from wulff.norms import Norm
from wulff.smoothing import AnytimeQuota, FixedQuota, Phase, Quota, Smoothed, Terms
from wulff.stats import Anytime

NOISE = "laplace(sigma=0.5)"


class Bands(nn.Module):
    """Four labels by mean brightness; defined in a module, so that it can be sent to other processes."""

    def forward(self, batch: Tensor) -> Tensor:
        return (batch.flatten(1).mean(dim=1) * 4).long().clamp(0, 3)


def check_engine(engine: Engine, *, inputs: int = 12) -> None:
    """Check that an engine counts the votes of the local one, in the order of the inputs.

    Fixed sample sizes and early stopping, indices out of order, no inputs at all, results that nobody
    waits for, and a model that returns labels that do not exist.

    Raises:
        AssertionError: The engine breaks its contract.
    """
    images = torch.rand(inputs, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    pairs = [(7 * place % inputs if inputs % 7 else place, x) for place, x in enumerate(images)]
    smoothed = Smoothed(Bands(), NOISE, 4, batch=64)
    noise = parse(NOISE).in_dim(12)
    fixed = FixedQuota({Phase.SELECTION: 10, Phase.ESTIMATION: 300})
    stop = Anytime(radii=(0.1,))
    terms = Terms(noise=noise, n0=20, n=3000, alpha=1e-3, seed=5, stop=stop)
    anytime = AnytimeQuota(terms, [Norm.L1])
    quotas: list[Quota] = [fixed, anytime]
    for quota in quotas:
        expected = list(LocalEngine().map(smoothed, quota, 5, iter(pairs)))
        found = list(engine.map(smoothed, quota, 5, iter(pairs)))
        assert [votes.index for votes in found] == [index for index, _ in pairs], "order of the inputs"
        for ours, theirs in zip(found, expected, strict=True):
            assert dict(ours.sizes) == dict(theirs.sizes), f"sample sizes of input {ours.index}"
            for phase, counts in theirs.counts.items():
                np.testing.assert_array_equal(ours.counts[phase], counts)
    assert list(engine.map(smoothed, fixed, 5, iter([]))) == []
    unfinished = engine.map(smoothed, fixed, 5, iter(pairs))
    assert next(iter(unfinished)).index == pairs[0][0]
    del unfinished
    refused = Smoothed(Bands(), NOISE, 2, batch=64)
    try:
        list(engine.map(refused, fixed, 5, iter(pairs)))
    except InputError:
        return
    raise AssertionError("labels that do not exist must be refused with InputError")
