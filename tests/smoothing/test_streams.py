"""Every block of noise has its own key."""

import itertools

import numpy as np
import torch
from scipy import stats

from wulff.smoothing import Phase, Purpose, estimator_draws, stream
from wulff.smoothing.streams import host_stream

CPU = torch.device("cpu")


def draw(seed: int, index: int, phase: Phase, block: int, count: int = 1000) -> torch.Tensor:
    return torch.rand(count, generator=stream(CPU, seed, index, phase, block), dtype=torch.float64)


def test_same_key_same_numbers_other_key_other_numbers() -> None:
    keys = list(
        itertools.product(
            [0, 1, 2**32, 2**64 - 1], [0, 1, 2**33], [Phase.SELECTION, Phase.ESTIMATION], [0, 1]
        )
    )
    seen = {tuple(draw(*key, count=4).tolist()) for key in keys}
    assert len(seen) == len(keys)
    assert torch.equal(draw(3, 1, Phase.ESTIMATION, 7), draw(3, 1, Phase.ESTIMATION, 7))


def test_numbers_of_neighbouring_blocks_are_uniform_and_uncorrelated() -> None:
    blocks = torch.stack([draw(0, 0, Phase.ESTIMATION, block) for block in range(200)])
    # Two tests, each with a false-alarm rate of 1e-6.
    assert stats.kstest(blocks.flatten().numpy(), "uniform").pvalue > 1e-6
    correlation = np.corrcoef(blocks.numpy())
    off_diagonal = correlation[np.triu_indices(200, 1)]
    assert np.abs(off_diagonal).max() < 0.2  # 6.3 standard errors, 19,900 pairs


def test_draws_of_the_estimator_are_uniform_and_keyed_by_seed_and_input() -> None:
    draws = estimator_draws(3, range(4000))
    assert draws.min() > 0
    assert draws.max() <= 1
    assert stats.kstest(draws, "uniform").pvalue > 1e-6  # the false-alarm rate
    np.testing.assert_array_equal(estimator_draws(3, [17, 5]), draws[[17, 5]])
    assert (estimator_draws(4, range(100)) != draws[:100]).all()


def test_streams_for_other_purposes_share_nothing_with_the_noise() -> None:
    def words(generator: np.random.Generator) -> set[int]:
        return set(generator.bit_generator.random_raw(1000).tolist())  # type: ignore[attr-defined]

    phases = [
        set(np.random.Philox(key=[1, 2], counter=[0, block, int(phase), 0]).random_raw(1000).tolist())
        for phase in Phase
        for block in range(3)
    ]
    others = [words(host_stream(1, 2, purpose, block)) for purpose in Purpose for block in (0, 1, 100)]
    assert len(set().union(*phases, *others)) == 1000 * (len(phases) + len(others))
