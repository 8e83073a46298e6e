"""Counter-based randomness: the noise of every block of samples has its own key.

A sample belongs to a run seed, an input, a phase and a block, and to nothing else. So the same input gets
the same noise whatever the batch size, the order of the inputs, or the number of restarts.
"""

import enum
import functools
from collections.abc import Iterable

import numpy as np
import torch

from wulff._typing import FloatArray

BLOCK = 64
"""Samples that share one key. A block is always drawn whole, even where only some of it is needed."""

_STATE_WORDS = 624
_STATE_START = 3  # 64-bit words before the Mersenne Twister's state: seed, (left, seeded), next


class Phase(enum.IntEnum):
    """What samples are for; samples of different phases are independent."""

    SELECTION = 0
    ESTIMATION = 1
    PREDICTION = 2


class Purpose(enum.IntEnum):
    """What random numbers other than noise are for; they share no counter with any phase."""

    ESTIMATOR = 1024
    SUBSAMPLE = 1025


def stream(device: torch.device, seed: int, index: int, phase: Phase, block: int) -> torch.Generator:
    """The generator of one block of samples.

    The key is expanded by Philox, a counter-based generator: (seed, index) is its key, (block, phase) its
    counter, so that distinct blocks can never share a state. PyTorch's own CPU seeding would keep only
    32 bits of the key, which collide within one ImageNet run.
    """
    generator = torch.Generator(device)
    key = np.array([seed, index], dtype=np.uint64)
    philox = np.random.Philox(key=key, counter=[0, block, int(phase), 0])
    if device.type != "cpu":
        return generator.manual_seed(int(philox.random_raw()) >> 1)
    state = _blank_state().copy()
    state[_STATE_START : _STATE_START + _STATE_WORDS] = philox.random_raw(_STATE_WORDS // 2).view(np.uint32)
    generator.set_state(torch.from_numpy(state.view(np.uint8)))
    return generator


def host_stream(seed: int, index: int, purpose: Purpose, block: int = 0) -> np.random.Generator:
    """Random numbers of one input that are independent of its noise, and of those for other purposes."""
    key = np.array([seed, index], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, block, int(purpose), 0]))


def estimator_draws(seed: int, index: Iterable[int]) -> FloatArray:
    """One number in (0, 1] for each input, for randomised bounds.

    It is a uniform one rounded up to a multiple of 2⁻⁵³: bounds rise with it, so that they stay valid.
    """
    raw = [host_stream(seed, i, Purpose.ESTIMATOR).integers(2**53) for i in index]
    return (np.array(raw, dtype=np.float64) + 1) * 2.0**-53


@functools.cache
def _blank_state() -> np.ndarray:
    """The state of a freshly seeded CPU generator, after a check that its layout is the one written above."""
    state = torch.Generator().manual_seed(1).get_state().numpy().view(np.uint64)
    words = np.empty(_STATE_WORDS, dtype=np.uint64)
    words[0] = 1
    for i in range(1, _STATE_WORDS):  # the published initialisation of the Mersenne Twister
        previous = int(words[i - 1])
        words[i] = (1812433253 * (previous ^ (previous >> 30)) + i) & 0xFFFFFFFF
    if not np.array_equal(state[_STATE_START : _STATE_START + _STATE_WORDS], words):
        raise RuntimeError(
            f"PyTorch {torch.__version__} keeps its CPU generator's state in an unknown layout."
        )
    return state
